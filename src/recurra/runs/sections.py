"""A table of a recipe -> the options of its owner; a wrong key or value is told with the key's full name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from recurra.errors import Fault, nearest, quoted
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
        Fault: names the first wrong key, what was found and what was expected; an unknown key with the
            nearest known one.
    """
    if not isinstance(table, Mapping):
        raise Fault(f"{where}: {name} = {quoted(table)} found, expected a section [{name}]")
    try:
        # as JSON, whose lists may become tuples: apart from that no type is converted into another
        return options.model_validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as error:
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    path = [str(part) for part in first["loc"]]
    key = ".".join([name, *path])
    if first["type"] == "extra_forbidden":
        raise Fault(f"{where}: unknown key {key}{_nearest_key(options, path, name)}")
    if first["type"] == "missing":
        raise Fault(f"{where}: {key} is missing: expected a value for it in [{name}]")
    renamed = new_value(options, name, path, first["input"])
    if renamed is not None:
        raise Fault(f"{where}: {key} = {quoted(first['input'])} found: {renamed}")
    problem = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    raise Fault(f"{where}: {key} = {quoted(first['input'])} found: {problem}")


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
