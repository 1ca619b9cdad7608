"""Streaming: one step, and a block of steps, from Python, against ONNX Runtime and against torch's cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from recurra.bench.cases import STANDARD, make_cell
from recurra.bench.measure import medians
from recurra.bench.onnx_step import GATES, onnx_call
from recurra.layers import Recurrent
from recurra.streaming.stepper import Stepper

WIDTHS = (64, 128, 256)
"""input = hidden"""
ROWS = (1, 8, 64)
BLOCKED = (1, 64)
"""How many streams are fed in blocks, too."""
BLOCK = 100
CELLS: dict[str, Callable[[int, int], nn.RNNCellBase]] = {"lstm": nn.LSTMCell, "gru": nn.GRUCell}


class Stepped(NamedTuple):
    """One case: seconds a step of ours and of each peer beside it.

    Attributes:
        block: steps in one call.
        seconds: `recurra` and, for one stream, its weights of fewer bits (`recurra bfloat16`,
            `recurra int8`), `onnx runtime`, `torch` (its cell for one step, its layer for a block).
    """

    cell: str
    rows: int
    width: int
    block: int
    threads: int
    seconds: dict[str, float]

    def gain(self, peer: str) -> float:
        """How many times faster ours is."""
        return self.seconds[peer] / self.seconds["recurra"]


def measure_steps(threads: int, tell: Callable[[str], None]) -> Iterator[Stepped]:
    """Every cell, width, number of streams and block with this many threads."""
    for cell in GATES:
        for width in WIDTHS:
            for rows in ROWS:
                for block in (1, BLOCK) if rows in BLOCKED else (1,):
                    tell(f"{threads} threads, {cell} {width}, {rows} streams, {block} steps a call")
                    yield _measure(cell, rows, width, block, threads)


def _measure(cell: str, rows: int, width: int, block: int, threads: int) -> Stepped:
    torch.manual_seed(0)
    model = Recurrent(make_cell(cell, width))
    calls = {
        "recurra": _ours(model, rows, block, "float32"),
        "onnx runtime": onnx_call(cell, width, rows, block),
        "torch": _torch(cell, rows, width, block),
    }
    if rows == 1:  # the same arithmetic: fewer bits are for what is bound by reading the weights
        calls |= {f"recurra {kind}": _ours(model, rows, block, kind) for kind in ("bfloat16", "int8")}
    seconds = {name: time / block for name, time in medians(calls).items()}
    return Stepped(cell, rows, width, block, threads, seconds)


def _ours(model: Recurrent, rows: int, block: int, weights: str) -> Callable[[], object]:
    stepper = Stepper(model, rows, weights)
    shape = (rows, model.input_size) if block == 1 else (rows, block, model.input_size)
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return (lambda: stepper.step(x)) if block == 1 else (lambda: stepper.block(x))


def _torch(name: str, rows: int, width: int, block: int) -> Callable[[], object]:
    if block > 1:
        layer, x = STANDARD[name](width, width), torch.randn(block, rows, width)

        def whole() -> object:
            with torch.inference_mode():
                return layer(x)

        return whole
    cell, step = CELLS[name](width, width), torch.randn(rows, width)
    h = torch.zeros(rows, width)
    state = (h, h) if name == "lstm" else h

    def one() -> object:
        nonlocal state
        with torch.inference_mode():
            state = cell(step, state)
        return state

    return one
