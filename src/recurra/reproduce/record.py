"""The record of one training: what came out, by what, where and when."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from recurra.bench.measure import level, processor
from recurra.data import BUILTIN
from recurra.data.readers import READERS, guess_format
from recurra.errors import Fault
from recurra.recipes import find_recipe, recipe_names
from recurra.reproduce.digests import changed, code_digests, text_digest
from recurra.storage.files import read_json, write_json
from recurra.tasks.base import Task
from recurra.version import __version__

NAME = "reproduced.json"
FORMAT = 1


class Record(NamedTuple):
    """One training, measured.

    Attributes:
        seed: of the training. scores: all that the evaluation gave.
        seconds: of the training; None where it was there already, or was resumed.
        commands: the two commands. commit: of the source; None without one.
        recipe: digest of the recipe's text. modules: module -> digest of its code.
        machine: processor, threads, versions. date: of the day, in UTC.
    """

    seed: int
    scores: dict[str, float]
    seconds: float | None
    commands: list[str]
    commit: str | None
    recipe: str
    modules: dict[str, str]
    machine: dict[str, Any]
    date: str

    def write(self, folder: Path) -> None:
        """Into the run's folder, whole or not at all."""
        write_json(folder / NAME, {"format": FORMAT, **self._asdict()})

    def why_stale(self, recipe: str) -> str | None:
        """What changed since, in a few words; None where nothing did.

        Args:
            recipe: the recipe's name.
        """
        return change_since(recipe, self.recipe, self.modules)


def change_since(recipe: str, digest: str, modules: Mapping[str, str]) -> str | None:
    """What changed since a recipe and the code of modules had these digests; see `Record.why_stale`."""
    if recipe not in recipe_names() or recipe_digest(recipe) != digest:
        return "the recipe changed"
    names = [name.split(".", 1)[1].replace(".", "/") for name in changed(modules)]
    if not names:
        return None
    return (
        f"{', '.join(names[:2])} changed"
        if len(names) < 3
        else f"{names[0]} and {len(names) - 1} more changed"
    )


def read_record(folder: Path) -> Record | None:
    """The record of a run's folder; None where there is none.

    Raises:
        Fault: the file is damaged, or of a newer version.
    """
    path = folder / NAME
    if not path.exists():
        return None
    content = read_json(path)
    if content.pop("format", None) != FORMAT or set(content) != set(Record._fields):
        raise Fault(f"{path}: is damaged or from another version: remove it to measure the run again")
    return Record(**content)


def new_record(
    task: Task,
    recipe: str,
    sections: Mapping[str, Any],
    *,
    seed: int,
    scores: Mapping[str, float],
    seconds: float | None,
    commands: list[str],
) -> Record:
    """The record of a run that was just measured.

    Args:
        task: the run's. sections: of its recipe.
    """
    return Record(
        seed,
        dict(scores),
        seconds,
        commands,
        commit(),
        recipe_digest(recipe),
        code_digests(modules_of(task, sections)),
        machine(),
        datetime.now(UTC).date().isoformat(),
    )


def modules_of(task: Task, sections: Mapping[str, Any]) -> list[str]:
    """The modules of a task, of its network's parts, of the readers of its data, and of what makes them."""
    classes = {type(task).__module__, *(type(each).__module__ for each in _parts(task.model))}
    data = sections.get("data", {})
    readers = {READERS[form].__module__ for form in _formats(data)}
    return sorted(classes | readers | {BUILTIN[name].__module__ for name in _builtin(data)})


def recipe_digest(name: str) -> str:
    """Of the text of a recipe, without its comments."""
    lines = find_recipe(name).read_text(encoding="utf-8").splitlines()
    return text_digest("\n".join(line for line in lines if not line.startswith("#")))


def machine() -> dict[str, Any]:
    """What a training ran on."""
    return {
        "processor": processor(),
        "instructions": level(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "recurra": __version__,
    }


def commit() -> str | None:
    """The commit of the source, "+" where files differ from it; None where it is no checkout."""
    folder = Path(__file__).resolve().parent

    def git(*words: str) -> str | None:
        try:
            result = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        return result.stdout.strip()

    if git("ls-files", "--error-unmatch", "record.py") is None:
        return None
    name = git("rev-parse", "--short=12", "HEAD")
    return name and name + ("+" if git("status", "--porcelain", "--untracked-files=no", ".") else "")


def _parts(model: nn.Module) -> list[Any]:
    return [model, *model.modules()]


def _formats(data: Any) -> set[str]:
    """The formats that a recipe's data are read in, as far as it says so or endings tell."""
    formats: set[str] = set()
    tables = [data, *data.values()] if isinstance(data, Mapping) else []
    for table in tables:
        form = table.get("format") if isinstance(table, Mapping) else None
        path = table.get("path") if isinstance(table, Mapping) else table
        if isinstance(form, str) and form in READERS:
            formats.add(form)
        elif isinstance(path, str):
            try:
                formats.add(guess_format(path))
            except Fault:
                continue
    return formats


def _builtin(data: Any) -> set[str]:
    """The built-in data that a recipe names."""
    sources = data.values() if isinstance(data, Mapping) else []
    names = [source.get("builtin") if isinstance(source, Mapping) else source for source in sources]
    texts = [name.removeprefix("builtin:") for name in names if isinstance(name, str)]
    return {name for name in texts if name in BUILTIN}
