"""A table of a recipe -> the options of its owner; a wrong key or value is told with the key's full name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from recurra.errors import Fault, nearest, quoted, raise_all
from recurra.runs.keys import key_paths, keys_at
from recurra.runs.migration import new_name, new_value

O = TypeVar("O", bound=BaseModel)  # noqa: E741


def read_section(options: type[O], table: Any, name: str, where: str) -> O:
    """Validates one section; `true` is no number, `1.0` no whole number, and a text neither.

    Args:
        options: what the section's owner takes.
        table: the section as TOML gave it.
        name: the section, as in `[name]`. where: the file, for messages.

    Raises:
        Fault: names the wrong key, what was found and what was expected; an unknown key with the nearest
            known one, or with the name that it has now; `Faults` where there are several.
    """
    if not isinstance(table, Mapping):
        raise Fault(f"{where}: {name} = {quoted(table)} found, expected a section [{name}]")
    try:
        # as JSON, whose lists may become tuples: apart from that no type is converted into another
        return options.model_validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as error:
        errors = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    faults: dict[str, Fault] = {}
    for each in errors:
        path = [str(part) for part in each["loc"]]
        # of a value that fits none of several forms the first one is told
        faults.setdefault(_place(options, path), _fault(options, each, path, name, where))
    raise_all([*faults.values()])
    raise AssertionError("a validation error without errors")


def _fault(options: type[BaseModel], error: Any, path: list[str], name: str, where: str) -> Fault:
    key = ".".join([name, *path])
    if error["type"] == "extra_forbidden":
        return Fault(f"{where}: unknown key {key}{_nearest_key(options, path, name)}")
    if error["type"] == "missing":
        return Fault(f"{where}: {key} is missing: expected a value for it in [{name}]")
    problem = new_value(options, name, path, error["input"])
    if problem is None:
        problem = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if not path:  # of several keys together
        return Fault(f"{where}: [{name}]: {problem}")
    return Fault(f"{where}: {key} = {quoted(error['input'])} found: {problem}")


def _place(options: type[BaseModel], path: list[str]) -> str:
    """The key that an error is about, whatever form of its value was tried."""
    for depth, part in enumerate(path):
        keys = keys_at(options, path[:depth])
        if part not in keys and not part.isdigit():
            return ".".join(path[: depth + 1] if keys else path[:depth])
    return ".".join(path)


def _nearest_key(options: type[BaseModel], path: list[str], section: str) -> str:
    """What it was called once, a key of the same table, or of another one that ends so, as
    `train.optimiser.lr` for `train.lr`.
    """
    renamed = new_name(options, section, path)
    if renamed is not None:
        return f": {renamed}"
    keys, paths = keys_at(options, path[:-1]), key_paths(options)
    close = get_close_matches(path[-1], keys, n=1)
    deeper = [each for each in paths if each.split(".")[-1] == path[-1]]
    if deeper and not close:
        return f": did you mean {f'{section}.{deeper[0]}'!r}?"
    return nearest(path[-1], keys) if keys else ""
