"""Why a step has no program."""

from __future__ import annotations


class Untraceable(Exception):
    """The step can't be written as a program; the message says why, for `explain()`."""


class RowsMixed(Untraceable):
    """A result does not have the traced number of rows first, and nowhere else."""


class LeavesMarks(Untraceable):
    """The step changes attributes of its module, which a program would not do.

    Attributes:
        attributes: (path of the module within the cell, name of the attribute) of each.
    """

    def __init__(self, attributes: frozenset[tuple[str, str]]) -> None:
        names = ", ".join(sorted(f"{path}.{name}" if path else name for path, name in attributes))
        super().__init__(f"the step keeps something outside its state: it changes {names}")
        self.attributes = attributes
