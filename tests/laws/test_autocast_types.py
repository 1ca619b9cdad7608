"""Under autocast, and where a step mixes types, results have the types that the plain step gives; a drop-in's
those of torch's own layer.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import recurra.nn
from recurra import cells, scan
from recurra.cells import Cell
from recurra.errors import Fault
from recurra.ragged import Ragged
from recurra.state import map_state, named_leaves
from tests.laws.loops import by_hand
from tests.laws.table import REGISTERED, build, features
from tests.laws.user_cells import Both, Hidden

LOW = torch.bfloat16
HALVES = (torch.float32, torch.bfloat16)


def types(y: Tensor, state: Any) -> tuple[torch.dtype, list[torch.dtype]]:
    return y.dtype, [leaf.dtype for leaf in named_leaves(state).values()]


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize(
    "name", [*REGISTERED, "ten lines", "tied", "structural", "memoryless", "learnt start"]
)
def test_a_cell_has_those_of_its_step(name: str, grad: bool, engine: str) -> None:
    cell = build(name, torch.float32)
    x = torch.stack(features(4, 4, dtype=torch.float32, size=cell.input_size))
    for kind in HALVES:
        with torch.set_grad_enabled(grad), torch.autocast("cpu", dtype=LOW):
            first = map_state(lambda leaf, kind=kind: leaf.to(kind), cell.initial_state(2))
            rows, expected = by_hand(cell, list(x.to(kind)), cell.begin(first))
            y, state = scan(cell, x.to(kind), first)
        assert types(y, state) == types(rows[0], expected)
        torch.testing.assert_close(y, torch.stack(rows), rtol=0.1, atol=0.05)


def test_a_state_carried_on_and_rows_without_steps(engine: str) -> None:
    cell = build("vanilla", torch.float32)
    rows = Ragged.from_list(features(3, 0, 2, dtype=torch.float32))
    with torch.autocast("cpu", dtype=LOW):
        y, state = scan(cell, rows)
        again, _ = scan(cell, rows, state)
        nothing, first = scan(cell, torch.zeros(2, 0, 3))
    assert (y.data.dtype, again.data.dtype) == (LOW, LOW)
    assert state.h.dtype == torch.float32  # of the row that has no step
    assert (nothing.dtype, first.h.dtype) == (LOW, torch.float32)


@pytest.mark.parametrize("every", [None, 2])
@pytest.mark.parametrize("name", ["vanilla", "gru", "lstm"])
def test_gradients_are_of_the_types_of_what_they_are_for(name: str, every: int | None, engine: str) -> None:
    cell = build(name, torch.float32)
    x = torch.stack(features(5, 5, dtype=torch.float32)).requires_grad_()
    inputs = [x, *cell.parameters()]
    with torch.autocast("cpu", dtype=LOW):
        y, _ = scan(cell, x, checkpoint_every=every)
    shares = torch.autograd.grad(y.float().square().sum(), inputs)
    expected = torch.autograd.grad(scan(cell, x)[0].square().sum(), inputs)
    for one, other in zip(shares, expected, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", HALVES)
@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_a_drop_in_has_those_of_torch(name: str, kind: torch.dtype, packed: bool, engine: str) -> None:
    theirs = getattr(nn, name)(3, 4, num_layers=2, batch_first=True)
    ours = getattr(recurra.nn, name)(3, 4, num_layers=2, batch_first=True)
    ours.load_state_dict(theirs.state_dict())
    x: Any = torch.randn(2, 5, 3).to(kind)
    if packed:
        x = pack_padded_sequence(x, [5, 3], batch_first=True)
    kinds = []
    for module in (theirs, ours):
        with torch.no_grad(), torch.autocast("cpu", dtype=LOW):
            y, state = module(x)
            _, after = module(x, state)
        data = y.data if isinstance(y, PackedSequence) else y
        kinds.append([t.dtype for t in (data, *_several(state), *_several(after))])
    assert kinds[0] == kinds[1]


def _several(state: Any) -> tuple[Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)


def test_types_that_autocast_does_not_convert_are_refused(engine: str) -> None:
    layer, x = recurra.nn.LSTM(3, 4, batch_first=True), torch.randn(2, 5, 3)
    first = torch.zeros(1, 2, 4, dtype=torch.float64)
    with torch.autocast("cpu", dtype=LOW):
        for run in (
            lambda: scan(cells.LSTM(3, 4), x.double()),
            lambda: scan(cells.LSTM(3, 4).double(), x),
            lambda: scan(cells.GRU(3, 4), x, cells.GRU.State(first[0])),
            lambda: layer(x.double()),
            lambda: layer(x, (first, first)),
        ):
            with pytest.raises(Fault, match=r"float64.*: convert"):
                run()


class Wide(Both):
    """A vector of another type stands beside the state: torch computes with the wider of the two."""

    def more(self, hidden_size: int) -> None:
        self.register_buffer("scale", torch.linspace(0.5, 1, hidden_size, dtype=torch.float64))

    def step(self, x: Tensor, state: Hidden) -> tuple[Tensor, Hidden]:
        h = torch.tanh(self.total(x, state))
        return h * self.scale, Hidden(h)


class WideWeight(Wide):
    """torch multiplies no matrices of two types."""

    def step(self, x: Tensor, state: Hidden) -> tuple[Tensor, Hidden]:
        h = torch.tanh(self.total(x, state)) @ torch.diag(self.scale)
        return h, Hidden(h)


def test_a_vector_of_another_type(engine: str) -> None:
    cell: Cell = Wide(3, 4)
    x = torch.stack(features(4, 4, dtype=torch.float32))
    rows, state = by_hand(cell, list(x), cell.initial_state(2))
    y, final = scan(cell, x)
    assert types(y, final) == types(rows[0], state) == (torch.float64, [torch.float32])
    torch.testing.assert_close(y, torch.stack(rows), rtol=1e-5, atol=1e-6)


def test_a_weight_of_another_type(engine: str) -> None:
    with pytest.raises((Fault, RuntimeError), match=r"float.*[dD]ouble|dtype|type"):
        scan(WideWeight(3, 4), torch.randn(2, 5, 3))
