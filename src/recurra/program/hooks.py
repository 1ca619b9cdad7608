"""Hooks on a step's modules: a plain loop calls them, a program would not."""

from __future__ import annotations

from torch import nn

from recurra.program.errors import Untraceable


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
