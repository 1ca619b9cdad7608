"""The reference of all settings, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recurra.data.readers import READERS
from recurra.data.source import BUILTIN
from recurra.runs.sentences import summary
from recurra.tasks.base import TASKS
from recurra.train.optimise import OPTIMISERS, SCHEDULES
from recurra.train.options import TrainOptions
from recurra.train.settings import (
    Group,
    Setting,
    argument_settings,
    named_group,
    plain_cells,
    source_group,
    task_groups,
    train_group,
)

_HEAD = """# Settings

Every key that a recipe may have, by task. `recurra options` shows the same on a terminal, `recurra schema`
gives it to an editor. This page is made by `recurra options --markdown > docs/options.md`.

A recipe is a TOML file with `format = 2`, `task = "..."` and the sections `[data]`, `[model]` and `[train]`.
A key without default is needed; "none" means that nothing counts in its place. Of a list of tables a key is
written `key[].name`. Relative paths start from the recipe's folder, and those that are given to a command
from the working directory; in the run's copy they are absolute. Of a recipe that comes with Recurra they
start from the working directory, for its own folder is the package's.
"""


def overview() -> list[tuple[str, str]]:
    """What can be asked for, and what it is."""
    rows = [(name, summary(task)) for name, task in TASKS.items()]
    rows += [("train", summary(TrainOptions)), ("source", source_group().about)]
    rows += [
        (", ".join(READERS), "formats of data"),
        (", ".join(BUILTIN), "built-in data"),
        (", ".join(plain_cells()), "cells: what cell_options takes"),
        (", ".join(OPTIMISERS), "optimisers"),
        (", ".join(SCHEDULES), "schedules"),
    ]
    return rows


def reference() -> str:
    """All of it."""
    parts = [_HEAD]
    for name, task in TASKS.items():
        parts.append(f"## {name}\n\n{summary(task)}\n")
        for group in task_groups(task)[:-1]:
            section, blank, kind = group.name.partition(" ")
            parts.append(_part(group, f"### {name}: [{section}]{blank}{kind}"))
    parts += [_part(train_group(), "## [train]"), _part(source_group(), "## Sources of data")]
    parts += _named("Formats", READERS, "of the table of a source")
    parts += _named("Built-in data", BUILTIN, "of the table of a source")
    parts.append("## Cells\n\nOptions go into `model.cell_options`.\n")
    for name, cls in plain_cells().items():
        rows = argument_settings(cls, 2)
        if rows:
            parts.append(_part(Group(name, summary(cls), rows), f"### {name}"))
    parts.append(
        "## Optimisers and schedules\n\nThose of torch, with torch's own arguments: `recurra options AdamW` "
        "lists them.\n\n"
        f"Optimisers: {', '.join(OPTIMISERS)}.\n\nSchedules: {', '.join(SCHEDULES)}.\n"
    )
    return "\n".join(parts)


def _named(title: str, registry: Mapping[str, object], where: str) -> list[str]:
    parts = [f"## {title}\n\nOptions {where}.\n"]
    for name in registry:
        group = named_group(name)
        assert group is not None
        parts.append(_part(group, f"### {name}"))
    return parts


def _part(group: Group, heading: str) -> str:
    kind, _, rest = group.about.partition(": ")
    about = rest if kind in ("format", "built-in data") else group.about
    return (
        f"{heading}\n\n{about}\n\n{_table(group.settings)}" if group.settings else f"{heading}\n\n{about}\n"
    )


def _table(rows: Sequence[Setting]) -> str:
    lines = ["| key | takes | default | what it is |", "|---|---|---|---|"]
    for row in rows:
        default = f"`{_cell(row.default)}`" if row.default not in ("", "none") else row.default
        lines.append(f"| `{row.key}` | {_cell(row.values)} | {default} | {_cell(row.sentence)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
