"""What other installed packages add: entry points, looked for when a name is not known, or all are listed.

A package declares them in its pyproject.toml, here a cell that answers to "my_cell":

    [project.entry-points."recurra.cells"]
    my_cell = "my_package.cells:MyCell"
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple, TypeVar

from recurra.errors import Fault

F = TypeVar("F", bound=Callable[..., Any])

KINDS = ("cells", "tasks", "readers", "recipes", "reporters")
"""Each is a group of entry points, `recurra.KIND`."""

_LOGGER = logging.getLogger("recurra")


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
            _try(each)


class Functions(Mapping[str, F]):
    """Functions by name, and those that the plug-ins of a kind add.

    Args:
        own: the functions of this package.
    """

    def __init__(self, kind: str, own: Mapping[str, F]) -> None:
        self._kind, self._own = kind, dict(own)

    def __getitem__(self, name: str) -> F:
        if name in self._own:
            return self._own[name]
        entry = plugin(self._kind, name)
        if entry is None:
            raise KeyError(name)
        function = entry.load()
        if not callable(function):
            raise Fault(
                f"the plug-in {name!r} (recurra.{self._kind}) of {entry.package} is a "
                f"{type(function).__name__}, expected a function: mend or uninstall that package"
            )
        return function  # type: ignore[no-any-return]

    def __contains__(self, name: object) -> bool:
        return name in self._own or (isinstance(name, str) and plugin(self._kind, name) is not None)

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from (
            each.entry.name
            for each in _plugins(self._kind)
            if each.entry.name not in self._own and _try(each)
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)


@cache
def _try(entry: Plugin) -> bool:
    """Whether a plug-in can be imported; one that can't be is told of."""
    try:
        entry.load()
    except Fault as fault:
        _LOGGER.warning("%s", fault)
        return False
    return True


@cache
def _plugins(kind: str) -> tuple[Plugin, ...]:
    return tuple(Plugin(kind, entry, _package(entry)) for entry in entry_points(group=f"recurra.{kind}"))


def _package(entry: EntryPoint) -> str:
    return "an unknown package" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"
