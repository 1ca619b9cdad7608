"""What other installed packages add: entry points, looked for when a name is not known, or all are listed.

A package declares them in its pyproject.toml, here a cell that answers to "my_cell":

    [project.entry-points."recurra.cells"]
    my_cell = "my_package.cells:MyCell"
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from recurra.errors import Fault

KINDS = ("cells", "tasks", "readers", "recipes", "reporters")
"""Each is a group of entry points, `recurra.KIND`."""

_LOGGER = logging.getLogger("recurra")
_broken: set[str] = set()  # told once


class Plugin(NamedTuple):
    """One entry point.

    Attributes:
        kind: one of `KINDS`. package: name and version of the distribution that declares it.
    """

    kind: str
    entry: EntryPoint
    package: str

    def load(self) -> Any:
        """What it names; importing it registers cells and tasks.

        Raises:
            Fault: it can't be imported; names the package.
        """
        try:
            return self.entry.load()
        except Exception as error:
            raise Fault(
                f"the plug-in {self.entry.name!r} (recurra.{self.kind}) of {self.package} can't be loaded: "
                f"{self.entry.value}: {type(error).__name__}: {error}: mend or uninstall that package"
            ) from error


def plugin(kind: str, name: str) -> Plugin | None:
    """The entry point of a name, None where there is none.

    Raises:
        Fault: two packages declare it.
    """
    fitting = [each for each in _plugins(kind) if each.entry.name == name]
    if len({each.entry.value for each in fitting}) > 1:
        packages = ", ".join(sorted(each.package for each in fitting))
        raise Fault(f"the plug-in {name!r} (recurra.{kind}) is declared by {packages}: uninstall all but one")
    return fitting[0] if fitting else None


def plugin_names(kind: str) -> list[str]:
    """The names of all entry points of a kind; nothing is imported."""
    return sorted({each.entry.name for each in _plugins(kind)})


def load_plugins(kinds: Iterable[str]) -> None:
    """Imports all of some kinds. One that can't be is told of in one line, once, and left out."""
    for kind in kinds:
        for each in _plugins(kind):
            try:
                each.load()
            except Fault as fault:
                if str(fault) not in _broken:
                    _broken.add(str(fault))
                    _LOGGER.warning("%s", fault)


@cache
def _plugins(kind: str) -> tuple[Plugin, ...]:
    return tuple(Plugin(kind, entry, _package(entry)) for entry in entry_points(group=f"recurra.{kind}"))


def _package(entry: EntryPoint) -> str:
    return "an unknown package" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"
