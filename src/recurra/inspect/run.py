"""A trained run laid open: its model, and a batch of its data with the task's own loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from recurra.cells import Cell
from recurra.errors import Fault
from recurra.layers.recurrent import Recurrent
from recurra.runs.folder import FORMAT, RECIPE, load, restore_task, task_class
from recurra.runs.sections import read_section
from recurra.storage.files import check_format
from recurra.storage.models import fill, weights_of
from recurra.storage.toml_text import read_toml
from recurra.tasks.base import Task

ROWS = 32
"""Rows of a batch that is inspected, where nobody says how many."""


@dataclass(frozen=True)
class OpenRun:
    """A run, ready to be inspected.

    Attributes:
        folder: where it lies.
        task: with the weights that training kept.
        model: the task's, in evaluation mode: nothing is dropped, so that two inspections see the same.
        batch: the first of an epoch's batches, as the task's `loss` reads it.
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


class LayerRun(NamedTuple):
    """One recurrent layer while the model read the batch.

    Attributes:
        name: where it stands in the model. rows: what it read. state: what it started from; None: its own.
    """

    name: str
    layer: Recurrent
    rows: Any
    state: Any


def layer_runs(opened: OpenRun) -> list[LayerRun]:
    """What each recurrent layer of a run reads of the batch, in the order of the forward pass."""
    runs: list[LayerRun] = []
    with _listening(opened.model, runs.append), torch.no_grad():
        opened.loss(opened.model, opened.batch)
    return runs


@contextmanager
def _listening(model: nn.Module, listener: Callable[[LayerRun], None]) -> Iterator[None]:
    def listen(name: str) -> Callable[..., None]:
        def hear(layer: nn.Module, arguments: Any, options: Any) -> None:
            assert isinstance(layer, Recurrent)
            state = arguments[1] if len(arguments) > 1 else options.get("state")
            listener(LayerRun(name, layer, arguments[0], state))

        return hear

    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, Recurrent)]
    hooks = [layer.register_forward_pre_hook(listen(name), with_kwargs=True) for name, layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def open_run(run: str | Path, rows: int | None = None, data: str | Path | None = None) -> OpenRun:
    """Opens a run folder for inspection.

    Args:
        rows: of the batch, at most; None: as many as the recipe trains on, `ROWS` at most.
        data: a file like the training data; None: the training data, found where the recipe says.

    Raises:
        Fault: no run, or one that can't be loaded (`recurra.load`); its model has no recurrent layer; the
            data is gone or can't be used.
    """
    folder = Path(run)
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
    table = read_toml(folder / RECIPE)
    check_format(table, FORMAT, where)
    task = task_class(table, where)
    own = read_section(task.DataOptions, table.get("data", {}), "data", where)
    section = own.model_dump(mode="json")
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
    stream = section.get("read_as", "stream") == "stream"
    return opened, section.get("steps") if stream else None


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
