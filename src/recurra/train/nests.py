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


def pack(tree: Any, tensors: dict[str, Tensor], name: str) -> Any:
    """JSON-ready data for `tree`; its tensors are put into `tensors` under names that begin with `name`.

    Takes tensors, plain values, lists, tuples, NamedTuples and dictionaries with plain keys; else a Fault.
    """
    if isinstance(tree, Tensor):
        while name in tensors:  # keys may hold dots themselves
            name += "'"
        tensors[name] = tree.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if tree is None or isinstance(tree, _PLAIN):
        return {"value": tree}
    if is_named(tree):
        fields = [[field, pack(getattr(tree, field), tensors, f"{name}.{field}")] for field in tree._fields]
        return {"named": fields, "type": type(tree).__name__}
    if isinstance(tree, (list, tuple)):
        kind = "tuple" if isinstance(tree, tuple) else "list"
        return {kind: [pack(value, tensors, f"{name}.{i}") for i, value in enumerate(tree)]}
    if isinstance(tree, Mapping) and all(isinstance(key, _PLAIN) for key in tree):
        return {"dict": [[key, pack(value, tensors, f"{name}.{key}")] for key, value in tree.items()]}
    raise Fault(
        f"{name}: a {type(tree).__qualname__} can't be saved in a checkpoint: use tensors and plain values"
    )


def unpack(packed: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of `pack`. A NamedTuple comes back as one of the same name and fields: a file names no
    class, so that reading it imports nothing.
    """
    ((kind, held), *rest) = packed.items()
    if kind == "tensor":
        return tensors[held]
    if kind == "value":
        return held
    if kind == "named":
        ((_, type_name),) = rest
        return _named(type_name, tuple(f for f, _ in held))(*(unpack(value, tensors) for _, value in held))
    if kind == "dict":
        return {key: unpack(value, tensors) for key, value in held}
    values = [unpack(value, tensors) for value in held]
    return tuple(values) if kind == "tuple" else values


@cache
def _named(name: str, fields: tuple[str, ...]) -> Callable[..., Any]:
    return namedtuple(name, fields)


def leaves(tree: Any) -> Iterator[Tensor]:
    """Every tensor of a tree."""
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from leaves(value)
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from leaves(value)


def moved(tree: Any, device: torch.device) -> Any:
    """The same tree with its tensors on a device."""
    if isinstance(tree, Tensor):
        return tree.to(device)
    if isinstance(tree, Mapping):
        return {key: moved(value, device) for key, value in tree.items()}
    if is_named(tree):
        return type(tree)(*(moved(value, device) for value in tree))
    if isinstance(tree, (list, tuple)):
        return type(tree)(moved(value, device) for value in tree)
    return tree
