"""Gradients by torch's autograd where some outputs need none, and some inputs reach nothing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def gradients_of(
    outputs: Sequence[Tensor],
    cotangents: Sequence[Tensor | None],
    inputs: Sequence[Tensor],
    create_graph: bool = False,
) -> list[Tensor | None]:
    """The gradient of each input.

    Args:
        outputs: what is differentiated; those that need no gradient count for nothing.
        cotangents: for each output, the gradient that comes in there, of its shape; None: none does.
        inputs: with respect to what.
        create_graph: whether the gradients can be differentiated again.

    Returns:
        one of its shape for each input; None where it needs none, or none reaches it.
    """
    reached = [
        (output, cotangent)
        for output, cotangent in zip(outputs, cotangents, strict=True)
        if cotangent is not None and output.requires_grad
    ]
    leaves = [tensor for tensor in inputs if tensor.requires_grad]
    if not reached or not leaves:
        return [None] * len(inputs)
    ends, seeds = zip(*reached, strict=True)
    shares = iter(torch.autograd.grad(ends, leaves, seeds, create_graph=create_graph, allow_unused=True))
    return [next(shares) if tensor.requires_grad else None for tensor in inputs]
