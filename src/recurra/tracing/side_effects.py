"""What a step leaves behind in its module's attributes: found, and undone, while the step is only being read.

A step that counts its calls or keeps a tensor for later means what it says in a plain loop alone: a program
would do it once, with stand-ins for tensors.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from recurra.program.errors import Untraceable

Attribute = tuple[str, str]
"""Path of a module within the cell, name of an attribute of it."""

_MISSING = object()


@contextmanager
def unmarked(module: nn.Module) -> Iterator[set[Attribute]]:
    """Puts back every attribute of the module and its parts that changes inside; the set then tells which.

    A plain value (no tensor) under a new name is left: that is a step remembering what it worked out.
    """
    saved = [(path, part, _copied(part.__dict__)) for path, part in module.named_modules()]
    found: set[Attribute] = set()
    try:
        yield found
    finally:
        for path, part, before in saved:
            for name in _restore(part.__dict__, before):
                found.add((path, name))


def probe(module: nn.Module, x: Tensor, state: Any) -> tuple[Any, Any]:
    """`module.step(x, state)` once, leaving no mark: no attribute, buffer or random number changes."""
    buffers = {f"module.{name}": held.clone() for name, held in module.named_buffers()}
    with torch.no_grad(), torch.random.fork_rng(devices=[x.device] if x.is_cuda else []), unmarked(module):
        made: tuple[Any, Any] = torch.func.functional_call(StepOf(module), buffers, (x, state))
    return made


class StepOf(nn.Module):
    """`functional_call` runs `forward`; a cell's method is `step`."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor, state: Any) -> Any:
        return self.module.step(x, state)  # type: ignore[operator]


def _copied(attributes: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Name -> the value, and its content where it is a container that may change in place."""
    return {name: (held, _content(held)) for name, held in attributes.items()}


def _content(held: Any) -> Any:
    return held.copy() if isinstance(held, (list, dict, set)) else None


def _restore(attributes: dict[str, Any], before: dict[str, tuple[Any, Any]]) -> list[str]:
    changed = [name for name, held in attributes.items() if name not in before and _has_tensor(held)]
    for name in changed:
        del attributes[name]
    for name, (held, content) in before.items():
        now = attributes.get(name, _MISSING)
        if not _same(now, held):
            attributes[name] = held
            changed.append(name)
        if content is not None and not _same_content(held, content):
            changed += _refill(name, held, content)
    return changed


def _refill(name: str, held: Any, content: Any) -> list[str]:
    """Puts a container's content back; a dictionary of modules' own (`_buffers`) is told by its keys."""
    names = [name]
    if name in ("_parameters", "_buffers", "_modules"):
        keys = {**held, **content}
        names = [key for key in keys if held.get(key, _MISSING) is not content.get(key, _MISSING)]
    held.clear()
    if isinstance(held, list):
        held.extend(content)
    else:
        held.update(content)
    return names


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    plain = (bool, int, float, str, bytes, type(None))
    return isinstance(one, plain) and isinstance(other, plain) and type(one) is type(other) and one == other


def _same_content(one: Any, other: Any) -> bool:
    if len(one) != len(other):
        return False
    if isinstance(one, list):
        return all(_same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict):
        return all(key in other and _same(held, other[key]) for key, held in one.items())
    return bool(one == other)


def _has_tensor(held: Any) -> bool:
    if isinstance(held, dict):
        held = list(held.values())
    if isinstance(held, (list, tuple, set)):
        return any(_has_tensor(part) for part in held)
    return isinstance(held, Tensor)


def has_hooks(part: nn.Module) -> bool:
    """Whether calling the module does more than its `forward`."""
    return bool(
        part._forward_hooks or part._forward_pre_hooks or part._backward_hooks or part._backward_pre_hooks
    )


def refuse_hooks(module: nn.Module) -> None:
    """Untraceable where a part of the module has hooks; its own are never called, as its `step` is."""
    for name, part in module.named_modules():
        if part is not module and has_hooks(part):
            raise Untraceable(f"{name} has hooks, which only a plain loop calls")
