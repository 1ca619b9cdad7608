"""A table as TOML text, which Python's own library does not write."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from recurra.errors import Fault, quoted

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(table: Mapping[str, Any]) -> str:
    """A table as TOML text: plain keys first, a `[section]` for each table in it, deeper ones inline.

    None is left out, as TOML has no such value.
    """
    entries = {key: value for key, value in table.items() if value is not None}
    lines = [
        f"{_key(key)} = {value_text(value)}"
        for key, value in entries.items()
        if not isinstance(value, Mapping)
    ]
    for key, value in entries.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{_key(key)}]"]
            lines += [
                f"{_key(name)} = {value_text(each)}" for name, each in value.items() if each is not None
            ]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _text(value: str) -> str:
    # TOML's basic strings take JSON's escapes; DEL alone needs one that JSON does without
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def value_text(value: Any) -> str:
    """A value as TOML text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(value_text(each) for each in value)}]"
    if isinstance(value, Mapping):
        pairs = [f"{_key(str(key))} = {value_text(each)}" for key, each in value.items() if each is not None]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    raise Fault(f"a recipe can't hold {quoted(value)} of type {type(value).__name__}")
