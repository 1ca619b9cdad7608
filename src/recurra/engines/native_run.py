"""Calls into the native library: tensors go as addresses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recurra import _engine
from recurra.engines.native_memory import empty_rows
from recurra.engines.native_plan import Ready
from recurra.timing import count as count_operations


def run_ready(
    ready: Ready,
    batch_sizes: Sequence[int],
    reverse: bool,
    inputs: Sequence[Tensor],
    states: Sequence[Tensor],
    weights: Sequence[Tensor],
    vectors: Sequence[Tensor],
    kept: int = 0,
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """One run of an encoded loop.

    Args:
        kept: how many outputs, the first ones, leave the engine.
        inputs: `[N, width]`; states: `[B, width]`; weights: `[in, out]`, any strides; vectors: `[width]`.

    Returns:
        outputs `[N, width]`, final states `[B, width]`, totals `[width]`.
    """
    like = states[0]
    count = sum(batch_sizes)
    inputs = [_rowwise(t) for t in inputs]
    states = [_rowwise(t) for t in states]
    vectors = [t.contiguous() for t in vectors]
    outputs = [like.new_empty(count, width) for width in ready.widths[:kept]]
    outputs += [empty_rows(like, count, width) for width in ready.widths[kept:]]
    finals = [like.new_empty(t.shape) for t in states]
    totals = [like.new_empty(width) for width in ready.totals]
    views: list[int] = []
    for weight, transposed in ready.weights:
        held = weights[weight]
        views += (held.data_ptr(), *(held.stride()[::-1] if transposed else held.stride()))
    count_operations(2.0 * count * sum(weights[weight].numel() for weight, _ in ready.weights))
    ready.drivers[like.dtype == torch.float64].run(
        len(like),
        batch_sizes,
        reverse,
        [n for t in inputs for n in (t.data_ptr(), t.stride(0))],
        [n for t in states for n in (t.data_ptr(), t.stride(0))],
        views,
        [t.data_ptr() for t in vectors],
        [t.data_ptr() for t in outputs],
        [t.data_ptr() for t in finals],
        [t.data_ptr() for t in totals],
        torch.get_num_threads(),
    )
    return outputs, finals, totals


def weight_gradient(rows: Tensor, gradient: Tensor, like: Tensor, into: Tensor | None) -> Tensor:
    """`rows^T @ gradient`, `[in, out]`, laid out in memory as the weight is; added to `into` if given."""
    x, y = (_rowwise(t) for t in (rows, gradient))
    across = like.stride(0) == 1 and like.stride(1) != 1
    if across:
        x, y = y, x
    made = x.new_empty(x.shape[1], y.shape[1]) if into is None else (into.t() if across else into)
    matrix_product(x.t(), y, None, made, into is not None)
    return made.t() if across else made


def matrix_product(a: Tensor, b: Tensor, bias: Tensor | None, out: Tensor, add: bool = False) -> None:
    """`out = a @ b + bias`, or `out += a @ b`; a and b of any strides, out with rows that lie whole."""
    count_operations(2.0 * a.shape[0] * a.shape[1] * b.shape[1])
    call = _engine.gemm_f64 if out.dtype == torch.float64 else _engine.gemm_f32
    call(
        a.shape[0],
        a.shape[1],
        b.shape[1],
        a.data_ptr(),
        a.stride(0),
        a.stride(1),
        b.data_ptr(),
        b.stride(0),
        b.stride(1),
        0 if bias is None else bias.data_ptr(),
        out.data_ptr(),
        out.stride(0),
        add,
        torch.get_num_threads(),
    )


def column_sums(x: Tensor) -> Tensor:
    """`[N, width]` -> `[width]`, in an order that does not depend on the number of threads."""
    x = _rowwise(x)
    out = x.new_empty(x.shape[1])
    call = _engine.column_sums_f64 if x.dtype == torch.float64 else _engine.column_sums_f32
    call(x.data_ptr(), x.stride(0), x.shape[0], x.shape[1], out.data_ptr(), torch.get_num_threads())
    return out


def _rowwise(t: Tensor) -> Tensor:
    """Numbers of a row next to each other, rows no closer than a row is wide."""
    fits = t.stride(-1) == 1 or t.shape[-1] == 1
    return t if fits and (t.shape[0] < 2 or t.stride(0) >= t.shape[-1]) else t.contiguous()


def level() -> str:
    """The instructions that the library chose for this processor, as `x86-64-v3`."""
    chosen: str = _engine.level()
    return chosen
