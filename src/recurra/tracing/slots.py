"""Attributes of objects that have no dictionary for them."""

from __future__ import annotations

from functools import cache


@cache
def slots_of(kind: type) -> tuple[str, ...]:
    """Names of the attributes that the class, and those it derives from, keep in `__slots__`."""
    names: list[str] = []
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            if name in ("__dict__", "__weakref__"):
                continue
            private = name.startswith("__") and not name.endswith("__")
            names.append(f"_{base.__name__.lstrip('_')}{name}" if private else name)
    return tuple(names)
