"""The operations of a program, each with the torch function that defines it.

Operations act on each row alone: `[rows, width]` in, `[rows, width]` out; width 1 broadcasts, and so does a
fixed value `[width]`. The first arguments are values, the rest constants of the node. These definitions are
the reference for every engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class Op:
    """kind: `product`, `pointwise`, `rowwise`, `structure` or `random`; run: its meaning in torch."""

    kind: str
    run: Callable[..., Tensor]


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`[rows, in] @ [in, out] + [out]`."""
    if bias is None or bias.dim() != 1:
        return x @ weight if bias is None else x @ weight + bias
    return torch.addmm(bias, x, weight)


def _layer_norm(x: Tensor, *rest: Any) -> Tensor:
    """Arguments: optional weight, optional bias, then eps."""
    *affine, eps = rest
    # torch sums the weight's gradient in an order that depends on the number of threads
    made = F.layer_norm(x, (x.shape[-1],), None, None, eps)
    if not affine:
        return made
    return made * affine[0] if len(affine) == 1 else torch.addcmul(affine[1], made, affine[0])


def _pointwise(run: Callable[..., Tensor]) -> Op:
    return Op("pointwise", run)


def _clamp(x: Tensor, low: float | None, high: float | None) -> Tensor:
    return torch.clamp(x, low, high)


OPS: dict[str, Op] = {
    "product": Op("product", _product),
    **{
        name: _pointwise(getattr(torch, name))
        for name in (
            "neg sigmoid tanh relu exp log log1p expm1 sqrt rsqrt reciprocal abs sign sin cos erf floor "
            "add sub mul div maximum minimum gt ge lt le eq ne logical_and logical_or logical_not where lerp"
        ).split()
    },
    # operations with constants
    "add_scalar": _pointwise(lambda x, c: x + c),
    "mul_scalar": _pointwise(lambda x, c: x * c),
    "rsub_scalar": _pointwise(lambda x, c: c - x),
    "rdiv_scalar": _pointwise(lambda x, c: c / x),
    "pow_scalar": _pointwise(lambda x, c: x**c),
    "gt_scalar": _pointwise(lambda x, c: x > c),
    "ge_scalar": _pointwise(lambda x, c: x >= c),
    "lt_scalar": _pointwise(lambda x, c: x < c),
    "le_scalar": _pointwise(lambda x, c: x <= c),
    "eq_scalar": _pointwise(lambda x, c: x == c),
    "ne_scalar": _pointwise(lambda x, c: x != c),
    "clamp": _pointwise(_clamp),
    "softplus": _pointwise(F.softplus),
    "gelu": _pointwise(lambda x, approximate: F.gelu(x, approximate=approximate)),
    "silu": _pointwise(F.silu),
    "elu": _pointwise(lambda x, alpha, scale, input_scale: torch.ops.aten.elu(x, alpha, scale, input_scale)),
    "leaky_relu": _pointwise(F.leaky_relu),
    "hardtanh": _pointwise(F.hardtanh),
    "hardsigmoid": _pointwise(F.hardsigmoid),
    "logsigmoid": _pointwise(F.logsigmoid),
    "to_float": _pointwise(lambda x, dtype: x.to(dtype)),
    "detach": _pointwise(torch.detach),
    # along the width
    "sum": Op("rowwise", lambda x: x.sum(-1, keepdim=True)),
    "mean": Op("rowwise", lambda x: x.mean(-1, keepdim=True)),
    "amax": Op("rowwise", lambda x: x.amax(-1, keepdim=True)),
    "amin": Op("rowwise", lambda x: x.amin(-1, keepdim=True)),
    "softmax": Op("rowwise", lambda x: torch.softmax(x, -1)),
    "log_softmax": Op("rowwise", lambda x: torch.log_softmax(x, -1)),
    "layer_norm": Op("rowwise", _layer_norm),
    # moving numbers about
    "slice": Op("structure", lambda x, start, stop: x[:, start:stop]),
    "cat": Op("structure", lambda *xs: torch.cat(xs, -1)),
    "broadcast": Op("structure", lambda x, width: x.expand(-1, width)),
}
"""Name -> operation. `fill`, `uniform` and `bernoulli` make rows out of nothing and need to know how many:
see `recurra.program.interpret`."""

SOURCES: dict[str, Callable[..., Tensor]] = {
    "fill": lambda rows, width, like, value: like.new_full((rows, width), value),
    "uniform": lambda rows, width, like: torch.rand(rows, width, dtype=like.dtype, device=like.device),
    "normal": lambda rows, width, like: torch.randn(rows, width, dtype=like.dtype, device=like.device),
    "bernoulli": lambda rows, width, like, p: torch.empty(
        rows, width, dtype=like.dtype, device=like.device
    ).bernoulli_(p),
}
"""Rows made out of nothing: how many, how wide, a tensor of the wanted type and device, constants."""


def kind_of(op: str) -> str:
    """`product`, `pointwise`, `rowwise`, `structure` or `source`."""
    return "source" if op in SOURCES else OPS[op].kind
