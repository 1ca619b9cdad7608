"""What a module is now, as far as its step can read it: the one answer for plans, streams and graphs.

Two answers are equal only where the step would be traced to the same program. They take tensors for their
shape, type, device and ties; a program reads their numbers at every run, and a stream asks after them with
`recurra.streaming.weights`.
"""

from __future__ import annotations

import enum
import types
import weakref
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recurra.tracing.reads import OWN, Reads, children
from recurra.tracing.side_effects import Attribute, has_hooks
from recurra.tracing.slots import slots_of

_EXACT = frozenset((bool, int, str, bytes, type(None), torch.dtype, torch.device, types.CodeType))
_PLAIN = (bool, int, float, complex, str, bytes, torch.dtype, torch.device, torch.layout, enum.Enum)


def now(module: nn.Module, reads: Reads, training: bool | None = None) -> list[Hashable]:
    """What a module is, for a step that reads no more than this.

    Args:
        training: the mode that all parts are taken to be in; None: each its own.
    """
    walk = _Walk(reads, training)
    walk.module(module)
    walk.surroundings()
    return walk.settings


def of_values(values: Iterable[Any], reads: Reads) -> list[Hashable]:
    """As `now`, of some values."""
    walk = _Walk(reads, None)
    for value in values:
        walk.value(value)
    return walk.settings


def settings_by_name(
    module: nn.Module, reads: Reads, training: bool | None = None
) -> dict[Attribute, Hashable]:
    """The settings of `now` by what they belong to, to tell which have changed."""
    walk = _Walk(reads, training)
    walk.places = []
    walk.module(module)
    walk.surroundings()
    ends = [start for _, start in walk.places[1:]] + [len(walk.settings)]
    parts: dict[Attribute, Hashable] = {}
    for (place, start), end in zip(walk.places, ends, strict=True):
        parts[place] = (*parts.get(place, ()), *walk.settings[start:end])  # type: ignore[misc]
    return parts


class _Walk:
    """One walk through a module."""

    __slots__ = ("classes", "names", "path", "places", "reads", "settings", "ties", "training", "visited")

    def __init__(self, reads: Reads, training: bool | None) -> None:
        self.reads, self.training = reads, training
        self.settings: list[Any] = []
        self.ties: dict[int, int] = {}
        self.visited: dict[int, tuple[int, Any]] = {}
        self.classes: set[type] = set()
        self.path = ""
        self.places: list[tuple[Attribute, int]] | None = None

    def module(self, part: nn.Module) -> None:
        settings, visited = self.settings, self.visited
        if self.places is not None:
            self.places.append(((self.path, ""), len(settings)))
        if id(part) in visited:
            settings.append(visited[id(part)][0])
            return
        visited[id(part)] = len(visited), part
        own, names = part.__dict__, self.reads.names
        mode = own["training"] if self.training is None else self.training
        settings += (type(part), has_hooks(part), mode)
        self.of_class(type(part))
        slots = {name: getattr(part, name, None) for name in slots_of(type(part))}
        for name, value in {**own, **slots}.items():
            if name not in OWN and (names is None or name in names):
                if self.places is not None:
                    self.places.append(((self.path, name), len(settings)))
                settings.append(name)
                self.value(value)
        if self.places is not None:
            self.places.append(((self.path, ""), len(settings)))
        for name, tensor in (*own["_parameters"].items(), *own["_buffers"].items()):
            settings.append(name)
            if tensor is None:
                settings.append(None)
                continue
            tie = self.ties.setdefault(id(tensor), len(self.ties))
            settings += (tensor.shape, tensor.dtype, tensor.device, tie)
        path = self.path
        for name, child in own["_modules"].copy().items():
            settings.append(name)
            if child is None:
                settings.append(None)
                continue
            if self.places is not None:
                self.path = f"{path}.{name}" if path else name
            self.module(child)
        self.path = path

    def surroundings(self) -> None:
        """What the step reads of modules of Python's."""
        for place, name in self.reads.places:
            if self.places is not None:
                self.places.append((("", name), len(self.settings)))
            self.value(place.get(name))

    def value(self, value: Any) -> None:
        kind, settings = type(value), self.settings
        if kind in _EXACT:
            settings += (kind, value)
            return
        if isinstance(value, _PLAIN):
            settings += (kind, value if value else repr(value))  # a zero has a sign
            return
        if id(value) in self.visited:
            settings.append(self.visited[id(value)][0])
            return
        if isinstance(value, nn.Module):
            places, self.places = self.places, None
            self.module(value)
            self.places = places
            return
        self.visited[id(value)] = len(self.visited), value
        settings.append(kind)
        if isinstance(value, Tensor):
            version = -1 if value.is_inference() else value._version
            settings += (_Same(value), version, tuple(value.shape))
        elif isinstance(value, np.ndarray):
            settings += (value.shape, value.dtype.str, value.tobytes())
        elif isinstance(value, type):
            settings.append(value)
            self.of_class(value)
        elif isinstance(value, types.FunctionType):
            settings += (value.__code__, id(value.__globals__))
            if value.__defaults__ or value.__kwdefaults__ or value.__closure__:
                self.inside(value)
        elif kind in _BY_CONTENT or isinstance(value, tuple):
            settings.append(len(value) if isinstance(value, _SIZED) else None)
            self.inside(value)
        else:
            settings.append(_Same(value))
            self.inside(value)

    def inside(self, value: Any) -> None:
        for child in children(value, self.reads):
            self.value(child)

    def of_class(self, kind: type) -> None:
        if kind in self.classes:
            return
        self.classes.add(kind)
        for name, value in self.reads.of_class(kind):
            self.settings.append(name)
            self.value(value)


_SIZED = (list, tuple, dict, set, frozenset)
_BY_CONTENT = frozenset(
    (*_SIZED, types.MethodType, types.CellType, types.MappingProxyType, property, staticmethod, classmethod)
)


class _Same:
    """Equal for one object alone, without keeping it alive; by its text where it can't be watched."""

    __slots__ = ("_target", "_text")

    def __init__(self, value: object) -> None:
        self._text = ""
        try:
            self._target: Any = weakref.ref(value)
        except TypeError:
            self._target = None
            self._text = repr(value)

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Same):
            return False
        if self._target is None or other._target is None:
            return self._target is other._target and self._text == other._text
        mine = self._target()
        return mine is not None and mine is other._target()
