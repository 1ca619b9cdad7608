"""What runs around a run over time (autocast, inference, transforms, export, default devices) reaches the
numbers as it would reach a plain loop, and never the program.
"""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recurra import cells, scan
from recurra.cells import Cell
from recurra.loop.plan import plan_of
from recurra.ragged import Ragged
from recurra.state import named_leaves
from tests.laws.loops import assert_same, by_hand, by_scan
from tests.laws.table import build, features
from tests.laws.test_ragged_alone import assert_alike
from tests.laws.user_cells import Both


class Model(nn.Module):
    """A cell among other things."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        return scan(self.cell, x)[0]


def as_loop(cell: Cell, x: Tensor) -> tuple[list[Tensor], Any]:
    return by_hand(cell, list(x), cell.initial_state(len(x)))


@pytest.mark.parametrize("name", ["lstm", "row-wise", "cumulative"])
def test_autocast(name: str, engine: str) -> None:
    """Met first under autocast: the program is the same, and no precision is lost outside of it."""
    cell = build(name, torch.float32)
    x = torch.stack(features(4, 4, dtype=torch.float32))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low, _ = scan(cell, x)
        plan = plan_of(cell)
    assert plan_of(cell) is plan
    wanted = torch.stack(as_loop(cell, x)[0])
    assert (low - wanted).abs().max() < 0.05
    torch.testing.assert_close(scan(cell, x)[0], wanted, rtol=1e-5, atol=1e-6)


def test_autocast_over_ragged_rows_and_carried_states(engine: str) -> None:
    cell = build("lstm", torch.float32)
    rows = Ragged.from_list(features(2, 5, 0, 3, dtype=torch.float32))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, state = scan(cell, rows)
        again, _ = scan(cell, rows, state)
        halved, _ = scan(cell, rows.map(lambda data: data.bfloat16()))
    assert again.data.isfinite().all()
    assert (halved.data.float() - y.data).abs().max() < 0.05


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("name", ["gru", "ten lines", "data-dependent"])
def test_other_precisions(name: str, dtype: torch.dtype, engine: str) -> None:
    cell = build(name, dtype)
    x = torch.stack(features(4, 4)).to(dtype)
    y, state = scan(cell, x)
    assert {y.dtype, state.h.dtype} == {dtype}
    wanted = torch.stack(as_loop(cell.double(), x.double())[0])
    assert (y.double() - wanted).abs().max() < {torch.bfloat16: 0.05, torch.float16: 0.01}.get(dtype, 1e-12)


@pytest.mark.parametrize("first", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", ["lstm", "zoneout", "cumulative"])
def test_without_gradients_first(name: str, first: Any, engine: str) -> None:
    cell = build(name)
    x = torch.stack(features(4, 4))
    with first():
        held, state = scan(cell, x)
        assert not held.requires_grad
        assert_alike(named_leaves(scan(cell, x, state)[1]), named_leaves(scan(cell, x, state)[1]))
    assert_same(by_scan(cell, list(x), cell.initial_state(2)), as_loop(cell, x), list(cell.parameters()))
    assert torch.equal(scan(cell, x)[0], held)


def test_weights_made_in_inference_mode(engine: str) -> None:
    with torch.inference_mode():
        cell = cells.GRU(3, 4)
        y, _ = scan(cell, torch.randn(2, 5, 3))
    assert plan_of(cell).program is not None
    assert y.isfinite().all()


def test_some_weights_and_inputs_need_no_gradient(engine: str) -> None:
    cell = build("lstm")
    cell.input.requires_grad_(False)
    x = torch.stack(features(4, 4))
    assert_same(by_scan(cell, list(x), cell.initial_state(2)), as_loop(cell, x), list(cell.parameters()))
    cell.requires_grad_(False)
    assert not scan(cell, x)[0].requires_grad
    x.requires_grad_()
    assert_same(by_scan(cell, list(x), cell.initial_state(2)), as_loop(cell, x), [x])


def test_an_expanded_state_gets_the_sum_of_its_gradients(engine: str) -> None:
    cell = build("gru")
    first = torch.randn(1, 4, dtype=torch.float64, requires_grad=True)
    rows = features(3, 0, 2)
    state = cells.GRU.State(first.expand(3, -1))
    assert_same(by_scan(cell, rows, state), by_hand(cell, rows, state), [first])


@pytest.fixture
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_ENGINE", "eager")


@pytest.mark.usefixtures("_eager")
@pytest.mark.parametrize("name", ["lstm", "row-wise", "learnt start", "parametrised"])
def test_functional_transforms(name: str) -> None:
    model = Model(build(name))
    x = torch.stack(features(4, 4))
    given = {key: held.detach() for key, held in model.named_parameters()}

    def loss(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        return torch.func.functional_call(model, weights, (x,)).square().sum()

    together = torch.func.grad(loss)(given, x)
    assert plan_of(model.cell).reason == ""
    plain = torch.autograd.grad(model(x).square().sum(), list(model.parameters()))
    assert_alike(list(together.values()), list(plain))
    each = torch.func.vmap(torch.func.grad(loss), (None, 0))(given, x.unsqueeze(1))
    assert_alike([gradient.sum(0) for gradient in each.values()], list(plain))


@pytest.mark.usefixtures("_eager")
@pytest.mark.parametrize("name", ["lstm", "row-wise", "learnt start"])
def test_a_cell_met_first_inside_vmap(name: str) -> None:
    model = Model(build(name))
    x = torch.stack(features(4, 4, 4))
    mapped = torch.func.vmap(model)(x.unsqueeze(1)).squeeze(1)
    assert plan_of(model.cell).reason == ""
    assert_alike(mapped, model(x))
    other = Model(build(name))
    stacked = {key: torch.stack([held, 2 * held]).detach() for key, held in other.named_parameters()}
    both = torch.func.vmap(lambda weights: torch.func.functional_call(other, weights, (x,)))(stacked)
    assert plan_of(other.cell).reason == ""
    assert_alike(both[0], model(x))


def test_weights_given_for_one_call(engine: str) -> None:
    model = Model(build("lstm"))
    x = torch.stack(features(4, 4))
    before = model(x)
    given = {key: 0.5 * held.detach() for key, held in model.named_parameters()}
    once = torch.func.functional_call(model, given, (x,))
    assert torch.equal(model(x), before)
    model.load_state_dict(given)
    assert_alike(once, model(x))


@pytest.mark.usefixtures("_eager")
@pytest.mark.parametrize("name", ["gru", "row-wise"])
def test_a_cell_met_first_inside_export(name: str) -> None:
    model = Model(build(name))
    x = torch.stack(features(4, 4))
    exported = torch.export.export(model, (x,))
    assert plan_of(model.cell).reason == ""
    assert_alike(exported.module()(x), model(x))
    del exported
    gc.collect()


def test_another_default_device() -> None:
    rows = features(2, 0, 3)
    cell = build("lstm")
    torch.set_default_device("meta")  # where nothing can be read: what is made on it by mistake fails
    try:
        ragged = Ragged.from_list(rows)
        y, _ = scan(cell, ragged)
        assert plan_of(cell).program is not None
        padded, lengths = y.to_padded()
        assert lengths.tolist() == [2, 0, 3]
        assert [len(row) for row in y.reversed().to_list()] == [2, 0, 3]
        assert Ragged.from_padded(padded, lengths).last().device.type == "cpu"
        assert Ragged.from_padded(padded, [2, 0, 3]).to_padded()[0].device.type == "cpu"
    finally:
        torch.set_default_device("cpu")


def test_draws_for_weights_are_once_a_run_where_a_parametrisation_makes_them() -> None:
    class Noisy(Both):
        def new(self, total: Tensor, h: Tensor) -> Tensor:
            return torch.tanh(total + h @ (self.hidden.weight + torch.randn_like(self.hidden.weight)))

    reason = plan_of(Noisy(3, 4)).reason
    assert reason == "the step draws random numbers for its weights, anew at every step"
    dropped = cells.WeightDrop(cells.GRU(3, 4), 0.5).train()
    assert plan_of(dropped).program is not None
