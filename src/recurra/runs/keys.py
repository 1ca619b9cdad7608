"""The keys that a section of a recipe may have, as its options class says."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel


def key_paths(options: type[BaseModel]) -> list[str]:
    """Every key that a section may have, those of the tables within it as `table.key`."""
    paths: list[str] = list(getattr(options, "usual", ()))
    for name, field in options.model_fields.items():
        paths.append(name)
        paths += [f"{name}.{path}" for model in models_in(field.annotation) for path in key_paths(model)]
    return list(dict.fromkeys(paths))


def keys_at(options: type[BaseModel], path: Sequence[str]) -> list[str]:
    """The keys that the table at `path` may have, those of all forms where it may take several."""
    return sorted({field for each in _level(options, path) for field in each.model_fields})


def has_key(options: type[BaseModel], path: Sequence[str]) -> bool:
    """Whether a section may have this key."""
    return path[-1] in keys_at(options, path[:-1]) if path else False


def words_at(options: type[BaseModel], path: Sequence[str]) -> list[Any]:
    """The words that a key chooses from; none where it takes any value."""
    fields = [each.model_fields.get(path[-1]) for each in _level(options, path[:-1])]
    return [word for field in fields if field is not None for word in _words(field.annotation)]


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The options classes in a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from models_in(part)


def _level(options: type[BaseModel], path: Sequence[str]) -> list[type[BaseModel]]:
    """The classes of the table at `path`; none where no table can be there."""
    level = [options]
    for part in path:
        fields = [each.model_fields[part] for each in level if part in each.model_fields]
        if fields:
            level = [model for field in fields for model in models_in(field.annotation)]
        elif not part.isdigit() and not part[:1].isupper():
            # else the place in a list, or a form of a union, which takes no level of its own
            return []
    return level


def _words(annotation: Any) -> Iterator[Any]:
    if typing.get_origin(annotation) is Literal:
        yield from typing.get_args(annotation)
    else:
        for part in typing.get_args(annotation):
            yield from _words(part)
