"""Calls into the native library: tensors go as addresses."""

from __future__ import annotations

import ctypes
import multiprocessing
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from recurra.engines.native import _engine
from recurra.timing import count as count_operations


def rowwise(t: Tensor) -> Tensor:
    """Numbers of a row next to each other, rows no closer than a row is wide."""
    if t.is_contiguous():
        return t
    fits = t.stride(-1) == 1 or t.shape[-1] == 1
    return t if fits and (t.shape[0] < 2 or t.stride(0) >= t.shape[-1]) else t.contiguous()


def addresses(tensors: Iterable[Tensor]) -> list[int]:
    """Where they lie; they must outlive these."""
    return [t.data_ptr() for t in tensors]


def places(tensors: Iterable[Tensor]) -> list[int]:
    """Of tensors `[N, width]` that `rowwise` gave: the address, and how many numbers apart rows begin."""
    return [n for t in tensors for n in (t.data_ptr(), t.stride(0))]


def views(tensors: Iterable[Tensor | None]) -> list[int]:
    """Of matrices of any strides: the address and both strides; zeros for none."""
    return [n for t in tensors for n in ((0, 0, 0) if t is None else (t.data_ptr(), *t.stride()))]


def empty_as(weight: Tensor) -> Tensor:
    """Of a weight's shape, laid out in memory as it is; its numbers are not set."""
    depth, width = weight.shape
    across = weight.stride(0) == 1 and weight.stride(1) != 1
    return weight.new_empty(width, depth).t() if across else weight.new_empty(depth, width)


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
    x = rowwise(x)
    out = x.new_empty(x.shape[1])
    call = _engine.column_sums_f64 if x.dtype == torch.float64 else _engine.column_sums_f32
    call(x.data_ptr(), x.stride(0), x.shape[0], x.shape[1], out.data_ptr(), torch.get_num_threads())
    return out


def level() -> str:
    """The instructions that the library chose for this processor, as `x86-64-v3`."""
    chosen: str = _engine.level()
    return chosen


MAPS = Path("/proc/self/maps")


def torch_team() -> int:
    """The address of `GOMP_parallel` in the OpenMP library that torch is linked to.

    0 where torch has none of GNU's, where this is not Linux, and in a process that another began: after a
    fork those threads hang.
    """
    begun = multiprocessing.parent_process() is not None
    if begun or not MAPS.exists():
        return 0
    mapped = {line.split(maxsplit=5)[-1] for line in MAPS.read_text().splitlines() if "/libgomp" in line}
    home = Path(torch.__file__).parent
    # other packages bring one of their own, which they alone use
    own = {path for path in mapped if {home, home.with_name("torch.libs")} & set(Path(path).parents)}
    found = own or mapped
    if len(found) != 1:
        return 0
    library = ctypes.CDLL(found.pop())
    return ctypes.cast(library.GOMP_parallel, ctypes.c_void_p).value or 0
