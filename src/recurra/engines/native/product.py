"""Products over all of time, before and after a loop: the library's own, whose numbers do not depend on the
number of threads, forward and backward to any order.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.engines.native.border import TYPES, dense, is_plain
from recurra.engines.native.library import column_sums, matrix_product
from recurra.program.ops import OPS


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`[rows, in] @ [in, out] + [out]`; by torch where types are mixed, autocast chooses them, or a tensor is
    one that the library can't read or that does not fit.
    """
    if torch.is_autocast_enabled("cpu") or not _fit(x, weight, bias):
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
        matrix_product(x, weight, bias, out)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        gradient = dense(gradient)
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
        return column_sums(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.expand(ctx.rows, -1)


def _fit(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    like = x.dtype
    if like not in TYPES or weight.dtype is not like or not is_plain(x) or not is_plain(weight):
        return False
    if bias is not None and (bias.dtype is not like or bias.dim() != 1 or not is_plain(bias)):
        return False
    return x.dim() == weight.dim() == 2 and x.shape[1] == weight.shape[0]
