"""A commented recipe for a person's own data."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recurra.data.source import Source
from recurra.runs.migration import FORMAT
from recurra.runs.toml import value_text
from recurra.storage.toml_text import parse_toml
from recurra.tasks.base import TASKS, Task
from recurra.train.guesses import guess
from recurra.train.looks import look_at
from recurra.train.recipe import recipe_of
from recurra.train.schema import FILE
from recurra.train.settings import Setting, kind_groups

_WIDTH = 100
_TRAIN = {
    "train.epochs": 10,
    "train.optimiser": {"name": "AdamW", "lr": 1e-3},
    "train.clip_norm": 1.0,
}


def draft(task: str, data: Path, folder: Path) -> str:
    """A recipe that trains a task on a person's data: what its columns show is set, every other key stands as
    a comment with its default.

    Args:
        data: a file or folder. folder: where the recipe will lie, from which its paths start.

    Raises:
        Fault: no task of this name, data that can't be read, or columns that show too little.
    """
    cls: type[Task[Any]] = TASKS[task]
    content = look_at(data, task)
    settings = guess(task, content)
    train = _from(content.source, folder)
    settings = {"data.train": train, **settings, **_TRAIN}
    lines = [
        f"# {task} on {os.path.basename(os.path.normpath(data))}: {len(content.examples):,} examples.",
        f"# Columns: {content.overview()}",
        "#",
        "# Try it:    recurra check THIS.toml",
        "#            recurra train THIS.toml",
        "# A line that begins with # and a key holds the key's default, or an example where it has none:",
        f"# take the # away to set it. `recurra schema > {FILE}` lets an editor complete and check.",
    ]
    text = "\n".join(textwrap.wrap(lines[1], _WIDTH, subsequent_indent="#   "))
    parts = [
        "\n".join([lines[0], text, *lines[2:], f"#:schema {FILE}", f"format = {FORMAT}", f'task = "{task}"'])
    ]
    table = {key.removeprefix("data."): value for key, value in settings.items() if key.startswith("data.")}
    for group in kind_groups(cls.kind_of({"data": table})):
        parts.append(_section(group.name, group.settings, settings))
    recipe = "\n\n".join(parts) + "\n"
    recipe_of(parse_toml(recipe.encode(), "the new recipe"), "the new recipe")
    return recipe


def _section(section: str, rows: list[Setting], settings: Mapping[str, Any]) -> str:
    sentences = {row.key: row.sentence for row in rows}
    own = {key: value for key, value in settings.items() if key.startswith(f"{section}.")}
    lines = [f"[{section}]"]
    for key, value in own.items():
        lines += [
            *_comment(sentences.get(key, "")),
            f"{key.removeprefix(f'{section}.')} = {value_text(value)}",
        ]
    tables = {row.key.rpartition(".")[0] for row in rows}
    for row in rows:
        inner = row.key in tables and row.default in ("{}", "none")
        if "[]" in row.key or inner or any(row.key == key or row.key.startswith(f"{key}.") for key in own):
            continue
        if any(
            row.key.startswith(f"{each.key}.") and each.default not in ("{}",) for each in rows if each != row
        ):
            continue  # a table that is not set, or has a default as a whole
        words = re.findall(r'"([^"]+)"', row.values)
        plain = row.values in ("text", "true or false") or (words and all(w in row.sentence for w in words))
        limits = "" if plain else f" ({row.values})"
        lines += ["", *_comment(f"{row.sentence.rstrip('.')}{limits}.")]
        lines.append(f"#{row.key.removeprefix(f'{section}.')} = {_example(row)}")
    return "\n".join(lines)


def _example(row: Setting) -> str:
    if row.default not in ("", "none"):
        return row.default
    first = row.values.split(" ")[0]
    if row.values.startswith('"'):
        return row.values.split(",")[0].split(" or ")[0]
    numbers = [word for word in row.values.replace("above", "").split() if word.replace(".", "").isdigit()]
    if first == "whole":
        return str(max(1, int(float(numbers[0])))) if numbers else "1"
    examples = {"number": "1.0", "true": "true", "list": "[]", "two": "[1, 1]", "table": "{}"}
    return examples.get(first, '"..."')


def _comment(sentence: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(sentence, _WIDTH)]


def _from(source: Source, folder: Path) -> Any:
    """A source, its path as it is told from the folder of the recipe."""
    if isinstance(source, Mapping):
        return {**source, "path": _relative(str(source["path"]), folder)}
    return _relative(str(source), folder)


def _relative(path: str, folder: Path) -> str:
    return Path(os.path.relpath(Path(path).expanduser().resolve(), folder.resolve())).as_posix()
