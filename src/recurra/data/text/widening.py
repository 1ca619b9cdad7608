"""Vocabularies and label sets that another run began: its names keep their numbers, new ones follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Key = tuple[Any, ...]
"""What is built from the data alone: its kind ("tokens", "labels" or "subword") and all that is in it."""

_BASES: ContextVar[Mapping[Key, Any]] = ContextVar("bases", default={})  # noqa: B039 (nobody writes to it)


@contextmanager
def widening(bases: Mapping[Key, Any]) -> Iterator[None]:
    """Within it what is built as a key says begins with its value: the names of an older set, or
    the file of an older tokenizer, which stays as it is.
    """
    token = _BASES.set(bases)
    try:
        yield
    finally:
        _BASES.reset(token)


def base_of(*key: Any) -> Any:
    """What such a set is to begin with, None where nothing is."""
    bases = _BASES.get()
    return bases.get(key) if bases else None


def widened(kind: str, names: Sequence[str], counts: Sequence[int]) -> tuple[list[str], list[int], int]:
    """Names and counts of a set, and how many of them another run's set began."""
    base = base_of(kind, tuple(names), tuple(counts)) if _BASES.get() else None
    if base is None:
        return list(names), list(counts), 0
    own = dict(zip(names, counts, strict=True))
    older = set(base)
    fresh = [name for name in names if name not in older]
    every = [*base, *fresh]
    return every, [own.get(name, 0) for name in every], len(base)
