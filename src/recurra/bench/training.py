"""Whole layers, forward and with the backward pass, against torch's own and against a Python loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch

from recurra.bench.cases import (
    SIZES,
    STANDARD,
    WRITTEN,
    Case,
    arithmetic,
    loop_call,
    make_cell,
    recurra_call,
    torch_dense_call,
    torch_packed_call,
)
from recurra.bench.measure import medians


class Measured(NamedTuple):
    """One case: seconds a call of ours and of each peer beside it, and the useful arithmetic of one call."""

    cell: str
    rows: int
    steps: int
    width: int
    lengths: str
    backward: bool
    threads: int
    operations: float
    limit: float
    seconds: dict[str, float]

    def speed(self, who: str = "recurra") -> float:
        """Useful GFLOP/s."""
        return self.operations / self.seconds[who] / 1e9

    def gain(self, peer: str) -> float:
        """How many times faster ours is."""
        return self.seconds[peer] / self.seconds["recurra"]


def measure_training(threads: int, tell: Callable[[str], None], whole: bool = True) -> Iterator[Measured]:
    """Every size, kind of lengths and direction with this many threads.

    Args:
        whole: also the cells that torch lacks; they are run with the backward pass, on rows of equal length.
    """
    for rows, steps, width in SIZES:
        for lengths in ("equal", "uneven") if rows > 1 else ("equal",):
            case = Case(rows, steps, width, lengths)
            own = WRITTEN if whole and lengths == "equal" else ()
            for name in (*STANDARD, *own):
                for backward in (False, True) if name in STANDARD else (True,):
                    tell(f"{threads} threads, {name} {(rows, steps, width)} {lengths}, backward {backward}")
                    yield _measure(name, case, backward, threads)


def _measure(name: str, case: Case, backward: bool, threads: int) -> Measured:
    torch.manual_seed(0)
    x, lengths = case.inputs()
    cell = make_cell(name, case.width)
    square = torch.randn(1024, 1024)
    calls: dict[str, Callable[[], object]] = {
        "recurra": recurra_call(cell, x, backward),
        "mm": lambda: square @ square,
    }
    if name in STANDARD:
        layer = STANDARD[name](case.width, case.width)
        if case.lengths == "equal":
            calls["torch dense"] = torch_dense_call(layer, x, backward)
        calls["torch packed"] = torch_packed_call(layer, x, backward)
    if name not in STANDARD and case.lengths == "equal":
        calls["python loop"] = loop_call(cell, x, backward)
    seconds = medians(calls)
    limit = 2 * 1024**3 / seconds.pop("mm") / 1e9
    operations = arithmetic(cell, int(lengths.sum()), backward)
    return Measured(
        name, case.rows, case.steps, case.width, case.lengths, backward, threads, operations, limit, seconds
    )
