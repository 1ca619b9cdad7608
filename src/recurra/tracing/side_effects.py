"""What a step does beside giving y and the next state: attributes that it changes, and hooks.

A step that counts its calls or keeps a tensor for later means what it says in a plain loop alone: a program
would do it once, with stand-ins for tensors. So attributes that change while a step is only being read are
told and put back (`unmarked`, `probe`), and a module with hooks has no program (`refuse_hooks`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as _of_all

from recurra.program.errors import Untraceable
from recurra.tracing.draws import own_random_numbers
from recurra.tracing.isolation import apart

Attribute = tuple[str, str]
"""Path of a module within the cell, name of an attribute of it."""

_OF_TORCH = ("_flat_weights", "_flat_weight_refs")
"""What torch's own layers note when their weights are others."""

_MISSING = object()


class StepOf(nn.Module):
    """`functional_call` runs `forward`; a cell's method is `step`."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor, state: Any) -> Any:
        return self.module.step(x, state)  # type: ignore[operator]


def probe(module: nn.Module, x: Tensor, state: Any) -> tuple[Any, Any]:
    """`module.step(x, state)` once, leaving no mark: no attribute, buffer or random number changes."""
    other = apart(module)
    buffers = {f"module.{name}": buffer.clone() for name, buffer in other.named_buffers()}
    with torch.no_grad(), own_random_numbers(0), unmarked(other):
        results: tuple[Any, Any] = torch.func.functional_call(StepOf(other), buffers, (x, state))
    return results


# attributes


@contextmanager
def unmarked(module: nn.Module) -> Iterator[set[Attribute]]:
    """Puts back every attribute of the module and its parts that changes inside; the set then tells which.

    A plain value (no tensor) under a new name is left: that is a step remembering what it worked out.
    """
    copies = [(path, part, _copied(part.__dict__)) for path, part in module.named_modules()]
    changes: set[Attribute] = set()
    try:
        yield changes
    finally:
        for path, part, attributes in copies:
            for name in _restore(part.__dict__, attributes):
                if not (isinstance(part, nn.RNNBase) and name in _OF_TORCH):
                    changes.add((path, name))


def _copied(attributes: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Name -> the value, and its content where it is a container that may change in place."""
    return {name: (value, _content(value)) for name, value in attributes.items()}


def _content(value: Any) -> Any:
    return value.copy() if isinstance(value, (list, dict, set)) else None


def _restore(attributes: dict[str, Any], originals: dict[str, tuple[Any, Any]]) -> list[str]:
    """Names of what differs from the originals, which are put back."""
    changed = [name for name, value in attributes.items() if name not in originals and _has_tensor(value)]
    for name in changed:
        del attributes[name]
    for name, (value, content) in originals.items():
        now = attributes.get(name, _MISSING)
        if not _same(now, value):
            attributes[name] = value
            changed.append(name)
        if content is not None and not _same_content(value, content):
            changed += _refill(name, value, content)
    return changed


def _refill(name: str, container: Any, content: Any) -> list[str]:
    """Puts a container's content back; a dictionary of modules' own (`_buffers`) is told by its keys."""
    names = [name]
    if name in ("_parameters", "_buffers", "_modules"):
        keys = {**container, **content}
        names = [key for key in keys if container.get(key, _MISSING) is not content.get(key, _MISSING)]
    container.clear()
    if isinstance(container, list):
        container.extend(content)
    else:
        container.update(content)
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
        return all(key in other and _same(value, other[key]) for key, value in one.items())
    return bool(one == other)


def _has_tensor(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple, set)):
        return any(_has_tensor(part) for part in value)
    return isinstance(value, Tensor)


# hooks


def has_hooks(part: nn.Module) -> bool:
    """Whether calling the module does more than its `forward`."""
    return own_hooks(part) or has_global_hooks()


def own_hooks(part: nn.Module) -> bool:
    """Whether hooks are registered with this module."""
    return bool(
        part._forward_hooks or part._forward_pre_hooks or part._backward_hooks or part._backward_pre_hooks
    )


def has_global_hooks() -> bool:
    """Whether hooks of all modules are registered (torch's `register_module_forward_hook`)."""
    return bool(
        _of_all._global_forward_hooks
        or _of_all._global_forward_pre_hooks
        or _of_all._global_backward_hooks
        or _of_all._global_backward_pre_hooks
    )


def refuse_hooks(module: nn.Module) -> None:
    """Untraceable where a part of the module has hooks; its own are never called, as its `step` is."""
    for name, part in module.named_modules():
        if part is not module and has_hooks(part):
            why = _KEPT_BY_HOOKS if any(map(_is_torchs, part._forward_pre_hooks.values())) else ""
            raise Untraceable(f"{name} has hooks, which only a plain loop calls{why}")


_KEPT_BY_HOOKS = (
    " (weight_norm, spectral_norm and prune of torch.nn.utils work by hooks, torch.nn.utils.parametrizations "
    "without)"
)


def _is_torchs(hook: Any) -> bool:
    return type(hook).__module__.startswith("torch.nn.utils")
