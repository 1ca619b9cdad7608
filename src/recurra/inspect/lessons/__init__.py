"""Lessons: each measures or trains a small thing, draws it, and says what one sees."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from recurra.errors import Fault, nearest, quoted
from recurra.inspect.lessons.lesson import Lesson, Picture

__all__ = ["NAMES", "Lesson", "Picture", "about", "lesson"]

NAMES = ("vanishing", "exploding", "surface", "clipping", "gates", "truncation", "memory")
"""In the order in which they are best read."""


def lesson(name: str, dark: bool = False) -> Lesson:
    """Gives a lesson: under a minute on one thread.

    Args:
        name: one of `NAMES`. dark: pictures on dark ground.

    Raises:
        Fault: no lesson is called so.
    """
    result: Lesson = _module(name).lesson(dark)
    return result


def about(name: str) -> str:
    """What a lesson asks, in one line. Fault as `lesson`."""
    return (_module(name).__doc__ or "").split("\n")[0]


def _module(name: str) -> Any:
    if name not in NAMES:
        raise Fault(f"no lesson is called {quoted(name)}{nearest(name, NAMES)}")
    return import_module(f"recurra.inspect.lessons.{name}")
