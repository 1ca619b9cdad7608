"""Training, measuring and predicting from Python, with files or with tables in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import recurra.data  # noqa: F401
from recurra.data.memory import MEMORY, lending, table_examples
from recurra.errors import Fault, quoted
from recurra.runs.folder import load
from recurra.runs.paths import anchored
from recurra.tasks.base import Task
from recurra.train.recipe import read_recipe, recipe_of
from recurra.train.run import train


def fit(
    recipe: str | Path | Mapping[str, Any],
    data: Any = None,
    *,
    folder: str | Path,
    validation: Any = None,
    resume: bool = False,
    quiet: bool = False,
) -> Task:
    """Trains a recipe, on a table in memory if one is given.

    Args:
        recipe: a TOML file, or what one would hold, as nested dicts.
        data, validation: tables in place of the recipe's `data.train` and `data.validation`; see
            `recurra.data.memory` for what a table is. Of `data` alone a part is held out, as of a file.
        folder: the run goes there. resume: a run of the same recipe and data goes on.
        quiet: shows no progress.

    Returns:
        the trained task, as `recurra.load(folder)` gives it.

    Raises:
        Fault: as `recurra train` would say.
    """
    tables = {
        name: table for name, table in (("train", data), ("validation", validation)) if table is not None
    }
    changes = [f'data.{name}="{MEMORY}{name}"' for name in tables]
    if isinstance(recipe, Mapping):
        table = {**recipe, "data": {**recipe.get("data", {}), **{name: f"{MEMORY}{name}" for name in tables}}}
        ready = recipe_of(anchored(table, Path()), "recipe")
    else:
        ready = read_recipe(recipe, changes)
    with lending(tables):
        train(ready, folder, resume=resume, quiet=quiet)
    return load(folder)


def evaluate(run: Task | str | Path, data: Any = None) -> Mapping[str, float]:
    """Measures a trained task.

    Args:
        run: the task, or its run folder.
        data: a table in memory, the path of a file, or "test" for the recipe's test data; None: its
            validation data.

    Raises:
        Fault: as `recurra evaluate` would say.
    """
    task = run if isinstance(run, Task) else load(run)
    if data is None or isinstance(data, (str, Path)):
        return task.evaluate(data)
    with lending({"data": data}):
        return task.evaluate(f"{MEMORY}data")


def predict(run: Task | str | Path, items: Any) -> Iterator[dict[str, Any]]:
    """One answer for each row of a table in memory (of series to forecast, one for the table), or for each of
    some items, in order.

    Args:
        run: the task, or its run folder.
        items: a table (see `recurra.data.memory`), or texts, mappings or whatever the task predicts from.

    Raises:
        Fault: an item that can't be answered, by its number.
    """
    task = run if isinstance(run, Task) else load(run)
    if isinstance(items, str):
        raise Fault(f"one text found, {quoted(items)}, expected a list of items or a table")
    return task.predict(_items(items, task.tables))


def _items(items: Any, tables: bool) -> Iterable[Any]:
    if isinstance(items, Iterable) and not isinstance(items, Mapping) and not _is_frame(items):
        return items
    examples = table_examples(items, "table")
    if tables:
        return [examples.columns]
    names = list(examples.columns)
    return (dict(zip(names, row, strict=True)) for row in zip(*examples.columns.values(), strict=True))


def _is_frame(items: Any) -> bool:
    return hasattr(items, "columns") or hasattr(items, "column_names")
