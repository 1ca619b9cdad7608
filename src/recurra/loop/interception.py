"""A door for the laboratory into every run over time: it may look at a run, or run it in another way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import Tensor

from recurra.cells.base import Cell
from recurra.loop.run import Run
from recurra.ragged import Ragged

Way = Callable[[Run, Any], tuple[Tensor, Any]]
"""`(run, state) -> (y [N, output_size], the state after each row's last step)`, all in packed order."""


class Passage(NamedTuple):
    """One run over time, as it is about to begin.

    Attributes:
        cell: what is run; only its step counts where the caller has other weights (`recurra.nn`).
        weights: name -> tensor, for the cell's parameters and buffers.
        rows: the layout, with x `[N, input_size]` as its data.
        run: the same for the loop.
        state: what the first step starts from, leaves `[B, ...]` in packed order.
        own: runs it, or a part of it, as it would be run.
    """

    cell: Cell
    weights: Mapping[str, Tensor]
    rows: Ragged
    run: Run
    state: Any
    own: Way


Interceptor = Callable[[Passage], tuple[Tensor, Any]]
"""What runs a passage: gives y `[N, output_size]` and the final state, in packed order."""


class _Current(threading.local):
    interceptor: Interceptor | None = None


_CURRENT = _Current()


@contextmanager
def intercepting(interceptor: Interceptor) -> Iterator[None]:
    """Inside, and in this thread, every run over time is the interceptor's; it may call `passage.own`.

    Runs that torch has recorded in a graph (`torch.compile`, `torch.export`) are not seen.
    """
    previous, _CURRENT.interceptor = _CURRENT.interceptor, interceptor
    try:
        yield
    finally:
        _CURRENT.interceptor = previous


def interceptor_of_thread() -> Interceptor | None:
    """The one at work in this thread; None: there is none."""
    return _CURRENT.interceptor
