"""The text of an old recipe, rewritten in this format with the person's own comments and order."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import NamedTuple

from recurra.errors import Fault
from recurra.runs.migration import FORMAT, Migrated
from recurra.runs.toml import to_toml, value_text
from recurra.storage.toml_text import parse_toml
from recurra.train.recipe import in_this_format

_SECTION = re.compile(r"\s*\[([^\[\]]+)\]\s*(#.*)?$")
_KEY = re.compile(r"(\s*)([A-Za-z0-9_.-]+)(\s*=\s*)(.*)$")


class Upgrade(NamedTuple):
    """A recipe's text in this format.

    Attributes:
        changes: what was changed, one text each.
        whole: whether comments and order are the person's own; else the text was written anew, under the
            comment at its head.
    """

    text: str
    changes: list[str]
    whole: bool


def upgraded(text: str, where: str) -> Upgrade:
    """A recipe's text in this format; one that does not say its format is taken for one of the first.

    Raises:
        Fault: no TOML, no task that is known, or a newer format.
    """
    table = parse_toml(text.encode(), where)
    migration = in_this_format({"format": 1, **table}, where)
    result = {"format": FORMAT, **migration.table}
    if table == result:
        return Upgrade(text, [], True)
    renamed = _renamed(text, migration)
    try:
        same = parse_toml(renamed.encode(), where) == result
    except Fault:
        same = False
    if not same:
        head = takewhile(lambda line: line.startswith("#"), text.splitlines())
        renamed = "\n".join([*head, to_toml(result)])
    return Upgrade(renamed, migration.changes() or [f"format = {FORMAT}"], same)


def _renamed(text: str, migration: Migrated) -> str:
    """Each line with its keys and words called as they are now."""
    moves = {move.old: move.new for move in migration.moves}
    words = {word.key: word for word in migration.words}
    lines, section, dated = [], "", False
    for line in text.splitlines():
        header, entry = _SECTION.match(line), _KEY.match(line)
        if header is not None:
            section = header[1].strip()
        elif entry is not None:
            key = f"{section}.{entry[2]}" if section else entry[2]
            if key in ("format", "task") and not dated:
                dated = True
                lines.append(f"format = {FORMAT}")
            if key == "format":
                continue
            if section == "model" and entry[2] in migration.layers:
                if entry[2] == migration.layers[0]:
                    lines.append(f"convolution = {value_text(migration.table['model']['convolution'])}")
                continue
            line = _line(line, entry, section, key, moves)
            if key in words:
                line = re.sub(rf"""(["']){words[key].old}\1""", rf"\1{words[key].new}\1", line, count=1)
        lines.append(line)
    return "\n".join(lines) + "\n"


def _line(line: str, entry: re.Match[str], section: str, key: str, moves: dict[str, str]) -> str:
    if key in moves and moves[key].startswith(f"{section}."):
        return f"{entry[1]}{moves[key].removeprefix(f'{section}.')}{entry[3]}{entry[4]}"
    for old, new in moves.items():
        if old.startswith(f"{key}.") and new.startswith(f"{key}."):
            here, there = old.removeprefix(f"{key}."), new.removeprefix(f"{key}.")
            line = re.sub(rf"(?<![\w.-]){re.escape(here)}(\s*=)", rf"{there}\1", line)
    return line
