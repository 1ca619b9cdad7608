"""Nested containers of tensors and plain values <-> JSON and named tensors, so that no pickle is needed."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.state import is_named

_PLAIN = (bool, int, float, str)


def pack(nest: Any, tensors: dict[str, Tensor], name: str) -> Any:
    """JSON-ready data for `nest`; its tensors are put into `tensors` under names that begin with `name`.

    Takes tensors, plain values, lists, tuples, NamedTuples and dictionaries with plain keys; else a Fault.
    """
    if isinstance(nest, Tensor):
        while name in tensors:  # keys may hold dots themselves
            name += "'"
        tensors[name] = nest.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if nest is None or isinstance(nest, _PLAIN):
        return {"value": nest}
    if is_named(nest):
        fields = [[field, pack(getattr(nest, field), tensors, f"{name}.{field}")] for field in nest._fields]
        return {"named": fields, "type": type(nest).__name__}
    if isinstance(nest, (list, tuple)):
        kind = "tuple" if isinstance(nest, tuple) else "list"
        return {kind: [pack(value, tensors, f"{name}.{i}") for i, value in enumerate(nest)]}
    if isinstance(nest, Mapping) and all(isinstance(key, _PLAIN) for key in nest):
        return {"dict": [[key, pack(value, tensors, f"{name}.{key}")] for key, value in nest.items()]}
    raise Fault(
        f"{name}: a {type(nest).__qualname__} can't be saved in a checkpoint: use tensors and plain values"
    )


def unpack(packed: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of `pack`. A NamedTuple comes back as one of the same name and fields: a file names no
    class, so that reading it imports nothing.
    """
    ((kind, content), *rest) = packed.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "value":
        return content
    if kind == "named":
        ((_, type_name),) = rest
        return _named(type_name, tuple(f for f, _ in content))(
            *(unpack(value, tensors) for _, value in content)
        )
    if kind == "dict":
        return {key: unpack(value, tensors) for key, value in content}
    values = [unpack(value, tensors) for value in content]
    return tuple(values) if kind == "tuple" else values


@cache
def _named(name: str, fields: tuple[str, ...]) -> Callable[..., Any]:
    return namedtuple(name, fields)


def leaves(nest: Any) -> Iterator[Tensor]:
    """Every tensor of a nest."""
    if isinstance(nest, Tensor):
        yield nest
    elif isinstance(nest, Mapping):
        for value in nest.values():
            yield from leaves(value)
    elif isinstance(nest, (list, tuple)):
        for value in nest:
            yield from leaves(value)


def to_device(nest: Any, device: torch.device) -> Any:
    """The same nest with its tensors on a device."""
    if isinstance(nest, Tensor):
        return nest.to(device)
    if isinstance(nest, Mapping):
        return {key: to_device(value, device) for key, value in nest.items()}
    if is_named(nest):
        return type(nest)(*(to_device(value, device) for value in nest))
    if isinstance(nest, (list, tuple)):
        return type(nest)(to_device(value, device) for value in nest)
    return nest
