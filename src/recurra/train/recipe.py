"""A recipe: one TOML file that says everything about a training."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recurra.errors import Fault, nearest, quoted
from recurra.runs.digests import data_digests, paths_of, recipe_digest, without_paths
from recurra.runs.folder import task_class
from recurra.runs.keys import key_paths
from recurra.runs.migration import FORMAT, Migrated, check_sources, migrated
from recurra.runs.sections import read_section
from recurra.runs.toml import to_toml
from recurra.storage.files import check_format, read_small
from recurra.storage.toml_text import MOST_BYTES, parse_toml
from recurra.tasks.base import Options, Task
from recurra.train.options import RESUMABLE, TrainOptions

KEYS = ("format", "task", "data", "model", "train")
_LOGGER = logging.getLogger("recurra")
_BARE_WORD = re.compile(r"[A-Za-z0-9_./~-]+(:[A-Za-z0-9_./-]+)?")


@dataclass(frozen=True)
class Recipe:
    """A recipe, every setting resolved.

    Attributes:
        task: the class its `task` names.
        data, model: its sections, as the task's own options. train: how to train.
        where: the file it came from, for messages.
    """

    task: type[Task]
    data: Options
    model: Options
    train: TrainOptions
    where: str

    def to_table(self) -> dict[str, Any]:
        """Plain data: what `recipe.toml` of a run folder holds."""
        sections = {name: getattr(self, name).model_dump(mode="json") for name in ("data", "model", "train")}
        return {"format": FORMAT, "task": self.task.name, **sections}

    def to_text(self) -> str:
        """As TOML."""
        return to_toml(self.to_table())

    def to_digest(self) -> str:
        """Of what makes it the same run; see `recurra.runs.digests.recipe_digest`."""
        return recipe_digest(parse_toml(self.to_text().encode(), self.where))

    def prepare(self) -> Task:
        """Reads the data and builds a fresh model; see `Task.prepare`."""
        return self.task.prepare(self.data, self.model, seed=self.train.seed)


def read_recipe(path: str | Path, changes: Iterable[str] = (), removals: Iterable[str] = ()) -> Recipe:
    """Reads a recipe.

    Args:
        path: a TOML file. Paths in it start from the folder that the command runs in.
        changes: `section.key=value` each, value in TOML; a bare word is text.
        removals: `section.key` each, which the recipe sets: taken out before the changes, so that its
            default counts.

    Raises:
        Fault: no TOML, an unknown or missing key, a wrong value.
    """
    migration = in_this_format(parse_toml(read_small(path, MOST_BYTES), str(path)), str(path))
    table = migration.table
    if migration.changes():
        _LOGGER.warning(
            "%s: a recipe of format 1, read as one of %d (%s); `recurra recipes upgrade %s` rewrites it",
            path,
            FORMAT,
            ", ".join(migration.changes()),
            path,
        )
    for key in removals:
        table = without_key(table, key, str(path))
    for change in changes:
        table = with_change(table, change)
    return recipe_of(table, str(path))


def recipe_of(table: Mapping[str, Any], where: str) -> Recipe:
    """The recipe that a table describes; see `read_recipe`."""
    for key in table:
        if key not in KEYS:
            raise Fault(f"{where}: unknown key {key}{_nearest_key(key, table, where)}")
    table = in_this_format(table, where).table
    task = task_class(table, where)
    check_sources(table, where)
    return Recipe(
        task,
        read_section(task.DataOptions, table.get("data", {}), "data", where),
        read_section(task.ModelOptions, table.get("model", {}), "model", where),
        read_section(TrainOptions, table.get("train", {}), "train", where),
        where,
    )


def in_this_format(table: Mapping[str, Any], where: str) -> Migrated:
    """A recipe of an older format as one of this; one that does not say its format is of this.

    Raises:
        Fault: it is of a newer format, or of none.
    """
    if check_format({"format": FORMAT, **table}, FORMAT, where) == FORMAT:
        return Migrated(dict(table))
    task = task_class(dict(table), where)
    sections: dict[str, type[Options]] = {
        "data": task.DataOptions,
        "model": task.ModelOptions,
        "train": TrainOptions,
    }
    return migrated(table, sections, where)


def with_change(table: Mapping[str, Any], change: str) -> dict[str, Any]:
    """The table with one `a.b=value` put in; the value is TOML, or a bare word (a name, a path)."""
    path, equals, text = change.partition("=")
    names = [part.strip() for part in path.split(".")]
    if not equals or not all(names):
        raise Fault(f"--set {change}: expected section.key=value, as in train.epochs=3")
    result: dict[str, Any] = deepcopy(dict(table))
    section = result
    for depth, name in enumerate(names[:-1]):
        inner = section.setdefault(name, {})
        if not isinstance(inner, dict):
            raise Fault(f"--set {change}: {'.'.join(names[: depth + 1])} is {quoted(inner)}, not a section")
        section = inner
    section[names[-1]] = _value(text.strip(), change)
    return result


def without_key(table: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    """The table without the entry `a.b`. Fault where it has none."""
    *path, last = [part.strip() for part in key.split(".")]
    result: dict[str, Any] = deepcopy(dict(table))
    section: Any = result
    for name in path:
        section = section.get(name) if isinstance(section, dict) else None
    if not isinstance(section, dict) or last not in section:
        raise Fault(f"--unset {key}: {where} does not set it{nearest(key, _flat(table))}")
    del section[last]
    return result


def same_run(old: Recipe, new: Recipe, digests: Mapping[str, str] | None = None) -> None:
    """Fault unless `new` may go on where `old` stopped: only what `RESUMABLE` names may differ, and where the
    data lies.

    Args:
        digests: of the data that the run has read (`recurra.runs.digests.data_digests`); None where it
            has not begun. What has none in there must lie where it lay.
    """
    earlier, later = old.to_table(), new.to_table()
    was, now = _flat(without_paths(earlier)), _flat(without_paths(later))
    for key in sorted({**was, **now}):
        if was.get(key) != now.get(key) and key.removeprefix("train.").split(".")[0] not in RESUMABLE:
            full_was, full_now = _flat(earlier).get(key), _flat(later).get(key)
            raise Fault(
                f"{new.where}: {key} = {quoted(full_now)}, but the run was started with {quoted(full_was)}: "
                f"resume with the same, or start another run"
            )
    if digests is None:
        return
    today, places, others = data_digests(later), paths_of(later), paths_of(earlier)
    for key in places:
        if key in digests and today.get(key, digests[key]) != digests[key]:
            raise Fault(
                f"{new.where}: {key} = {quoted(_flat(later).get(key, places[key]))}: its content is not what "
                f"the run was started with: resume with the same data, or start another run"
            )
        if key not in digests and places[key] != others.get(key):
            raise Fault(
                f"{new.where}: {key} = {quoted(places[key])}, but the run was started with "
                f"{quoted(others.get(key))}: resume with the same, or start another run"
            )


def _nearest_key(key: str, table: Mapping[str, Any], where: str) -> str:
    """A key of the top, or one of the sections that is called so, as `train.epochs` for `epochs`."""
    task = task_class(dict(table), where)
    sections: dict[str, type[Options]] = {"data": task.DataOptions, "model": task.ModelOptions}
    paths = [f"{name}.{path}" for name, options in sections.items() for path in key_paths(options)]
    paths += [f"train.{path}" for path in key_paths(TrainOptions)]
    deeper = [path for path in paths if path.split(".")[-1] == key]
    return f": did you mean {deeper[0]!r}?" if deeper else nearest(key, KEYS)


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{key}."))
        elif value is not None:
            flat[f"{prefix}{key}"] = value
    return flat


def _value(text: str, change: str) -> Any:
    try:
        return parse_toml(f"value = {text}".encode(), "")["value"]
    except Fault:
        if _BARE_WORD.fullmatch(text):
            return text
        raise Fault(
            f"--set {change}: {text!r} is not a TOML value: write 3, 0.1, true, [1, 2], or 'text' in quotes"
        ) from None
