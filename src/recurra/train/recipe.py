"""A recipe: one TOML file that says everything about a training."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recurra.errors import Fault, nearest, quoted, raise_all
from recurra.runs.changes import changed, flat, spelled
from recurra.runs.digests import data_digests, paths_of, recipe_digest, without_paths
from recurra.runs.folder import task_class, telling_imports
from recurra.runs.keys import has_key, key_paths
from recurra.runs.migration import FORMAT, Migrated, migrated, source_faults
from recurra.runs.paths import anchored
from recurra.runs.sections import read_section
from recurra.runs.toml import to_toml
from recurra.storage.files import check_format, read_small
from recurra.storage.models import CONFIG
from recurra.storage.toml_text import MOST_BYTES, parse_toml
from recurra.tasks.base import Options, Task
from recurra.tasks.parts.sources import with_common
from recurra.train.options import RESUMABLE, TrainOptions

KEYS = ("format", "task", "imports", "data", "model", "train")
_PACKAGED = Path(__file__).parents[1] / "recipes"
_LOGGER = logging.getLogger("recurra")


@dataclass(frozen=True)
class Recipe:
    """A recipe, every setting resolved.

    Attributes:
        task: the class its `task` names.
        data, model: its sections, as the task's own options. train: how to train.
        where: the file it came from, for messages.
        text: what that file says, and with what it was changed; None for one that is no file.
        imports: modules and files of the person's own that register what it names. They are told where a name
            is not known, and never imported: that is `recurra --import`.
    """

    task: type[Task]
    data: Options
    model: Options
    train: TrainOptions
    where: str
    text: str | None = None
    imports: tuple[str, ...] = ()

    def to_table(self) -> dict[str, Any]:
        """Plain data: what `recipe.toml` of a run folder holds."""
        sections = {name: getattr(self, name).model_dump(mode="json") for name in ("data", "model", "train")}
        imports = {"imports": list(self.imports)} if self.imports else {}
        return {"format": FORMAT, "task": self.task.name, **imports, **sections}

    def to_text(self) -> str:
        """As TOML."""
        return to_toml(self.to_table())

    def to_digest(self) -> str:
        """Of what makes it the same run; see `recurra.runs.digests.recipe_digest`."""
        return recipe_digest(parse_toml(self.to_text().encode(), self.where))

    def prepare(self) -> Task:
        """Reads the data and builds a fresh model; see `Task.prepare`."""
        with telling_imports({"imports": [*self.imports]}):
            return self.task.prepare(self.data, self.model, seed=self.train.seed)


def read_recipe(path: str | Path, changes: Iterable[str] = (), removals: Iterable[str] = ()) -> Recipe:
    """Reads a recipe.

    Args:
        path: a TOML file. Relative paths in it start from its folder; in one that comes with Recurra, or of
            format 1, from the working directory.
        changes: `section.key=value` each, value in TOML; a bare word is text. Paths in them start from the
            working directory.
        removals: `section.key` each, which the recipe sets: taken out before the changes, so that its
            default counts.

    Raises:
        Fault: no TOML, unknown or missing keys, wrong values (`Faults` where there are several).
    """
    path, changes, removals = Path(path), list(changes), list(removals)
    content = read_small(path, MOST_BYTES)
    content_table = parse_toml(content, str(path))
    with telling_imports(content_table):
        migration = in_this_format(content_table, str(path))
    if migration.changes():
        _LOGGER.warning(
            "%s: a recipe of format 1, read as one of %d (%s); `recurra recipes upgrade %s` rewrites it",
            path,
            FORMAT,
            ", ".join(migration.changes()),
            path,
        )
    table = spelled(migration.table, str(path))
    base = _base(path) if check_format({"format": FORMAT, **content_table}, FORMAT, str(path)) > 1 else Path()
    _check_start(table, base, path)
    table = anchored(changed(anchored(table, base), changes, removals, str(path)), Path())
    notes = [f"# --unset {key}" for key in removals] + [f"# --set {change}" for change in changes]
    text = "\n".join([content.decode().rstrip(), *([""] if notes else []), *notes]) + "\n"
    return replace(recipe_of(table, str(path)), text=text)


def recipe_of(table: Mapping[str, Any], where: str) -> Recipe:
    """The recipe that a table describes, its relative paths as they are; see `read_recipe`."""
    with telling_imports(table):
        table = spelled(in_this_format(table, where).table, where)
        task = task_class(table, where)
    faults = [
        Fault(f"{where}: unknown key {key}{_nearest_key(key, table, where)}")
        for key in table
        if key not in KEYS
    ]
    owners: dict[str, type[Options]] = {
        "data": task.DataOptions,
        "model": task.ModelOptions,
        "train": TrainOptions,
    }
    sections: dict[str, Any] = {}
    if isinstance(table.get("data"), Mapping) and has_key(task.DataOptions, ["common"]):
        table = {**table, "data": with_common(table["data"])}
    for name, options in owners.items():
        try:
            sections[name] = read_section(options, table.get(name, {}), name, where)
        except Fault as fault:
            faults.append(fault)
    faults += source_faults(table, where)
    imports = table.get("imports", [])
    if not isinstance(imports, list) or not all(isinstance(name, str) for name in imports):
        faults.append(Fault(f"{where}: imports = {quoted(imports)} found, expected a list of texts"))
    raise_all(faults)
    return Recipe(task, **sections, where=where, imports=tuple(imports))


def _base(path: Path) -> Path:
    """Where a recipe's relative paths start: its own folder; of one that comes with Recurra, through a pipe,
    or in a run's folder the working directory.
    """
    foreign = path.resolve().parent == _PACKAGED.resolve() or (path.parent / CONFIG).is_file()
    return path.parent if path.is_file() and not foreign else Path()


def _check_start(table: Mapping[str, Any], base: Path, recipe: Path) -> None:
    """Fault for a path that leads somewhere from the working directory, and nowhere from where it starts."""
    there = paths_of(anchored(table, base))
    for key, names in paths_of(table).items():
        for name, path in zip(names, there[key], strict=True):
            if name != path and not Path(path).exists() and Path(name).exists():
                raise Fault(
                    f"{recipe}: {key}: no {name!r} in {base.resolve()}, where the paths of this recipe "
                    f"start; the one in the working directory is {os.path.relpath(name, base)!r} from there"
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


def same_run(old: Recipe, new: Recipe, digests: Mapping[str, str] | None = None) -> None:
    """Fault unless `new` may go on where `old` stopped: only what `RESUMABLE` names may differ, and where the
    data lies.

    Args:
        digests: of the data that the run has read (`recurra.runs.digests.data_digests`); None where it
            has not begun. What has none in there must lie where it lay.
    """
    earlier, later = ({**each.to_table(), "imports": None} for each in (old, new))
    was, now = flat(without_paths(earlier)), flat(without_paths(later))
    for key in sorted({**was, **now}):
        if was.get(key) != now.get(key) and key.removeprefix("train.").split(".")[0] not in RESUMABLE:
            full_was, full_now = flat(earlier).get(key), flat(later).get(key)
            raise Fault(
                f"{new.where}: {key} = {quoted(full_now)}, but the run was started with {quoted(full_was)}: "
                f"resume with the same, or start another run"
            )
    if digests is None:
        return
    # those of an older run start from the working directory
    today, places, others = (
        data_digests(later),
        *(paths_of(anchored(each, Path())) for each in (later, earlier)),
    )
    for key in places:
        if key in digests and today.get(key, digests[key]) != digests[key]:
            raise Fault(
                f"{new.where}: {key} = {quoted(flat(later).get(key, places[key]))}: its content is not what "
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
