"""Products over all of time, before and after a loop: the library's own, whose numbers do not depend on the
number of threads, forward and backward to any order.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.engines.native.library import column_sums, matrix_product
from recurra.program.ops import OPS

_TYPES = (torch.float32, torch.float64)


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`[rows, in] @ [in, out] + [out]`; by torch where types are mixed or autocast chooses them."""
    like = x.dtype
    same = weight.dtype == like and (bias is None or bias.dtype == like)
    if (
        like not in _TYPES
        or not same
        or torch.is_autocast_enabled("cpu")
        or (bias is not None and bias.dim() != 1)
    ):
        return OPS["product"].run(x, weight, bias)
    if bias is not None and bias.shape != weight.shape[1:]:
        bias = bias.expand(weight.shape[1])
    out: Tensor = _Product.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return out


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        out = x.new_empty(len(x), weight.shape[1])
        matrix_product(_whole(x), _whole(weight), None if bias is None else bias.contiguous(), out)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        across = weight.stride(0) == 1 and weight.stride(1) != 1  # laid out in memory as the weight is
        return (
            product(gradient, weight.t()) if of_x else None,
            (product(gradient.t(), x).t() if across else product(x.t(), gradient)) if of_weight else None,
            _Sums.apply(gradient) if of_bias else None,  # type: ignore[no-untyped-call]
        )


class _Sums(torch.autograd.Function):
    """`[N, width]` -> `[width]`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.rows = len(x)
        return column_sums(_whole(x))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.expand(ctx.rows, -1)


def _whole(t: Tensor) -> Tensor:
    """The library takes any strides but those of numbers that stand for many."""
    return t.contiguous() if 0 in t.stride() else t
