"""Reading TOML, with faults told by their place; writing it, which Python's own library does not."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recurra.errors import Fault
from recurra.storage.files import read_bytes

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def read_toml(path: str | Path) -> dict[str, Any]:
    """The table of a TOML file; Fault with line and column where it is none."""
    try:
        return tomllib.loads(read_bytes(path).decode())
    except UnicodeDecodeError as error:
        raise Fault(f"{path}: byte {error.start} is not UTF-8: expected a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise Fault(f"{path}: not TOML: {error}") from None


def to_toml(table: Mapping[str, Any]) -> str:
    """A table as TOML text: plain keys first, a `[section]` for each table in it, deeper ones inline.

    None is left out, as TOML has no such value.
    """
    entries = {key: value for key, value in table.items() if value is not None}
    lines = [
        f"{_key(key)} = {_value(value)}" for key, value in entries.items() if not isinstance(value, Mapping)
    ]
    for key, value in entries.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{_key(key)}]"]
            lines += [f"{_key(name)} = {_value(each)}" for name, each in value.items() if each is not None]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _text(value: str) -> str:
    # TOML's basic strings take JSON's escapes; DEL alone needs one that JSON does without
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(each) for each in value)}]"
    if isinstance(value, Mapping):
        pairs = [f"{_key(str(key))} = {_value(each)}" for key, each in value.items() if each is not None]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    raise Fault(f"a recipe can't hold {value!r} of type {type(value).__name__}")
