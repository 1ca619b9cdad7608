"""Three parts of a recipe's data, the last one to test on."""

from __future__ import annotations

from pathlib import Path

from recurra.data import Examples
from recurra.errors import Fault
from recurra.tasks.sources import Source, SourceOptions, read_like, read_source

TEST = "test"


class TestedOptions(SourceOptions):
    """The data, with a part to test on.

    Attributes:
        test: what `evaluate` measures when it is given "test".
    """

    test: Source | list[Source] | None = None


def read_named(options: TestedOptions, data: str | Path) -> Examples:
    """ "test": that part of the recipe; else another file of the same format."""
    if str(data) != TEST:
        return read_like(options, data)
    if options.test is None:
        raise Fault("the recipe names no test data: set data.test, or give a file")
    return read_source(options.test)
