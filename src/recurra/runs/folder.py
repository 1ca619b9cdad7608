"""What a run folder holds, and the task of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

import recurra.tasks  # noqa: F401  (registers every task)
from recurra.errors import Fault
from recurra.runs.sections import read_section
from recurra.runs.toml import read_toml
from recurra.storage.files import check_format
from recurra.storage.models import load_model
from recurra.tasks.base import TASKS, Task

FORMAT = 1
"""Of the whole folder, kept as `format` in its recipe; a newer one is refused."""

RECIPE = "recipe.toml"  # as resolved: every setting with its value
LAST = "last"  # the checkpoint a run is resumed from
LOG = "log.jsonl"
METRICS = "metrics.json"
TENSORBOARD = "tensorboard"


def task_class(table: dict[str, Any], where: str) -> type[Task]:
    """The task that a recipe names."""
    if not isinstance(table.get("task"), str):
        raise Fault(
            f"{where}: task = {table.get('task')!r} found, expected one of: {', '.join(sorted(TASKS))}"
        )
    try:
        task: type[Task] = TASKS[table["task"]]
    except Fault as fault:
        raise Fault(f"{where}: {fault}") from None
    return task


def load(run: str | Path, device: str | torch.device = "cpu") -> Task:
    """The trained task of a run folder: ready to predict, evaluate and, where it can, sample and stream.

    Reads the best model, the recipe and what the task keeps beside them (vocabularies, labels); no training
    data, and nothing is executed.

    Raises:
        Fault: not a run folder, one of a newer format, not trained yet, or a file is missing or altered.
    """
    folder = Path(run)
    where = str(folder / RECIPE)
    if not (folder / RECIPE).is_file():
        raise Fault(f"{folder}: not a run folder: it has no {RECIPE}")
    table = read_toml(folder / RECIPE)
    check_format(table, FORMAT, where)
    task = task_class(table, where)
    data = read_section(task.DataOptions, table.get("data", {}), "data", where)
    model = read_section(task.ModelOptions, table.get("model", {}), "model", where)
    if not (folder / "model.json").is_file():
        raise Fault(f"{folder}: holds no model yet: let the training reach its first validation")
    return task.restore(data, model, load_model(folder, device), folder)
