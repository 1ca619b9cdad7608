"""Memory for large arrays over all of time that stay within the engine: kept from run to run.

The C library takes fresh pages for each large array and gives them back; touching them anew, 4 KiB at a time,
was seen to take a fifth of a training step.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
import weakref
from collections import deque
from contextlib import suppress

import torch
from torch import Tensor

LARGE = 2**19
"""Bytes from which an array comes from here."""
MOST_FREE = 256 * 2**20
"""Bytes that are kept at most while nobody uses them."""

_HUGE: int | None = getattr(mmap, "MADV_HUGEPAGE", None)

# By size. Only operations that no other thread can come between: pages come back whenever a tensor dies.
_free: dict[int, deque[mmap.mmap]] = {}


def empty_rows(like: Tensor, rows: int, width: int) -> Tensor:
    """`[rows, width]` of `like`'s type, on the CPU, its numbers not set."""
    size = rows * width * like.element_size()
    if size < LARGE or sys.platform != "linux":
        return like.new_empty(rows, width)
    try:
        pages = _pages(_rounded(size))
    except OSError:  # no more maps, or no memory: torch asks in its own way, and says it in its own words
        return like.new_empty(rows, width)
    owner = (ctypes.c_char * size).from_buffer(pages)
    # the tensor's storage alone holds this; when it goes, the pages are free
    weakref.finalize(owner, _give_back, pages).atexit = False
    tensor = torch.frombuffer(owner, dtype=like.dtype).view(rows, width)
    fills = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    if fills and torch.are_deterministic_algorithms_enabled():
        tensor.fill_(float("nan"))
    return tensor


def _rounded(size: int) -> int:
    """Eight sizes for each doubling, so that batches of about the same length share pages."""
    step = 1 << (size.bit_length() - 4)
    return -(-size // step) * step


def _pages(size: int) -> mmap.mmap:
    for larger in sorted(other for other in list(_free) if size <= other <= 2 * size):
        try:
            return _free[larger].pop()
        except (KeyError, IndexError):  # none, or another thread was faster
            continue
    # what nobody uses, and is too small, goes first: as much is taken as is in use at a time
    _give_up(free_bytes() - size, bound=size)
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if _HUGE is not None:
        with suppress(OSError):  # a kernel without huge pages: small ones do
            pages.madvise(_HUGE)
    return pages


def _give_back(pages: mmap.mmap) -> None:
    _free.setdefault(len(pages), deque()).append(pages)
    _give_up(MOST_FREE)


def _give_up(most: int, bound: int = sys.maxsize) -> None:
    """Gives pages of fewer than `bound` bytes back to the system until at most `most` bytes are kept."""
    while free_bytes() > most:
        size = next((size for size, free in list(_free.items()) if free and size < bound), None)
        if size is None:
            return
        try:
            _free[size].popleft()
        except IndexError:  # another thread was faster
            continue
        _free[size] = _free.pop(size, deque())  # the next size is the first to give one up


def free_bytes() -> int:
    """What is kept while nobody uses it."""
    return sum(size * len(free) for size, free in list(_free.items()))
