"""Whether nothing at all that a step can read has changed.

This is asked at every run over time and at every step of a stream, and is far quicker than to say what
everything is. Where something has changed, `recurra.tracing.fingerprint` says whether it means anything.
"""

from __future__ import annotations

import enum
import types
import weakref
from collections import namedtuple
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from recurra.tracing.fingerprint import of_values
from recurra.tracing.reads import OWN, Reads, followed_bases
from recurra.tracing.side_effects import Attribute, has_global_hooks, own_hooks
from recurra.tracing.slots import slots_of

_STEADY = (
    *(bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device, torch.layout, enum.Enum),
    types.ModuleType,
    types.BuiltinFunctionType,
    types.MemberDescriptorType,
    types.GetSetDescriptorType,
    types.WrapperDescriptorType,
    type(namedtuple("_Row", "field").field),  # type: ignore[attr-defined]
)
"""What means the same as long as it is the same."""

_NONE = object()


class _Part(NamedTuple):
    """A module as it was.

    Attributes:
        size: how many attributes it has.
        hooks: whether it has any.
        settings: name -> value, of those that mean the same as long as they are the same.
        rest: names of the others that the step can read.
        tensors: (name, shape, type, device) of its parameters and buffers; None for the last three: none.
        parts: name -> place among all parts; -1: none.
    """

    module: weakref.ref[nn.Module]
    kind: type
    training: bool
    size: int
    hooks: bool
    settings: tuple[tuple[str, Any], ...]
    rest: tuple[str, ...]
    parameters: tuple[tuple[str, Any, Any, Any], ...]
    buffers: tuple[tuple[str, Any, Any, Any], ...]
    parts: tuple[tuple[str, int], ...]


class Watch:
    """A module's parts, their classes and what surrounds them, as they were.

    Args:
        training: the mode that the parts are taken to be in; None: their own.
        ignored: attributes of parts that may change.
    """

    def __init__(
        self,
        module: nn.Module,
        reads: Reads,
        training: bool | None = None,
        ignored: frozenset[Attribute] = frozenset(),
    ) -> None:
        self._reads, self._training, self._ignored = reads, training, ignored
        self._codes: list[tuple[types.FunctionType, types.CodeType, Any]] = []
        self._places: list[tuple[Mapping[str, Any], str, Any]] = []
        self._counts: list[tuple[Mapping[str, Any], int]] = []
        self._rest: list[tuple[Mapping[str, Any], str]] = []
        self._enclosed: list[tuple[types.CellType, Any]] = []
        self._classes: set[type] = set()
        self._ties = 0
        self._parts = self._all_parts(module)
        for place, name in reads.places:
            self._note(place, name)
        self._hooks = has_global_hooks()
        self._values = of_values(self._others(), reads)

    def _all_parts(self, module: nn.Module) -> tuple[_Part, ...]:
        modules = list(module.named_modules())
        numbers = {id(part): k for k, (_, part) in enumerate(modules)}
        parts, ids = [], list[int]()
        for path, part in modules:
            own = part.__dict__
            settings, rest = [], []
            for name, value in own.copy().items():
                if name not in OWN and (self._reads.names is None or name in self._reads.names):
                    if (path, name) in self._ignored:
                        continue
                    if self._steady(value):
                        settings.append((name, value))
                    else:
                        rest.append(name)
            rest += (name for name in slots_of(type(part)) if (path, name) not in self._ignored)
            self._class(type(part))
            ids += (
                id(t) for kind in ("_parameters", "_buffers") for t in own[kind].values() if t is not None
            )
            children = own["_modules"].items()
            parts.append(
                _Part(
                    weakref.ref(part),
                    type(part),
                    own["training"] if self._training is None else self._training,
                    len(own),
                    own_hooks(part),
                    tuple(settings),
                    tuple(rest),
                    tuple(_kinds(own["_parameters"])),
                    tuple(_kinds(own["_buffers"])),
                    tuple((name, -1 if child is None else numbers[id(child)]) for name, child in children),
                )
            )
        places: dict[int, int] = {}
        self._pattern = [places.setdefault(number, len(places)) for number in ids]
        self._tied = len(places) != len(ids)
        return tuple(parts)

    def _steady(self, value: Any) -> bool:
        """Whether a value means the same as long as it is the same and what is noted of it here holds."""
        if isinstance(value, type):
            self._class(value)
            return True
        if isinstance(value, types.FunctionType):
            if value.__closure__ or value.__defaults__ or value.__kwdefaults__:
                return False
            self._codes.append((value, value.__code__, None))
            return True
        if type(value) in (tuple, frozenset):
            return all(isinstance(part, _STEADY) for part in value)
        return isinstance(value, _STEADY)

    def _class(self, kind: type) -> None:
        for base in followed_bases(kind):
            if base not in self._classes:
                self._classes.add(base)
                self._counts.append((base.__dict__, len(base.__dict__)))
                for name in {name for name, _ in self._reads.of_class(base)} & base.__dict__.keys():
                    self._note(base.__dict__, name)

    def _note(self, place: Mapping[str, Any], name: str) -> None:
        value = place.get(name, _NONE)
        if self._steady(value) or value is _NONE or self._unwrapped(value):
            self._places.append((place, name, value))
        else:
            self._rest.append((place, name))

    def _unwrapped(self, value: Any) -> bool:
        """As `_steady`, of what classes and modules of Python's hold: functions with what they enclose."""
        if isinstance(value, property):
            return self._unwrapped(value.fget)
        if isinstance(value, (staticmethod, classmethod)):
            return self._unwrapped(value.__func__)
        if not isinstance(value, types.FunctionType):
            return self._steady(value)
        cells = dict(zip(value.__code__.co_freevars, value.__closure__ or (), strict=True))
        cells.pop("__class__", None)
        for cell in cells.values():
            content = cell.cell_contents
            if content is value or not self._unwrapped(content):
                return False
            self._enclosed.append((cell, content))
        defaults = (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
        self._codes.append((value, value.__code__, value.__defaults__))
        return all(self._steady(default) for default in defaults)

    def _others(self) -> Iterator[Any]:
        """What may change while it stays the same object, as it lies there now."""
        for part in self._parts:
            if part.rest:
                module = part.module()
                for name in part.rest:
                    yield getattr(module, name, None)
        for place, name in self._rest:
            yield place.get(name)

    def holds(self) -> bool:
        """Whether all is as it was."""
        try:
            return self._holds()
        except Exception:  # a part, an attribute or what a function encloses is gone
            return False

    def _holds(self) -> bool:
        modules = [part.module() for part in self._parts]
        own_modes = self._training is None
        ids: list[int] = []
        for module, part in zip(modules, self._parts, strict=True):
            _, kind, training, size, hooks, settings, _, parameters, buffers, parts = part
            own = module.__dict__
            children = own["_modules"]
            if (
                type(module) is not kind
                or len(own) != size
                or (own_modes and own["training"] is not training)
                or len(children) != len(parts)
            ):
                return False
            if (
                own["_forward_hooks"]
                or own["_forward_pre_hooks"]
                or own["_backward_hooks"]
                or own["_backward_pre_hooks"]
            ):
                if not hooks:
                    return False
            elif hooks:
                return False
            for name, value in settings:
                if own[name] is not value:
                    return False
            for name, number in parts:
                if children[name] is not (modules[number] if number >= 0 else None):
                    return False
            for tensors, kinds in ((own["_parameters"], parameters), (own["_buffers"], buffers)):
                if len(tensors) != len(kinds):
                    return False
                for name, shape, dtype, device in kinds:
                    tensor = tensors[name]
                    if tensor is None:
                        if shape is not None:
                            return False
                    elif tensor.shape != shape or tensor.dtype is not dtype or tensor.device != device:
                        return False
                    else:
                        ids.append(id(tensor))
        if self._tied:
            places: dict[int, int] = {}
            if self._pattern != [places.setdefault(number, len(places)) for number in ids]:
                return False
        elif len(set(ids)) != len(ids):
            return False
        return self.surroundings_hold()

    def surroundings_hold(self) -> bool:
        """Whether all but the parts' own dictionaries is as it was."""
        for table, name, value in self._places:
            if table.get(name, _NONE) is not value:
                return False
        for table, count in self._counts:
            if len(table) != count:
                return False
        for function, code, defaults in self._codes:
            if function.__code__ is not code or function.__defaults__ is not defaults:
                return False
        for cell, content in self._enclosed:
            if cell.cell_contents is not content:
                return False
        return has_global_hooks() == self._hooks and (
            not self._values or of_values(self._others(), self._reads) == self._values
        )


def _kinds(tensors: Mapping[str, Tensor | None]) -> Iterator[tuple[str, Any, Any, Any]]:
    for name, tensor in tensors.items():
        yield (
            (name, None, None, None) if tensor is None else (name, tensor.shape, tensor.dtype, tensor.device)
        )
