"""What a step can read of its module and of what surrounds it: the names in its code, and in all code that it
can reach by them.

Code is followed from the step through the methods, functions and properties that it names, through those that
its module holds, and through what they enclose. Torch's modules are followed too, other libraries are not.
"""

from __future__ import annotations

import argparse
import array
import dis
import functools
import operator
import sys
import types
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from recurra.tracing.slots import slots_of

ROOTS = frozenset(
    "step edge slots step_features initial_state state_sizes forward".split()
    + "hidden_size input_size State input".split()
)
"""Attributes that tracing itself reads."""

OWN = frozenset(nn.Module().__dict__) | {"_output_size"}
"""Attributes of modules that are no settings; `training`, parameters and parts are seen apart from them."""

_ANYTHING = frozenset("getattr hasattr vars dir eval exec globals locals __dict__ __getattribute__".split())
"""Who names one of these may read what it does not name."""

_BAGS = (types.SimpleNamespace, argparse.Namespace)
_DESCRIPTORS = (property, functools.cached_property, staticmethod, classmethod)


@dataclass(frozen=True, eq=False)
class Reads:
    """What a step can read.

    Attributes:
        names: of attributes, of whatever object; None: any.
        places: (the globals of a module of Python's, name in them) of what it reads there.
    """

    names: frozenset[str] | None
    places: tuple[tuple[dict[str, Any], str], ...]

    def same(self, other: Reads) -> bool:
        """Whether both read the same."""
        mine, others = ([(id(place), name) for place, name in reads.places] for reads in (self, other))
        return self.names == other.names and mine == others

    def attributes(self, value: object) -> Iterator[tuple[str, Any]]:
        """Those of one object that it can read, without those of its class."""
        own = getattr(value, "__dict__", None)
        everything = self.names is None or not (isinstance(value, nn.Module) or followed(type(value)))
        if isinstance(own, dict):
            omit = OWN if isinstance(value, nn.Module) else frozenset[str]()
            for name, attribute in own.copy().items():
                if (everything or name in self.names) and name not in omit:  # type: ignore[operator]
                    yield name, attribute
        for name in slots_of(type(value)):
            if everything or name in self.names:  # type: ignore[operator]
                yield name, getattr(value, name, None)

    def of_class(self, kind: type) -> Iterator[tuple[str, Any]]:
        """Attributes of a class that it can read, as they lie there."""
        for base in followed_bases(kind):
            for name, attribute in base.__dict__.copy().items():
                if name in _OF_CLASSES or name in _NEVER_CALLED:
                    continue
                implied = name.startswith("__") and callable(attribute)
                if implied or self.names is None or name in self.names:
                    yield name, attribute


_NEVER_CALLED = frozenset(
    "__init__ __new__ __init_subclass__ __class_getitem__ __repr__ __str__ __format__ __reduce__ "
    "__reduce_ex__ __getstate__ __setstate__ __copy__ __deepcopy__ __del__ __dir__ __sizeof__ __class__ "
    "__subclasshook__ __replace__".split()
)
"""Methods that no step calls without naming them, and none that is traced should."""

_OF_CLASSES = frozenset(
    "__dict__ __weakref__ __doc__ __module__ __annotations__ __slots__ __abstractmethods__ _abc_impl "
    "__qualname__ __parameters__ __orig_bases__ __hash__ __firstlineno__ __static_attributes__".split()
)


@cache
def _is_foreign(module: str) -> bool:
    """Whether code of this module of Python's is not followed."""
    root, *rest = module.split(".")
    if root == "recurra":
        return not rest or rest[0] not in ("cells", "layers", "models") or rest[1:] == ["base"]
    return root in sys.stdlib_module_names - {"__main__"} or root in ("torch", "numpy", "safetensors")


def _is_torchs(kind: type) -> bool:
    return kind.__module__.startswith(("torch.nn.modules.", "torch.nn.utils.param")) and kind is not nn.Module


def followed_bases(kind: type) -> tuple[type, ...]:
    """A class and those it derives from whose code is followed; `super` reaches each of them."""
    return tuple(base for base in kind.__mro__ if _is_torchs(base) or not _is_foreign(base.__module__))


def followed(kind: type) -> bool:
    """Whether the code of all methods of a class is followed, so that only what they name is read."""
    bases = [base for base in kind.__mro__ if base is not object]
    return all(base in _BAGS or not _is_foreign(base.__module__) for base in bases)


def children(value: Any, reads: Reads) -> Iterator[Any]:
    """What a step can read through a value that is neither plain nor a module."""
    if isinstance(value, dict):
        for pair in value.copy().items():
            yield from pair
    elif isinstance(value, (list, tuple, deque, array.array)):
        yield from list(value)
    elif isinstance(value, types.MappingProxyType):
        yield dict(value)
    elif isinstance(value, (set, frozenset)):
        yield from sorted(value, key=repr)
    elif isinstance(value, types.FunctionType):
        yield value.__defaults__
        yield value.__kwdefaults__
        names = value.__code__.co_freevars
        for name, cell in zip(names, value.__closure__ or (), strict=True):
            if name != "__class__":
                yield cell
        if "__wrapped__" in value.__dict__:
            yield value.__dict__["__wrapped__"]
    elif isinstance(value, types.CellType):
        try:
            yield value.cell_contents
        except ValueError:  # nothing is in it
            yield None
    elif isinstance(value, types.MethodType):
        yield value.__func__
        yield value.__self__
    elif isinstance(value, functools.partial):
        yield from (value.func, value.args, value.keywords)
    elif isinstance(value, property):
        yield value.fget
    elif isinstance(value, functools.cached_property):
        yield value.func
    elif isinstance(value, (staticmethod, classmethod)):
        yield value.__func__
    elif isinstance(value, type):
        for _, attribute in reads.of_class(value):
            yield attribute
        return
    elif isinstance(value, types.ModuleType):
        if not _is_foreign(value.__name__):
            own = value.__dict__.copy()
            yield from (own[name] for name in sorted((reads.names or own.keys()) & own.keys()))
        return
    elif isinstance(value, functools._lru_cache_wrapper):
        yield value.__wrapped__
    if type(value) in _SIMPLE or isinstance(value, (types.FunctionType, *_DESCRIPTORS)):
        return
    for _, attribute in reads.attributes(value):
        yield attribute
    yield type(value)


_SIMPLE = frozenset(
    {
        *(dict, list, tuple, set, frozenset, deque, array.array, types.CellType, types.MethodType),
        *(functools.partial, types.MappingProxyType, np.ndarray, Tensor, nn.Parameter, torch.Size),
        *(types.BuiltinFunctionType, types.MethodWrapperType, types.WrapperDescriptorType, types.CodeType),
    }
)
"""Types whose attributes say no more."""

_BY_NAME = (operator.attrgetter, operator.methodcaller)


def reads_of(module: nn.Module) -> Reads:
    """What the step of a module can read, as the module is now."""
    search = _Search()
    count = -1
    while count != search.size:
        count = search.size
        search.reads = Reads(None if search.anything else frozenset(search.names), ())
        search.visited = {}
        search.follow(module)
        for place, name in list(search.places.values()):
            search.follow(place.get(name))
    return Reads(search.reads.names, tuple(search.places.values()))


class _Search:
    """Goes through code and values until neither names anything new."""

    def __init__(self) -> None:
        self.names = set(ROOTS)
        self.places: dict[tuple[int, str], tuple[dict[str, Any], str]] = {}
        self.codes: set[types.CodeType] = set()
        self.anything = False
        self.reads = Reads(frozenset(self.names), ())
        self.visited: dict[int, Any] = {}

    @property
    def size(self) -> int:
        return len(self.names) + len(self.places) + len(self.codes) + self.anything

    def follow(self, value: Any) -> None:
        waiting = [value]
        while waiting:
            value = waiting.pop()
            if isinstance(value, (str, int, float, bytes, type(None))) or id(value) in self.visited:
                continue
            self.visited[id(value)] = value
            if isinstance(value, types.FunctionType):
                if _is_foreign(value.__module__ or "") and not _of_torchs_modules(value):
                    continue
                self.note(value.__code__, value.__globals__)
            elif isinstance(value, _BY_NAME):
                self.anything = True
            if isinstance(value, nn.Module):
                waiting += value._modules.copy().values()
                waiting += (attribute for _, attribute in self.reads.attributes(value))
                waiting.append(type(value))
            else:
                waiting += children(value, self.reads)

    def note(self, code: types.CodeType, place: dict[str, Any]) -> None:
        """Notes what a function's code names."""
        if code in self.codes:
            return
        self.codes.add(code)
        foreign = _is_foreign(place.get("__name__", ""))
        names = named_by(code)
        self.names |= names.attributes - _NEVER_CALLED - OWN
        if foreign:
            return
        for name in names.globals & place.keys():
            self.places[id(place), name] = place, name
        for name in names.imports & sys.modules.keys():
            self.places[id(sys.modules), name] = sys.modules, name
        if (names.attributes | names.globals) & _ANYTHING:
            self.anything = True


def _of_torchs_modules(function: types.FunctionType) -> bool:
    return (function.__module__ or "").startswith(("torch.nn.modules.", "torch.nn.utils.param"))


class Named(NamedTuple):
    """Attributes, globals and modules of Python's that code reads by name, with the code within it."""

    attributes: set[str]
    globals: set[str]
    imports: set[str]


def named_by(code: types.CodeType) -> Named:
    """What code names."""
    names = Named(set(), set(), set())
    for instruction in dis.get_instructions(code):
        operation, argument = instruction.opname, instruction.argval
        if isinstance(argument, types.CodeType):
            for whole, part in zip(names, named_by(argument), strict=True):
                whole |= part
        elif operation in ("MATCH_CLASS", "MATCH_KEYS"):
            names.globals.add("getattr")
        elif instruction.opcode not in dis.hasname or operation.startswith(("STORE_", "DELETE_")):
            continue
        elif operation in ("LOAD_GLOBAL", "LOAD_NAME"):
            names.globals.add(argument)
        elif operation == "IMPORT_NAME":
            names.imports.add(argument)
        else:
            names.attributes.add(argument)
    return names
