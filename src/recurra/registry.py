"""Name -> class, and class -> the arguments it was built with.

Everything that a model file can hold is registered under a kind and a name, and remembers its constructor's
arguments, so that a plain dictionary describes it and rebuilds it without executing anything but constructors
of registered classes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn, Self, TypeVar

from torch import nn

from recurra.errors import Fault, UnknownName, nearest, quoted
from recurra.plugins import load_plugins, plugin
from recurra.recording import refuse_script
from recurra.signatures import check_arguments

T = TypeVar("T")


class Registry(Mapping[str, type]):
    """One kind of thing by name. Names are unique; a miss names the nearest.

    A class may answer to aliases too. They are looked up and not listed: files and lists know the name alone.

    Args:
        kind: what it is called in messages.
        homes: packages that register classes as they are imported: before a name is first looked up.
        plugins: kinds of plug-ins (see `recurra.plugins`) that register classes, too: one is imported where
            its name is not known, and all are where the names are listed.
    """

    def __init__(self, kind: str, homes: Sequence[str] = (), plugins: Sequence[str] = ()) -> None:
        self.kind = kind
        self._homes, self._plugins = list(homes), list(plugins)
        self._classes: dict[str, type] = {}
        self._names: dict[str, str] = {}  # of each alias

    def _table(self) -> dict[str, type]:
        for home in self._homes:  # each time: one that another thread is importing is waited for
            import_module(home)
        return self._classes

    def register(self, name: str, *aliases: str) -> Callable[[type[T]], type[T]]:
        """Class decorator. Registering the same definition again (a reloaded module, a notebook cell run
        twice) replaces it; another class under a taken name is a Fault. A name goes before an alias.
        """

        def add(cls: type[T]) -> type[T]:
            other = self._classes.get(name, cls)
            if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
                raise Fault(
                    f"{self.kind} name {name!r} is taken by {other.__module__}.{other.__qualname__}: "
                    f"choose another name for {cls.__qualname__}"
                )
            for alias in aliases:
                if self._names.setdefault(alias, name) != name:
                    raise Fault(f"{self.kind} alias {alias!r} is taken by {self._names[alias]!r}")
            self._classes[name] = cls
            return cls

        return add

    def __getitem__(self, name: str) -> type:
        classes = self._table()
        if name not in self:
            load_plugins(self._plugins)  # what one registers may have other names than its own
        if not self._has(name):
            raise UnknownName(f"no {self.kind} is called {quoted(name)}{nearest(name, classes)}", name)
        return classes[name] if name in classes else classes[self._names[name]]

    def __contains__(self, name: object) -> bool:
        if not self._has(name) and isinstance(name, str):
            for kind in self._plugins:
                entry = plugin(kind, name)
                if entry is not None:
                    entry.load()
        return self._has(name)

    def __iter__(self) -> Iterator[str]:
        load_plugins(self._plugins)
        return iter(self._table())

    def __len__(self) -> int:
        load_plugins(self._plugins)
        return len(self._table())

    def _has(self, name: object) -> bool:
        return name in self._table() or name in self._names

    def name_of(self, cls: type) -> str | None:
        """The name under which exactly this class is registered, or None."""
        return next((name for name, other in self._classes.items() if other is cls), None)


MODULES = Registry(
    "module", homes=("recurra.cells", "recurra.layers", "recurra.models"), plugins=("cells", "tasks")
)
"""Every cell, layer and model that a model file may name."""


class Configured(nn.Module):
    """A module that remembers how it was built.

    The arguments of the constructor are kept in `config` before the constructor runs, and
    `nn.Module.__init__` has been called by then, so a subclass may leave out `super().__init__()`.
    """

    config: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls)
        nn.Module.__init__(self)
        try:
            bound = inspect.signature(cls.__init__).bind(self, *args, **kwargs)
        except TypeError:
            return self  # __init__ raises the same error with its own words; copying passes no arguments
        bound.apply_defaults()
        _, *names = bound.arguments
        config: dict[str, Any] = {}
        for name in names:
            if bound.signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                config.update(bound.arguments[name])
            else:
                config[name] = bound.arguments[name]
        object.__setattr__(self, "config", config)
        return self

    def __init__(self) -> None:
        # nn.Module.__init__ ran in __new__; running it again would drop what a subclass registered first
        pass

    def __prepare_scriptable__(self) -> NoReturn:
        refuse_script(type(self).__name__)


def to_config(value: Any) -> Any:
    """A module, or a container of modules and plain values, as JSON-ready data.

    Raises Fault for a module that is not registered and for a value that JSON can't hold.
    """
    if isinstance(value, Configured):
        who, name = type(value).__qualname__, MODULES.name_of(type(value))
        if "type" in value.config:
            raise Fault(
                f"{who}: its constructor has an argument called 'type', which names the class in files"
            )
        if name is None:
            raise Fault(
                f"{who} has no registered name: a file could not name it; "
                f"decorate the class with @recurra.cell(...) or the registry of its kind"
            )
        try:
            return {"type": name, **{key: to_config(part) for key, part in value.config.items()}}
        except Fault as fault:
            raise Fault(f"{who}: {fault}") from None
    if isinstance(value, dict):
        if "type" in value:
            raise Fault("a dictionary of a configuration can't have a key 'type', which names classes")
        return {str(key): to_config(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_config(part) for part in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise Fault(
        f"a configuration can't hold {quoted(value)} of type {type(value).__name__}: use plain values"
    )


def from_config(config: Any) -> Any:
    """The inverse of `to_config`: builds registered classes from plain data, with fresh weights.

    Raises:
        Fault: a name that is not registered, or a class that can't be built from its arguments; names it.
    """
    if isinstance(config, dict):
        arguments = {key: from_config(value) for key, value in config.items() if key != "type"}
        return _build(config["type"], arguments) if "type" in config else arguments
    if isinstance(config, list):
        return [from_config(value) for value in config]
    return config


def _build(name: Any, arguments: dict[str, Any]) -> Any:
    if not isinstance(name, str):
        raise Fault(f"type = {quoted(name)} found, expected the name of a registered class")
    cls = MODULES[name]
    parameters = inspect.signature(cls).parameters.values()
    spread = [p for p in parameters if p.kind is inspect.Parameter.VAR_POSITIONAL]
    try:
        check_arguments(cls, arguments)
        for key, value in arguments.items():
            if key.endswith("dropout") and isinstance(value, (int, float)) and not 0 <= value <= 1:
                raise Fault(f"{key} = {value} found, expected a share from 0 to 1")
        last = arguments.pop(spread[0].name, []) if spread else []
        first = [
            arguments.pop(p.name)
            for p in parameters
            if spread and p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        ]
        return cls(*first, *last, **arguments)
    except Fault as fault:
        raise Fault(f"{name}: {fault}") from fault
    except Exception as error:  # whatever a constructor says to numbers that can't be
        names = ", ".join(sorted(arguments))
        raise Fault(f"{name} can't be built from ({names}): {error or type(error).__name__}") from error
