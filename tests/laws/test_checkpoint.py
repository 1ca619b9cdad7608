"""Computing segments again changes neither a value nor a gradient; only the memory is less."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from recurra import cells, scan
from recurra.cells import Cell
from recurra.errors import Fault
from recurra.layers import Recurrent
from recurra.ragged import Ragged
from recurra.state import named_leaves
from tests.laws.loops import assert_same, random_state
from tests.laws.table import CELLS, REGISTERED, TRACED, build, features
from tests.laws.user_cells import Cumulative

LENGTHS = (3, 0, 5, 1, 5, 2)
RUN_TWICE = [name for name in CELLS if name != "keeping"]


def run(cell: Cell, given: tuple[Any, ...], every: int | None) -> tuple[list[Tensor], Any]:
    rows, state, reverse, flags = given
    resets = None if flags is None else Ragged.from_list(flags)
    y, final = scan(
        cell, Ragged.from_list(rows), state, reverse=reverse, resets=resets, checkpoint_every=every
    )
    return y.to_list(), final


@pytest.mark.parametrize("name", RUN_TWICE)
def test_values_and_gradients(name: str, engine: str) -> None:
    """In double: weights' gradients are added up by segments, in another order than over all of time."""
    cell = build(name)
    rows = [row.requires_grad_() for row in features(*LENGTHS, size=cell.input_size)]
    state = random_state(cell, len(rows))
    flags = [torch.rand(len(row)) < 0.4 for row in rows]
    inputs = [*rows, *named_leaves(state).values(), *cell.parameters()]
    for every, reverse, resets in ((2, False, None), (3, True, flags)):
        given = (rows, state, reverse, resets)
        assert_same(run(cell, given, every), run(cell, given, None), inputs)


@pytest.mark.parametrize("name", ["lstm", "jordan", "data-dependent"])
def test_segments_of_any_length(name: str, engine: str) -> None:
    cell = build(name)
    x = torch.stack(features(5, 5, size=cell.input_size)).requires_grad_()
    for every in (1, 4, 5, 6, 100):
        y, state = scan(cell, x)
        z, other = scan(cell, x, checkpoint_every=every)
        assert_same((list(z), other), (list(y), state), [x, *cell.parameters()])


@pytest.mark.parametrize("shape", [(2, 0, 3), (0, 5, 3)])
def test_without_steps_or_rows(shape: tuple[int, int, int], engine: str) -> None:
    cell = cells.LSTM(3, 4)
    y, state = scan(cell, torch.zeros(shape), checkpoint_every=2)
    assert y.shape == (*shape[:2], 4)
    assert state.c.shape == (shape[0], 4)


@pytest.mark.parametrize(
    "name",
    [name for name in REGISTERED if name.split()[0] in ("variational_dropout", "zoneout", "weight_drop")],
)
def test_what_is_drawn_is_drawn_again_alike(name: str, engine: str) -> None:
    cell = build(name).train()
    x = torch.stack(features(4, 4)).requires_grad_()

    def drawn(x: Tensor) -> Tensor:
        torch.manual_seed(3)
        y, state = scan(cell, x, checkpoint_every=2)
        return y.sum() + y.square().sum() + sum(s.sum() for s in named_leaves(state).values())

    assert torch.autograd.gradcheck(drawn, [x])
    total = drawn(x)
    after = torch.get_rng_state()
    total.backward()
    assert torch.equal(torch.get_rng_state(), after)


@pytest.mark.parametrize("name", ["gru", "layer_norm_lstm", "cumulative"])
def test_gradients_of_gradients(name: str, engine: str) -> None:
    cell = build(name)
    x = torch.stack(features(4, 4)).requires_grad_()

    def weighed(x: Tensor) -> Tensor:
        return scan(cell, x, checkpoint_every=3)[0].square().sum()

    assert torch.autograd.gradgradcheck(weighed, [x])


def test_under_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain loop rounds its products; a second run rounds alike, and cast weights keep gradients."""
    monkeypatch.setenv("RECURRA_ENGINE", "eager")
    cell = build("lstm", torch.float32)
    x = torch.stack(features(6, 6, dtype=torch.float32))

    def found(every: int | None) -> list[Tensor]:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y, _ = scan(cell, x, checkpoint_every=every)
            total = y.float().square().sum()
        return [y, *torch.autograd.grad(total, list(cell.parameters()))]

    for one, other in zip(found(2), found(None), strict=True):
        torch.testing.assert_close(one, other, rtol=0.02, atol=0.02)


def test_frozen_weights_and_inputs(engine: str) -> None:
    cell = build("lstm")
    cell.input.requires_grad_(False)
    x = torch.stack(features(4, 4))
    given = (list(x), cell.initial_state(2), False, None)
    assert_same(run(cell, given, 2), run(cell, given, None), list(cell.parameters()))
    cell.requires_grad_(False)
    assert not scan(cell, x, checkpoint_every=2)[0].requires_grad
    x.requires_grad_()
    assert_same(run(cell, (list(x), *given[1:]), 2), run(cell, (list(x), *given[1:]), None), [x])


def kept(cell: Cell, steps: int, every: int) -> int:
    """Bytes that a run leaves for its backward pass, beside x, y and weights."""
    x = Ragged.from_dense(torch.stack(features(steps, steps, size=cell.input_size)))
    seen: dict[int, int] = {}

    def pack(t: Tensor) -> Tensor:
        seen[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        y, _ = scan(cell, x, checkpoint_every=every)
    own = {t.untyped_storage().data_ptr() for t in (x.data, y.data, *cell.parameters())}
    return sum(size for place, size in seen.items() if place not in own)


@pytest.mark.parametrize("name", [*REGISTERED, *TRACED])
def test_it_keeps_the_state_at_borders_alone(name: str, engine: str) -> None:
    """Whatever comes before or after the loop, and however long the segments are."""
    cell = build(name)
    least = kept(cell, 10, 10)
    two = 2 * sum(leaf[:1].nbytes for leaf in named_leaves(cell.initial_state(2)).values())
    assert kept(cell, 20, 10) <= least + two
    assert kept(cell, 60, 30) <= least + two


def test_layers_take_it(engine: str) -> None:
    torch.manual_seed(0)
    layer = Recurrent(cells.GRU(3, 4), checkpoint_every=2).double()
    x = torch.stack(features(5, 5)).requires_grad_()
    plain = scan(layer.cell, x)
    y, state = layer(x)
    assert_same((list(y), state), (list(plain[0]), plain[1]), [x, *layer.parameters()])
    assert layer.explain_lines() == [
        "training keeps the state every 2 steps and computes the steps between again"
    ]


class Parametrized(Cumulative):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        parametrize.register_parametrization(self.hidden, "weight", nn.Dropout(0.5))


@pytest.mark.parametrize("every", [0, -1, 2.0, True, "2"])
def test_a_number_of_steps(every: Any) -> None:
    for make in (
        lambda: scan(cells.GRU(3, 4), torch.zeros(1, 2, 3), checkpoint_every=every),
        lambda: Recurrent(cells.GRU(3, 4), checkpoint_every=every),
    ):
        with pytest.raises(Fault, match="checkpoint_every is .*, expected a number of steps of at least 1"):
            make()


def test_a_step_that_can_not_run_twice_is_refused() -> None:
    x = torch.zeros(1, 2, 3, dtype=torch.float64)
    with pytest.raises(Fault, match="Keeping: checkpoint_every would run its step twice, but .*changes last"):
        scan(build("keeping"), x, checkpoint_every=1)
    with pytest.raises(Fault, match="twice, but its weights are parametrized"):
        scan(Parametrized(3, 4).double(), x, checkpoint_every=1)
    with torch.no_grad():
        scan(build("keeping"), x, checkpoint_every=1)


def test_transforms_are_refused(engine: str) -> None:
    cell = build("lstm")
    x = torch.stack(features(4, 4))
    with pytest.raises(Fault, match="checkpoint_every: transforms of torch.func .* leave it out"):
        torch.func.grad(lambda x: scan(cell, x, checkpoint_every=2)[0].sum())(x)


def reached(y: Tensor) -> list[str]:
    """The kinds of nodes that a tensor's graph is made of, from its end to its leaves."""
    found, waiting = [], [y.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None:
            found.append(type(node).__name__)
            waiting += [before for before, _ in node.next_functions]
    return found


@pytest.mark.filterwarnings(
    "ignore:The .grad attribute of a Tensor"
)  # torch's own, after a break of the graph
def test_recorded_graphs_leave_it_out() -> None:
    torch._dynamo.reset()
    layer = Recurrent(cells.GRU(3, 4), checkpoint_every=2)
    x = torch.randn(2, 5, 3)
    with pytest.raises(Exception, match="checkpoint_every has no place in a recorded graph"):
        torch.compile(layer, fullgraph=True, backend="eager")(x)
    torch._dynamo.reset()
    broken = torch.compile(layer, backend="eager")(x)[0]
    torch.testing.assert_close(broken, layer(x)[0])
    assert "Checkpointed" in str(reached(broken))
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(layer, fullgraph=True, backend="eager")(x)[0], layer(x)[0])
