"""Where a NaN or an infinity came from, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from recurra.ragged import Ragged


def worst_of(tensor: Tensor) -> str | None:
    """ "NaN" or "infinite" when a number of the tensor is so, else None."""
    if not tensor.is_floating_point() or bool(torch.isfinite(tensor).all()):
        return None
    return "NaN" if bool(tensor.isnan().any()) else "infinite"


def blame_gradient(model: nn.Module) -> str:
    """The first weight, in the model's order, whose gradient is not finite, and the layer it is in."""
    for name, weight in model.named_parameters():
        fault = None if weight.grad is None else worst_of(weight.grad)
        if fault:
            layer = type(model.get_submodule(name.rpartition(".")[0])).__name__
            return f"the gradient of {name} ({layer}) is {fault}"
    return "the norm of the gradient is too large for its type"


def blame_loss(model: nn.Module, again: Callable[[], Any]) -> str:
    """Which weight, or which layer's output, is not finite; `again` runs the loss once more."""
    for name, weight in model.named_parameters():
        fault = worst_of(weight.detach())
        if fault:
            return f"the weight {name} is {fault}"
    with _faulty_outputs(model) as faults, torch.no_grad():
        again()
    return faults[0] if faults else "every layer's output is finite: it arises in the loss itself"


@contextmanager
def _faulty_outputs(model: nn.Module) -> Iterator[list[str]]:
    """Collects the modules whose outputs are not finite, in the order in which they finish."""
    faults: list[str] = []

    def look(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            for tensor in _tensors(output):
                fault = worst_of(tensor)
                if fault:
                    faults.append(f"the output of {name or 'the model'} ({type(module).__name__}) is {fault}")
                    return

        return hook

    hooks = [module.register_forward_hook(look(name)) for name, module in model.named_modules()]
    try:
        yield faults
    finally:
        for hook in hooks:
            hook.remove()


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Ragged):
        yield output.data
    elif isinstance(output, (tuple, list)):
        for part in output:
            yield from _tensors(part)
    elif isinstance(output, dict):
        for part in output.values():
            yield from _tensors(part)
