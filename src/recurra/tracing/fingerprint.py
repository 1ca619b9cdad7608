"""What a program was read under: everything plain that a step could read of its module.

Where any of it changes, the program no longer holds.
"""

from __future__ import annotations

import enum
import types
import weakref
from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recurra.tracing.side_effects import Attribute, has_hooks

_OWN = frozenset(nn.Module().__dict__) - {"training"} | {"config", "_output_size"}
_PLAIN = (bool, int, float, complex, str, bytes, type, torch.dtype, torch.device, enum.Enum, type(None))
_DEEPEST = 3


def settings_of(module: nn.Module) -> dict[Attribute, Hashable]:
    """Attribute -> what is there, for attributes of every part; of weights only shape, type, device and ties.

    What a step reads from elsewhere (a global, a closure) is not seen.
    """
    numbers: dict[int, int] = {}
    settings: dict[Attribute, Hashable] = {}
    for path, part in _parts(module, ""):
        settings[path, ""] = (type(part), has_hooks(part))
        own = part.__dict__
        for name in own.keys() - _OWN:
            settings[path, name] = frozen(own[name])
        for kind in ("_parameters", "_buffers"):
            for name, tensor in own[kind].items():
                if tensor is not None:
                    tie = numbers.setdefault(id(tensor), len(numbers))
                    settings[path, name] = (tensor.shape, tensor.dtype, tensor.device, tie)
    return settings


def _parts(module: nn.Module, path: str) -> Iterator[tuple[str, nn.Module]]:
    """As `named_modules`, which keeps a set of what it has seen: this runs at every run over time."""
    yield path, module
    for name, part in module._modules.items():
        if part is not None:
            yield from _parts(part, f"{path}.{name}" if path else name)


def frozen(value: Any, depth: int = _DEEPEST) -> Hashable:
    """Something hashable that is equal while the value means the same, and that keeps no object alive."""
    kind = type(value)
    if isinstance(value, _PLAIN):
        return kind, value
    if depth == 0:
        return kind, _Same(value)
    if isinstance(value, (list, tuple)):
        return kind, tuple(frozen(part, depth - 1) for part in value)
    if isinstance(value, (set, frozenset)):
        return kind, frozenset(frozen(part, depth - 1) for part in value)
    if isinstance(value, dict):
        return kind, tuple((frozen(key), frozen(part, depth - 1)) for key, part in value.items())
    if isinstance(value, np.ndarray):
        return kind, value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, types.MethodType):
        return kind, _Same(value.__func__), _Same(value.__self__)
    inside = {} if isinstance(value, (Tensor, nn.Module)) else getattr(value, "__dict__", {})
    return kind, _Same(value), tuple((name, frozen(part, depth - 1)) for name, part in inside.items())


class _Same:
    """Equal for one object alone, without keeping it alive; by its text where it can't be watched."""

    __slots__ = ("_hash", "_target")

    def __init__(self, value: object) -> None:
        try:
            self._target: Any = weakref.ref(value)
            self._hash = id(value)
        except TypeError:
            text = repr(value)
            self._target = lambda: text
            self._hash = hash(text)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Same) or self._hash != other._hash:
            return False
        mine, theirs = self._target(), other._target()
        return mine is not None and (mine is theirs or (isinstance(mine, str) and mine == theirs))
