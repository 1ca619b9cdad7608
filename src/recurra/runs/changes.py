"""Settings changed from outside a recipe: `--set section.key=value`, `--unset section.key`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from pydantic import BaseModel

from recurra.errors import Fault, nearest, quoted
from recurra.runs.keys import key_paths
from recurra.runs.migration import new_name
from recurra.storage.toml_text import parse_toml

SPELLINGS = {("train", "optimizer"): ("train", "optimiser")}
"""Keys that are taken in another spelling, too."""

_BARE_WORD = re.compile(r"[A-Za-z0-9_./~-]+(:[A-Za-z0-9_./-]+)?")


def spelled(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A recipe with its keys in our own spelling. Fault for one that stands there in both."""
    result = {key: dict(value) if isinstance(value, Mapping) else value for key, value in table.items()}
    for (section, other), (_, key) in SPELLINGS.items():
        place = result.get(section)
        if isinstance(place, dict) and other in place:
            if key in place:
                raise Fault(
                    f"{where}: {section}.{key} and {section}.{other} found: they are one: leave one out"
                )
            result[section] = {key if name == other else name: value for name, value in place.items()}
    return result


def with_change(table: Mapping[str, Any], change: str) -> dict[str, Any]:
    """The table with one `a.b=value` put in; the value is TOML, or a bare word (a name, a path)."""
    path, equals, text = change.partition("=")
    names = _names(path)
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
    *path, last = _names(key)
    result: dict[str, Any] = deepcopy(dict(table))
    section: Any = result
    for name in path:
        section = section.get(name) if isinstance(section, dict) else None
    if not isinstance(section, dict) or last not in section:
        raise Fault(f"--unset {key}: {where} does not set it{nearest(key, flat(table))}")
    del section[last]
    return result


def changed(
    table: Mapping[str, Any], changes: Iterable[str], removals: Iterable[str], where: str
) -> dict[str, Any]:
    """The table after all removals, and then all changes."""
    result = dict(table)
    for key in removals:
        result = without_key(result, key, where)
    for change in changes:
        result = with_change(result, change)
    return result


def require_changeable(
    keys: Sequence[str],
    changes: Iterable[str],
    removals: Iterable[str],
    sections: Mapping[str, type[BaseModel]],
) -> None:
    """Fault for a change of what a trained run can't do without another training.

    Args:
        keys: what may change: keys, or tables with all that is in them.
        sections: "data" and "model" -> what they take.
    """
    every = [f"{name}.{path}" for name, options in sections.items() for path in key_paths(options)]
    named = [("--set", change, change.partition("=")[0]) for change in changes]
    for flag, text, path in [*named, *(("--unset", key, key) for key in removals)]:
        key = ".".join(_names(path))
        if key not in every and key.partition(".")[0] != "train":
            section, _, rest = key.partition(".")
            name = new_name(sections[section], section, rest.split(".")) if section in sections else None
            hint = nearest(key, every) if name is None else f": {name}"
            raise Fault(f"{flag} {text}: unknown key {key}{hint}")
        if not any(key == each or key.startswith(f"{each}.") for each in keys):
            raise Fault(
                f"{flag} {text}: {key} needs another training; of a trained run these may change: "
                f"{', '.join(keys)}"
            )


def flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Every value of a table by its dotted key, None left out."""
    values: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            values.update(flat(value, f"{prefix}{key}."))
        elif value is not None:
            values[f"{prefix}{key}"] = value
    return values


def _names(path: str) -> list[str]:
    names = [part.strip() for part in path.split(".")]
    return [*SPELLINGS.get((names[0], names[1]), names[:2]), *names[2:]] if len(names) > 1 else names


def _value(text: str, change: str) -> Any:
    try:
        return parse_toml(f"value = {text}".encode(), "")["value"]
    except Fault:
        if _BARE_WORD.fullmatch(text):
            return text
        raise Fault(
            f"--set {change}: {text!r} is not a TOML value: write 3, 0.1, true, [1, 2], or 'text' in quotes"
        ) from None
