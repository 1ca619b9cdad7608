"""TOML within limits, with faults told by their place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recurra.errors import Fault
from recurra.storage.files import read_plain
from recurra.storage.json_text import check_depth

MOST_BYTES = 2**18
"""Of a file."""

_MOST_PARTS = 50  # of a dotted key: the time that the library takes grows with their square
_DOTTED = re.compile(
    rf"""(?<![A-Za-z0-9_-])(?:(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{_MOST_PARTS}}}"""
)
_WIDEST = 2**63


def read_toml(path: str | Path) -> dict[str, Any]:
    """The table of a TOML file of a run: a regular file, as it lies there; see `parse_toml`."""
    return parse_toml(read_plain(path, MOST_BYTES), str(path))


def parse_toml(content: bytes, where: str) -> dict[str, Any]:
    """The table that a text holds.

    Args:
        where: the file, for messages.

    Raises:
        Fault: it is no TOML (with line and column), too large, too deep, or holds an integer that 64 bits
            can't.
    """
    if len(content) > MOST_BYTES:
        raise Fault(f"{where}: larger than {MOST_BYTES:,} bytes, which no recipe is")
    try:
        text = content.decode().removeprefix("\ufeff")
        if _DOTTED.search(text):
            raise Fault(f"{where}: more than {_MOST_PARTS} names joined by dots, which no key has")
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise Fault(f"{where}: byte {error.start} is not UTF-8: expected a TOML file") from None
    except Fault:
        raise
    except RecursionError:
        raise Fault(f"{where}: not TOML: too many brackets within each other") from None
    except (ValueError, OverflowError) as error:
        # besides the library's own errors: too many digits, a date that no calendar has
        raise Fault(f"{where}: not TOML: {str(error).partition(';')[0]}") from None
    check_depth(table, where)
    _check_integers(table, where, "")
    return table


def _check_integers(value: Any, where: str, key: str) -> None:
    if isinstance(value, Mapping):
        for name, each in value.items():
            _check_integers(each, where, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for each in value:
            _check_integers(each, where, key)
    elif isinstance(value, int) and not -_WIDEST <= value < _WIDEST:
        digits = value.bit_length() * 3 // 10
        raise Fault(f"{where}: {key} is a number of about {digits:,} digits, expected one that 64 bits hold")
