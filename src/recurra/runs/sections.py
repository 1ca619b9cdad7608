"""A table of a recipe -> the options of its owner; a wrong key or value is told with the key's full name."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from recurra.errors import Fault, nearest, quoted

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
    problem = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    raise Fault(f"{where}: {key} = {quoted(first['input'])} found: {problem}")


def key_paths(options: type[BaseModel]) -> list[str]:
    """Every key that a section may have, those of the tables within it as `table.key`."""
    paths: list[str] = list(getattr(options, "usual", ()))
    for name, field in options.model_fields.items():
        paths.append(name)
        paths += [f"{name}.{path}" for model in _models(field.annotation) for path in key_paths(model)]
    return list(dict.fromkeys(paths))


def _nearest_key(options: type[BaseModel], path: list[str], section: str) -> str:
    """A key of the same table, or of another one that ends so, as `train.optimiser.lr` for `train.lr`."""
    keys, paths = _keys_at(options, path[:-1]), key_paths(options)
    close = get_close_matches(path[-1], keys, n=1)
    deeper = [each for each in paths if each.split(".")[-1] == path[-1]]
    if deeper and not close:
        return f": did you mean {f'{section}.{deeper[0]}'!r}?"
    return nearest(path[-1], keys) if keys else ""


def _keys_at(options: type[BaseModel], path: list[str]) -> list[str]:
    """The keys that the table at `path` may have, those of all forms where it may take several."""
    level = [options]
    for part in path:
        fields = [each.model_fields[part] for each in level if part in each.model_fields]
        if fields:  # else `part` names a form of a union, which takes no level of its own
            level = [model for field in fields for model in _models(field.annotation)]
    return sorted({field for each in level for field in each.model_fields})


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)
