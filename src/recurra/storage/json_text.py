"""JSON within limits: what can't be a description of ours is refused before anything is built of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from recurra.errors import Fault, quoted

MOST_VALUES = 8_000_000
"""Of one text. A vocabulary of a million words, with its counts, has two million."""

MOST_DEPTH = 100
"""Lists and tables within each other."""

_DIGITS = 20  # of an integer; 64 bits need no more


def parse_json(content: bytes | str, where: str) -> dict[str, Any]:
    """The object that a text holds.

    Args:
        where: the file, for messages.

    Raises:
        Fault: the text is no JSON in UTF-8, or none of an object; an object has a key twice, an integer more
            digits than 64 bits need; values are more than `MOST_VALUES`, or deeper than `MOST_DEPTH`.
    """
    try:
        text = content.decode() if isinstance(content, bytes) else content
    except UnicodeDecodeError as error:
        raise Fault(
            f"{where}: byte {error.start} is not UTF-8: it is damaged or from another version"
        ) from None
    values = 1 + sum(text.count(mark) for mark in ",[{")
    if values > MOST_VALUES:
        raise Fault(f"{where}: about {values:,} values found, expected {MOST_VALUES:,} at most")
    try:
        value = json.loads(text, parse_int=_integer, object_pairs_hook=_table)
    except Fault as fault:
        raise Fault(f"{where}: {fault}: it is damaged or from another version") from None
    except RecursionError:
        raise _too_deep(where) from None
    except ValueError as error:
        raise Fault(
            f"{where}: not a complete JSON file ({error}): it is damaged or from another version"
        ) from None
    if not isinstance(value, dict):
        raise Fault(f"{where}: a JSON {type(value).__name__} found, expected an object")
    check_depth(value, where)
    return value


def check_depth(value: Any, where: str) -> None:
    """Fault where lists and tables lie deeper within each other than `parse_json` reads."""
    level: list[Any] = [value]
    for _ in range(MOST_DEPTH):
        level = [part for each in level for part in _parts(each) if isinstance(part, (list, tuple, dict))]
        if not level:
            return
    raise _too_deep(where)


def _parts(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _too_deep(where: str) -> Fault:
    return Fault(
        f"{where}: more than {MOST_DEPTH} lists and tables within each other: "
        "it is damaged or from another version"
    )


def _integer(text: str) -> int:
    if len(text) > _DIGITS:
        raise Fault(f"a number of {len(text):,} digits found ({quoted(text[:20])}...)")
    return int(text)


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        names: set[str] = set()
        for name, _ in pairs:
            if name in names:
                raise Fault(f"the key {quoted(name)} stands twice in one table")
            names.add(name)
    return table
