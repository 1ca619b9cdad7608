"""Lessons: each measures or trains a small thing, draws it, and says what one sees."""

from __future__ import annotations

from importlib import import_module

from recurra.errors import Fault, nearest
from recurra.inspect.lessons.lesson import Lesson, Picture

__all__ = ["NAMES", "Lesson", "Picture", "lesson"]

NAMES = ("vanishing", "exploding", "surface", "clipping", "gates", "truncation", "memory")
"""In the order in which they are best read."""


def lesson(name: str, dark: bool = False) -> Lesson:
    """Gives a lesson: under a minute on one thread.

    Args:
        name: one of `NAMES`. dark: pictures on dark ground.

    Raises:
        Fault: no lesson is called so.
    """
    if name not in NAMES:
        raise Fault(f"no lesson is called {name!r}{nearest(name, NAMES)}")
    result: Lesson = import_module(f"recurra.inspect.lessons.{name}").lesson(dark)
    return result
