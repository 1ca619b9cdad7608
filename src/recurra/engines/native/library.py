"""Tensors as the native library takes them, by address, and its products of large matrices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from recurra.engines.native import _engine
from recurra.timing import count as count_operations

if TYPE_CHECKING:
    from recurra.engines.native._engine import Address, Matrix, Rows

NO_MATRIX = (0, 0, 0)


def rowwise(t: Tensor) -> Tensor:
    """Numbers of a row next to each other, rows no closer than a row is wide."""
    if t.is_contiguous():
        return t
    fits = t.stride(-1) == 1 or t.shape[-1] == 1
    return t if fits and (t.shape[0] < 2 or t.stride(0) >= t.shape[-1]) else t.contiguous()


def addresses(tensors: Iterable[Tensor]) -> list[Address]:
    """Of tensors without gaps, which must outlive them."""
    return [t.data_ptr() for t in tensors]


def rows_of(tensors: Iterable[Tensor]) -> list[Rows]:
    """Of tensors `[N, width]` that `rowwise` gave, which must outlive them."""
    return [(t.data_ptr(), t.stride(0)) for t in tensors]


def matrices_of(tensors: Iterable[Tensor | None]) -> list[Matrix]:
    """Of matrices of any strides, which must outlive them."""
    return [NO_MATRIX if t is None else (t.data_ptr(), t.stride(0), t.stride(1)) for t in tensors]


def empty_as(weight: Tensor) -> Tensor:
    """Of a weight's shape, laid out in memory as it is; its numbers are not set."""
    depth, width = weight.shape
    across = weight.stride(0) == 1 and weight.stride(1) != 1
    return weight.new_empty(width, depth).t() if across else weight.new_empty(depth, width)


def matrix_product(a: Tensor, b: Tensor, bias: Tensor | None, out: Tensor, add: bool = False) -> None:
    """`out = a @ b + bias`, or `out += a @ b`.

    Args:
        a: `[rows, depth]`; b: `[depth, width]`, both of any strides.
        bias: `[width]` without gaps; None with `add`.
        out: `[rows, width]`, columns next to each other; written.
    """
    rows, depth, width = a.shape[0], a.shape[1], b.shape[1]
    count_operations(2.0 * rows * depth * width)
    gemm = _engine.gemm_f64 if out.dtype == torch.float64 else _engine.gemm_f32
    gemm(
        rows,
        depth,
        width,
        (a.data_ptr(), a.stride(0), a.stride(1)),
        (b.data_ptr(), b.stride(0), b.stride(1)),
        0 if bias is None else bias.data_ptr(),
        (out.data_ptr(), out.stride(0)),
        add,
        torch.get_num_threads(),
    )


def column_sums(x: Tensor) -> Tensor:
    """`[N, width]` -> `[width]`, in an order that does not depend on the number of threads."""
    x = rowwise(x)
    sums = x.new_empty(x.shape[1])
    run = _engine.column_sums_f64 if x.dtype == torch.float64 else _engine.column_sums_f32
    run(x.shape[0], x.shape[1], (x.data_ptr(), x.stride(0)), sums.data_ptr(), torch.get_num_threads())
    return sums
