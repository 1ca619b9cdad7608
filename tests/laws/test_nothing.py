"""No rows, no steps, no features, widths of 0: as the plain loop has it, gradients included, or one line that
says what is wrong.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

import recurra.nn
from recurra import Ragged, Stepper, Stream, cells, scan
from recurra.cells import CELLS, Cell
from recurra.errors import Fault
from recurra.layers import Recurrent
from recurra.state import named_leaves
from tests.laws.table import REGISTERED, TRACED, build

SHAPES = [(0, 5), (2, 0), (0, 0)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [*REGISTERED, *TRACED])
def test_no_rows_and_no_steps(name: str, shape: tuple[int, int], engine: str) -> None:
    cell = build(name)
    x = torch.zeros(*shape, cell.input_size, dtype=torch.float64, requires_grad=True)
    y, state = scan(cell, x)
    assert y.shape == (*shape, cell.output_size)
    assert y.dtype == torch.float64
    expected = named_leaves(cell.initial_state(shape[0]))
    assert {name: leaf.shape for name, leaf in named_leaves(state).items()} == {
        name: leaf.shape for name, leaf in expected.items()
    }
    if y.requires_grad:
        y.sum().backward()
        assert x.grad is None or x.grad.shape == x.shape


def test_outputs_of_no_steps_have_gradients(engine: str) -> None:
    """A batch that happens to be empty passes through a training step like any other."""
    layer = Recurrent(cells.LSTM(3, 4))
    for shape in SHAPES:
        layer.zero_grad()
        layer(torch.zeros(*shape, 3))[0].sum().backward()
        assert all(weight.grad is not None and not weight.grad.any() for weight in layer.parameters())


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("first", [False, True])
def test_drop_ins_of_no_rows(name: str, first: bool, engine: str) -> None:
    x = torch.zeros((0, 5, 3) if first else (5, 0, 3))
    shapes = []
    for module in (getattr(nn, name), getattr(recurra.nn, name)):
        y, state = module(3, 4, batch_first=first)(x)
        shapes.append([t.shape for t in (y, *(state if isinstance(state, tuple) else (state,)))])
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    "name", ["lstm", "gru", "vanilla", "light_gru", "peephole_lstm", "recurrent_highway"]
)
def test_no_hidden_units(name: str) -> None:
    with pytest.raises(Fault, match="hidden_size is 0, expected at least 1"):
        CELLS[name](3, 0)
    with pytest.raises(Fault, match="input_size is -1, expected at least 0"):
        CELLS[name](-1, 4)


class Aside(Cell):
    """A state without numbers beside the other."""

    class State(NamedTuple):
        h: Tensor
        empty: Tensor

    def __init__(self, input_size: int, width: int) -> None:
        self.width = width
        self.linear = nn.Linear(input_size + 4, 4)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (4,), "empty": (self.width,)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h = torch.tanh(self.linear(torch.cat([x, state.h], -1))) + state.empty.sum(-1, keepdim=True)
        return h, self.State(h, state.empty * 2)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("sizes", [(3, 0), (0, 2), (0, 0)])
def test_no_features_and_a_state_without_numbers(sizes: tuple[int, int], engine: str) -> None:
    for cell in (Aside(*sizes), cells.GRU(0, 4)):
        x = torch.randn(2, 5, cell.input_size, requires_grad=True)
        layer = Recurrent(cell).eval()
        y, _ = layer(x)
        y.sum().backward()
        assert x.grad is None or x.grad.shape == x.shape  # nothing depends on no features
        with torch.no_grad():
            h = cell.initial_state(2)
            rows = []
            for t in range(5):
                out, h = cell.step(x[:, t], h)
                rows.append(out)
        torch.testing.assert_close(y.detach(), torch.stack(rows, 1), rtol=1e-5, atol=1e-6)
        with torch.no_grad():
            fed = Stream(layer, batch=2).feed(x.detach())
        torch.testing.assert_close(fed, y.detach(), rtol=1e-5, atol=1e-6)
        with pytest.raises(Fault, match="has no numbers, its width is 0"):
            Stepper(layer)


def test_a_ragged_batch_of_empty_rows(engine: str) -> None:
    rows = Ragged.from_list([torch.zeros(0, 3)] * 2)
    first = cells.GRU.State(torch.ones(2, 4))
    y, state = scan(cells.GRU(3, 4), rows, first)
    assert y.data.shape == (0, 4)
    assert torch.equal(state.h, first.h)
