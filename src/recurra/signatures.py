"""Arguments out of a file against the types that a constructor states for them.

Python itself takes `true` for 1, and a constructor that is given a text for a size fails where nobody expects
it.
"""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeVar, Union

from recurra.errors import Fault, quoted

_WIDEST = 2**63
_ROWS = (list, tuple, set, frozenset, Sequence, Iterable)


def check_arguments(cls: type, arguments: Mapping[str, Any]) -> None:
    """Fault where an argument is of another type than the constructor of `cls` states.

    What states no type, or one that is not looked into here (a function, a protocol), takes anything. A list
    stands for a tuple, as files have no tuples, and a whole number for any number; nothing else is converted.
    """
    hints = _hints(cls)
    for name, value in arguments.items():
        if name in hints and not fits(value, hints[name]):
            raise Fault(f"{name} = {excerpt(value)} found, expected {_in_words(hints[name])}")


def check_argument(function: Callable[..., Any], name: str, value: Any) -> None:
    """The same for one argument of a function, or of a method."""
    try:
        hints = typing.get_type_hints(function)
    except NameError:  # a type that only a checker imports
        return
    if name in hints and not fits(value, hints[name]):
        raise Fault(f"{excerpt(value)} found, expected {_in_words(hints[name])}")


def fits(value: Any, hint: Any) -> bool:
    """Whether a value out of a file is of a type."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if origin is Literal:
        return any(value == part and type(value) is type(part) for part in parts)
    if hint is None or hint is type(None):
        return value is None
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _WIDEST
    if hint is float:
        return fits(value, int) or (isinstance(value, float) and not math.isnan(value))
    kind = hint if origin is None else origin
    if kind is tuple and parts and parts[-1] is not Ellipsis:
        return isinstance(value, (list, tuple)) and len(value) == len(parts) and all(map(fits, value, parts))
    if kind in _ROWS:
        return isinstance(value, (list, tuple)) and (not parts or all(fits(part, parts[0]) for part in value))
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return isinstance(value, Mapping) and (
            not parts or all(fits(part, parts[1]) for part in value.values())
        )
    if not isinstance(kind, type) or getattr(kind, "_is_protocol", False):
        return True
    return isinstance(value, kind)


def excerpt(value: Any) -> str:
    """A value for a message; an object by its class alone."""
    plain = value is None or isinstance(value, (bool, int, float, str, list, tuple, dict))
    return quoted(value) if plain else f"a {type(value).__name__}"


@cache
def _hints(cls: type) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(cls.__init__)  # type: ignore[misc]
        parameters = inspect.signature(cls).parameters
    except (NameError, TypeError, ValueError):  # a type that only a checker imports
        return {}
    hints = {name: hint for name, hint in hints.items() if name in parameters}
    for name in list(hints):
        if parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
            hints[name] = types.GenericAlias(list, (hints[name],))
        elif parameters[name].kind is inspect.Parameter.VAR_KEYWORD or isinstance(hints[name], TypeVar):
            del hints[name]
    return hints


def _in_words(hint: Any) -> str:
    words = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    if typing.get_origin(hint) in (Union, types.UnionType):
        return " or ".join(_in_words(part) for part in typing.get_args(hint) if part is not type(None))
    if hint in words:
        return words[hint]
    if typing.get_origin(hint) is Literal:
        return " or ".join(map(repr, typing.get_args(hint)))
    return getattr(hint, "__name__", str(hint)) if typing.get_origin(hint) is None else str(hint)
