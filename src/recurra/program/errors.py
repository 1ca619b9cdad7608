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
        super().__init__(f"the step keeps something outside its state: it changes {_names(attributes)}")
        self.attributes = attributes


class Volatile(Untraceable):
    """Settings that a step reads change at nearly every run, so that a program would never be used twice."""

    def __init__(self, attributes: frozenset[tuple[str, str]]) -> None:
        super().__init__(
            f"the step reads what was another at each of the last runs, and was traced anew every time: "
            f"{_names(attributes)}; a number that changes is to be a buffer, filled anew in place"
        )


def _names(attributes: frozenset[tuple[str, str]]) -> str:
    return ", ".join(sorted(f"{path}.{name}".strip(".") or "its parts" for path, name in attributes))
