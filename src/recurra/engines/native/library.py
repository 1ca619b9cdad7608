"""The native library's products of large matrices."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.engines.native import _engine
from recurra.engines.native.border import NOWHERE, Border
from recurra.timing import count as count_operations


def empty_as(weight: Tensor) -> Tensor:
    """Of a weight's shape, laid out in memory as it is; its numbers are not set."""
    depth, width = weight.shape
    across = weight.stride(0) == 1 and weight.stride(1) != 1
    return weight.new_empty(width, depth).t() if across else weight.new_empty(depth, width)


def matrix_product(a: Tensor, b: Tensor, bias: Tensor | None, out: Tensor, add: bool = False) -> None:
    """`out = a @ b + bias`, or `out += a @ b`.

    Args:
        a: `[rows, depth]`; b: `[depth, width]`, both of any strides.
        bias: `[width]`; None with `add`.
        out: `[rows, width]`, contiguous; written.

    Raises:
        Fault: a tensor of another type, shape or kind.
    """
    rows, width = out.shape
    depth = a.shape[-1]
    border = Border(out.dtype)
    left, right = border.matrices("factor", (a, b), ((rows, depth), (depth, width)))
    count_operations(2.0 * rows * depth * width)
    gemm = _engine.gemm_f64 if out.dtype == torch.float64 else _engine.gemm_f32
    gemm(
        rows,
        depth,
        width,
        left,
        right,
        NOWHERE if bias is None else border.whole("bias", [bias], [(width,)])[0],
        border.rows("product", [out], rows, [width])[0],
        add,
        torch.get_num_threads(),
    )


def column_sums(x: Tensor) -> Tensor:
    """`[N, width]` -> `[width]`, in an order that does not depend on the number of threads."""
    count, width = x.shape
    border = Border(x.dtype)
    (rows,) = border.rows("rows", [x], count, [width])
    sums = x.new_empty(width)
    run = _engine.column_sums_f64 if x.dtype == torch.float64 else _engine.column_sums_f32
    run(count, width, rows, border.fresh([sums])[0], torch.get_num_threads())
    return sums
