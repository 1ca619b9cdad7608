"""Whether a slower path than the fastest is a Fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_STRICT: ContextVar[bool] = ContextVar("recurra.strict", default=False)


def strictly() -> bool:
    """Whether `strict` is in force."""
    return _STRICT.get()


@contextmanager
def strict() -> Iterator[None]:
    """Within it every run over time that would take a slower path than the fastest is a Fault instead; so are
    gradients of gradients, there or of such a run, which take the plain loop.
    """
    token = _STRICT.set(True)
    try:
        yield
    finally:
        _STRICT.reset(token)
