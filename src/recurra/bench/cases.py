"""What is measured: cells, sizes, lengths, and their peers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from recurra.cells import CELLS, Cell
from recurra.loop.plan import plan_of
from recurra.loop.scan import scan
from recurra.ragged import Ragged

SIZES = ((1, 100, 64), (32, 100, 128), (32, 100, 256), (64, 100, 512))
"""(rows, steps, input = hidden)."""
STANDARD: dict[str, Callable[[int, int], nn.RNNBase]] = {"vanilla": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
"""Cells that torch has a layer for."""
WRITTEN = ("peephole_lstm", "layer_norm_lstm", "jordan", "simplified_gru", "light_gru")
"""Cells that a user would have to write."""


@dataclass(frozen=True)
class Case:
    """One input. `lengths` is `equal`, or `uneven`: drawn evenly from a tenth of the steps to all."""

    rows: int
    steps: int
    width: int
    lengths: str

    def inputs(self) -> tuple[Ragged, Tensor]:
        """The rows packed, and their lengths; values that need gradients, as inside a deeper network."""
        generator = torch.Generator().manual_seed(0)
        lengths = torch.full((self.rows,), self.steps)
        if self.lengths == "uneven":
            lengths = torch.randint(self.steps // 10, self.steps + 1, (self.rows,), generator=generator)
        lengths = lengths.sort(descending=True).values
        rows = [torch.randn(int(length), self.width, generator=generator) for length in lengths]
        packed = Ragged.from_list(rows)
        return packed.with_data(packed.data.requires_grad_()), lengths


def arithmetic(cell: Cell, places: int, backward: bool) -> float:
    """Useful floating-point operations in the products of `places` steps: two a weight and step, thrice that
    with the backward pass (one product for the input's gradient, one for the weight's)."""
    program = plan_of(cell).program
    if program is None:
        raise ValueError(f"{type(cell).__name__} has no program to count")
    products = (program.values[v.args[1]].shape for v in program.values if v.op == "product")
    return places * sum(2 * math.prod(shape) for shape in products) * (3 if backward else 1)


def recurra_call(cell: Cell, x: Ragged, backward: bool) -> Callable[[], object]:
    """One run of ours."""

    def run() -> Tensor:
        return scan(cell, x)[0].data

    return _with_backward(run, [x.data, *cell.parameters()], backward)


def torch_dense_call(layer: nn.RNNBase, x: Ragged, backward: bool) -> Callable[[], object]:
    """One run of torch's layer on full rows `[T, B, F]`."""
    dense = x.data.detach().reshape(x.steps, x.rows, -1).requires_grad_()

    def run() -> Tensor:
        y: Tensor = layer(dense)[0]
        return y

    return _with_backward(run, [dense, *layer.parameters()], backward)


def torch_packed_call(layer: nn.RNNBase, x: Ragged, backward: bool) -> Callable[[], object]:
    """One run of torch's layer on a PackedSequence."""
    packed = x.to_packed()

    def run() -> Tensor:
        y: PackedSequence = layer(packed)[0]
        return y.data

    return _with_backward(run, [x.data, *layer.parameters()], backward)


def loop_call(cell: Cell, x: Ragged, backward: bool) -> Callable[[], object]:
    """The same step in a Python loop under autograd, on full rows."""
    dense = x.data.detach().reshape(x.steps, x.rows, -1).requires_grad_()

    def run() -> Tensor:
        state: Any = cell.initial_state(x.rows)
        outputs = []
        for piece in dense.unbind(0):
            y, state = cell.step(piece, state)
            outputs.append(y)
        return torch.stack(outputs)

    return _with_backward(run, [dense, *cell.parameters()], backward)


def make_cell(name: str, width: int) -> Cell:
    """A registered cell with input = hidden = width."""
    cell: Cell = CELLS[name](width, width)
    return cell


def _with_backward(run: Callable[[], Tensor], inputs: list[Tensor], backward: bool) -> Callable[[], object]:
    if not backward:

        def forward() -> Tensor:
            with torch.no_grad():
                return run()

        return forward
    with torch.no_grad():
        cotangent = torch.randn_like(run())
    return lambda: torch.autograd.grad(run(), inputs, cotangent)
