"""Runs beside each other: what each is, what it reached, and in which settings they differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from recurra.errors import Fault
from recurra.reports.log import read_log
from recurra.reports.settings import own_settings
from recurra.runs.folder import LOG, METRICS, RECIPE, run_recipe
from recurra.storage.fields import Fields, is_number
from recurra.storage.files import read_json
from recurra.storage.models import CONFIG
from recurra.storage.toml_text import read_toml

ORDERS = ("name", "task", "score", "steps", "time", "date")
_DEEPEST = 3  # folders below the one that is searched


@dataclass
class RunRow:
    """One run in a comparison.

    Attributes:
        folder: of the run. name: the folder's, from the searched one on.
        task: by its name; empty where its recipe can't be read. kind: its class, of the several that a name
            may have.
        metric, value: the score of the best validation; None before the first. larger: whether larger is
            better. steps: trained. seconds: the last sitting took, by the times of its files.
        date: of the last validation, else of the recipe.
        note: why the run is unfinished or broken; empty where it is neither.
        settings: every one that is not its default: its value and the default, as TOML. log: of the training.
    """

    folder: Path
    name: str
    date: datetime
    task: str = ""
    kind: str = ""
    metric: str = ""
    value: float | None = None
    larger: bool = True
    steps: int = 0
    seconds: float | None = None
    note: str = ""
    settings: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    log: Sequence[dict[str, Any]] = ()

    def to_dict(self, differences: Mapping[str, str]) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "name": self.name,
            "folder": str(self.folder),
            "task": self.task,
            "score": self.metric or None,
            "value": self.value,
            "better": "larger" if self.larger else "smaller",
            "steps": self.steps,
            "seconds": self.seconds,
            "date": self.date.isoformat(timespec="seconds"),
            "note": self.note,
            "differs": dict(differences),
        }


def read_runs(folder: str | Path) -> list[RunRow]:
    """Every run in a folder and in those below it, by name. Fault where there is none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise Fault(f"{folder}: no such folder: give one that holds runs")
    rows = [_row(path, folder) for path in sorted(_run_folders(folder, _DEEPEST))]
    if not rows:
        raise Fault(f"{folder}: no run in it: a run is a folder with a {RECIPE}")
    return rows


def in_order(rows: Iterable[RunRow], order: str) -> list[RunRow]:
    """By one of `ORDERS`: scores of one task together and the best first, what has none last; steps, times
    and dates from the largest on.
    """

    def key(row: RunRow) -> tuple[Any, ...]:
        if order == "score":
            sign = -1 if row.larger else 1
            return row.value is None, row.task, row.metric, sign * (row.value or 0), row.name
        if order == "task":
            return row.task, row.name
        if order == "steps":
            return -row.steps, row.name
        if order == "time":
            return -(row.seconds or 0), row.name
        return (-row.date.timestamp() if order == "date" else 0), row.name

    return sorted(rows, key=key)


def differences(rows: Sequence[RunRow]) -> list[dict[str, str]]:
    """Of each run the settings in which the runs of its task, of one kind, are not all the same."""
    kinds: dict[str, list[RunRow]] = {}
    for row in rows:
        kinds.setdefault(row.kind, []).append(row)
    varied: dict[str, dict[str, str]] = {}  # key -> its default
    for kind, same in kinds.items():
        usual = {key: default for row in same for key, (_, default) in row.settings.items()}
        varied[kind] = {
            key: default or "not set"
            for key, default in usual.items()
            if len({row.settings.get(key) for row in same}) > 1
        }
    return [
        {key: row.settings.get(key, (usual,))[0] for key, usual in varied[row.kind].items()} for row in rows
    ]


def _run_folders(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / RECIPE).is_file():
        yield folder
        return
    if depth:
        for path in folder.iterdir():
            if path.is_dir() and not path.name.startswith(".") and not path.is_symlink():
                yield from _run_folders(path, depth - 1)


def _row(folder: Path, root: Path) -> RunRow:
    name = folder.name if folder == root else str(folder.relative_to(root))
    row = RunRow(folder, name, _time(folder / RECIPE))
    try:
        table, task = run_recipe(read_toml(folder / RECIPE), str(folder / RECIPE))
        row.task = task.name
        row.kind, row.settings = task.__qualname__, own_settings(table, task)
        if not (folder / METRICS).exists():
            row.note = "unfinished: no validation yet"
            return row
        _read_scores(row, table.get("train", {}))
        if not (folder / CONFIG).exists():
            row.note = "broken: it has no model"
    except Fault as fault:
        row.note = f"broken: {str(fault).removeprefix(f'{folder}/')}"
    return row


def _read_scores(row: RunRow, train: Mapping[str, Any]) -> None:
    path = row.folder / METRICS
    row.date = _time(path)
    fields = Fields(read_json(path), str(path))
    row.metric, row.larger = fields.text("score"), fields.text("better") == "larger"
    last = Fields(fields.table("last"), f"{path}: last")
    row.steps, epoch = last.whole("step"), last.whole("epoch")
    best = fields.value("best")
    value = best.get("metrics", {}).get(row.metric) if isinstance(best, Mapping) else None
    row.value = value if is_number(value) else None
    row.log = read_log(row.folder / LOG)
    row.seconds = max(0.0, (_time(row.folder / LOG) - _time(row.folder / RECIPE)).total_seconds())
    enough = [
        epoch >= train.get("epochs", 0),
        row.steps >= (train.get("steps") or float("inf")),
        _waited(row.log) >= (train.get("patience") or float("inf")),
    ]
    if not any(enough):
        row.note = f"unfinished: {epoch} of {train.get('epochs')} epochs"


def _waited(log: Sequence[Mapping[str, Any]]) -> int:
    """Validations since the best one."""
    flags = [bool(entry.get("best")) for entry in log if "validation" in entry]
    return flags[::-1].index(True) if True in flags else len(flags)


def _time(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime)
    except OSError as error:
        raise Fault(f"{path}: can't be read: {error.strerror or error}") from None
