"""Why a step has no program."""

from __future__ import annotations


class Untraceable(Exception):
    """The step can't be written as a program; the message says why, for `explain()`."""
