"""A trained run laid open: its model, and a batch of its data with the task's own loss."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from recurra.cells import Cell
from recurra.errors import Fault
from recurra.ragged import Ragged
from recurra.runs.folder import RECIPE, load, restore_task, run_recipe
from recurra.runs.hub import run_folder
from recurra.runs.sections import read_section
from recurra.state import is_named
from recurra.storage.models import fill, weights_of
from recurra.storage.toml_text import read_toml
from recurra.tasks.base import Task

ROWS = 32
"""Rows of a batch that is inspected, where nobody says how many."""

WINDOWS = 4
"""Windows of a stream that are read as one: what lies behind a window's start would not be seen within it."""


@dataclass(frozen=True)
class OpenRun:
    """A run, ready to be inspected.

    Attributes:
        folder: where it lies.
        task: with the weights that training kept.
        model: the task's, in evaluation mode: nothing is dropped, so that two inspections see the same.
        batch: the first of an epoch's batches, as the task's `loss` reads it; of a stream the first `WINDOWS`
            windows in one.
        steps: steps of a window, where training cut the gradient (truncated back-propagation); None where a
            row's gradient runs through all of it.
    """

    folder: Path
    task: Task
    model: nn.Module
    batch: Any
    steps: int | None

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        """The mean loss of the batch's items, a scalar; streams begin with the batch.

        Args:
            model: the run's own, or one like it.
        """
        own, self.task.model = self.task.model, model
        try:
            loss = self.task.loss(batch, None)
        finally:
            self.task.model = own
        return loss.total / max(1, loss.items)

    def end_loss(self, model: nn.Module, batch: Any) -> Tensor:
        """The same, whose gradient comes from the last output of each row alone: how far it reaches back is
        seen then, where of a loss at every step all later ones add up.

        Of a model that gives no output at each step it is `loss`.
        """
        hook = model.register_forward_hook(_last_alone)
        try:
            return self.loss(model, batch)
        finally:
            hook.remove()

    def longest_row(self) -> tuple[int | None, list[str] | None]:
        """The number of the longest row, and what its steps are called; None where steps have no names."""
        names = self.task.step_names(self.batch)
        if not names:
            return None, None
        row = max(range(len(names)), key=lambda number: len(names[number]))
        return row, names[row]


def _last_alone(model: nn.Module, inputs: Any, output: Any) -> Any:
    """A model's output with the gradient of each row's last step alone."""
    if isinstance(output, Ragged):
        if not output.data.is_floating_point():
            return output
        last = output.step_of == output.packed_lengths.to(output.step_of.device)[output.row_of] - 1
        mask = last.reshape(-1, *[1] * (output.data.dim() - 1))
        return output.with_data(torch.where(mask, output.data, output.data.detach()))
    if is_named(output):
        return type(output)(*(_last_alone(model, inputs, part) for part in output))
    return tuple(_last_alone(model, inputs, part) for part in output) if isinstance(output, tuple) else output


def open_run(run: str | Path, rows: int | None = None, data: str | Path | None = None) -> OpenRun:
    """Opens a run folder for inspection.

    Args:
        rows: of the batch, at most; None: as many as the recipe trains on, `ROWS` at most.
        data: a file like the training data; None: the training data, found where the recipe says.

    Raises:
        Fault: no run, or one that can't be loaded (`recurra.load`); its model has no recurrent layer; the
            data is gone or can't be used.
    """
    folder = run_folder(run)
    if rows is not None and rows < 1:
        raise Fault(f"rows = {rows} found, expected at least 1")
    model = load(folder).model
    if not any(isinstance(module, Cell) for module in model.modules()):
        raise Fault(
            f"{folder}: its model ({type(model).__name__}) has no recurrent layer: "
            f"there are no steps to look into"
        )
    task, steps = _with_data(folder, model, rows, data)
    batches = task.batches(0)
    if not len(batches):
        raise Fault(f"{folder}: its data gives no batch: give more data, or fewer rows")
    return OpenRun(folder, task, model.eval(), batches[0], steps)


def _with_data(
    folder: Path, model: nn.Module, rows: int | None, data: str | Path | None
) -> tuple[Task, int | None]:
    """The task around the run's model with data to train on, and the steps of a window that training read."""
    where = str(folder / RECIPE)
    table, task = run_recipe(read_toml(folder / RECIPE), where)
    own = read_section(task.DataOptions, table.get("data", {}), "data", where)
    section = own.model_dump(mode="json")
    window = section.get("window") if section.get("read_as", "stream") == "stream" else None
    if window is not None:
        section["window"] = WINDOWS * window
    if "batch_size" in section:
        section["batch_size"] = rows or min(ROWS, section["batch_size"])
    if data is not None:
        section |= _from_file(section, data, folder)
    elif section.get("validation") is not None:
        section["validation"] = deepcopy(section["train"])  # it is not looked at, and need not be there
    options = read_section(task.DataOptions, section, "data", where)
    shape = read_section(task.ModelOptions, table.get("model", {}), "model", where)
    seed = int(table.get("train", {}).get("seed", 0))
    opened = restore_task(task, options, shape, model, folder, seed)
    try:
        if not opened.read_training_data():
            opened = task.prepare(options, shape, seed=seed)
            fill(opened.model, weights_of(model), where)
            opened.model = model
    except Fault as fault:
        if data is not None:
            raise
        raise Fault(
            f"{folder}: its training data can't be read ({fault}): "
            f"put it back, or give a file like it with --data"
        ) from fault
    return opened, window


def _from_file(section: Mapping[str, Any], data: str | Path, folder: Path) -> dict[str, Any]:
    """The parts of a data section that make it one of this file alone."""
    if "train" not in section:
        raise Fault(f"{folder}: its task reads no file of training data: leave out --data")
    train = section["train"]
    first = train[0] if isinstance(train, list) else train
    options = (
        {key: value for key, value in first.items() if key != "builtin"} if isinstance(first, dict) else {}
    )
    source = {**options, "path": str(data)} if "path" in options else str(data)
    return {"train": source} | ({"validation": source} if "validation" in section else {})
