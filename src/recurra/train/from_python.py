"""Training, measuring and predicting from Python, with files or with tables in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import recurra.data  # noqa: F401
from recurra.data.memory import MEMORY, lending, like_table, memory_digest, table_examples
from recurra.errors import Fault, quoted
from recurra.runs.folder import LAST, load
from recurra.runs.paths import anchored
from recurra.storage.seals import value_digest
from recurra.tasks.base import Task
from recurra.tasks.parts.measurement import Measurement
from recurra.tasks.parts.sources import PARTS
from recurra.train.checkpoint import exists, read_data
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
    callbacks: Iterable[Any] = (),
    start_from: str | Path | None = None,
) -> Task:
    """Trains a recipe, on a table in memory if one is given.

    Args:
        recipe: a TOML file, or what one would hold, as nested dicts.
        data, validation: tables in place of the recipe's `data.train` and `data.validation`; see
            `recurra.data.memory` for what a table is. Of `data` alone a part is held out, as of a file.
        folder: the run goes there. resume: a run of the same recipe and data goes on.
        quiet: shows no progress.
        callbacks: objects with hooks that are called as the training goes on; see `recurra.train.Callback`.
        start_from: a run folder whose weights are the beginning, in place of the recipe's `train.start_from`.

    Returns:
        the trained task, as `recurra.load(folder)` gives it.

    Raises:
        Fault: as `recurra train` would say.
    """
    tables = {
        name: table for name, table in (("train", data), ("validation", validation)) if table is not None
    }
    changes = [f'data.{name}="{MEMORY}{name}"' for name in tables]
    start = {} if start_from is None else {"start_from": str(start_from)}
    changes += [f"train.{key}={json.dumps(value)}" for key, value in start.items()]
    if isinstance(recipe, Mapping):
        train_table = {"train": {**recipe.get("train", {}), **start}} if start else {}
        table = {
            **recipe,
            **train_table,
            "data": {**recipe.get("data", {}), **{name: f"{MEMORY}{name}" for name in tables}},
        }
        ready = recipe_of(anchored(table, Path()), "recipe")
    else:
        ready = read_recipe(recipe, changes)
    with lending(tables):
        train(ready, folder, resume=resume, quiet=quiet, callbacks=callbacks)
        digests = {name: _digest(name) for name in tables}
    task = load(folder)
    _FITTED[task] = Lent(tables, digests)
    return task


def evaluate(
    run: Task | str | Path,
    data: Any = None,
    *,
    split: str | None = None,
    train: Any = None,
    validation: Any = None,
) -> Mapping[str, float]:
    """Measures a trained task; see `measure`, which tells more."""
    return measure(run, data, split=split, train=train, validation=validation).scores


def measure(
    run: Task | str | Path,
    data: Any = None,
    *,
    split: str | None = None,
    train: Any = None,
    validation: Any = None,
) -> Measurement:
    """Measures a trained task: its `scores`, which data they are of (`describe`), and 95 % `intervals`.

    Args:
        run: the task, or its run folder.
        data: a table in memory, the path of a file, or "test" for the recipe's test data; None: see `split`.
        split: "train", "validation" (where nothing is said) or "test" of the recipe.
        train, validation: the tables that `fit` was given, where `run` is not the very task that it gave: of
            `train` the same part is held out again.

    Raises:
        Fault: as `recurra evaluate` would say; tables that are not those of the training.
    """
    if split is not None and (data is not None or split not in PARTS):
        raise Fault(f"split = {quoted(split)} found, expected one of {', '.join(PARTS)}, and no data with it")
    task = run if isinstance(run, Task) else load(run)
    pairs = (("train", train), ("validation", validation))
    tables = {name: table for name, table in pairs if table is not None}
    lent = _FITTED.get(task, Lent({}, {}))
    if tables:
        lent = Lent(tables, lent.digests or _digests(run))
    source = split if data is None else data
    other = source is not None and not isinstance(source, (str, Path))
    with lending({**lent.tables, **({"data": data} if other else {})}):
        if not other and (source is None or str(source) in PARTS):
            lent.require_same()
        return task.measure(f"{MEMORY}data" if other else source)


class Lent(NamedTuple):
    """Tables that a recipe's data names, and digests of what they were when it was trained."""

    tables: Mapping[str, Any]
    digests: Mapping[str, str]

    def require_same(self) -> None:
        """Fault where a table has changed: of another one other rows would be held out."""
        for name in self.tables:
            if name in self.digests and _digest(name) != self.digests[name]:
                raise Fault(
                    f"{MEMORY}{name}: its rows are not those that the run was trained on, so what was held "
                    f"out can't be found again: give the very same table, or measure on other data"
                )


_FITTED: WeakKeyDictionary[Task, Lent] = WeakKeyDictionary()
"""What tasks of this process were trained on."""


def _digest(name: str) -> str:
    """Of a lent table, as a run keeps it."""
    return value_digest([memory_digest(name)])


def _digests(run: Task | str | Path) -> dict[str, str]:
    """What a run folder knows of the tables it was trained on."""
    if isinstance(run, Task) or not exists(Path(run) / LAST):
        return {}
    digests = read_data(Path(run) / LAST).items()
    return {name.removeprefix("data."): digest for name, digest in digests}


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


def predict_table(run: Task | str | Path, items: Any) -> Any:
    """The answers as a table of the kind that `items` is: a DataFrame of the same library, else a mapping of
    columns to lists. Column `item` is the number of the item, from 1: an answer may have several rows.

    Args:
        run, items: see `predict`.

    Raises:
        Fault: as for `predict`; an answer holds lists and is no row of a table.
    """
    task = run if isinstance(run, Task) else load(run)
    columns: dict[str, list[Any]] = {"item": []}
    for number, answer in enumerate(predict(task, items), 1):
        for row in task.table_rows(answer):
            columns["item"].append(number)
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise Fault(f"answers have different columns, and are no table: {quoted(lengths)}")
    return like_table(columns, items)


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
