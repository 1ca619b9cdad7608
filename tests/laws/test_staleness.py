"""A program never outlives what it was read from, and keeps nothing alive."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from recurra import cells, scan
from recurra.cells import Cell
from recurra.loop.plan import plan_of
from tests.laws.loops import assert_same, by_hand, by_scan
from tests.laws.table import build, features
from tests.laws.user_cells import Both


class Options:
    def __init__(self) -> None:
        self.slope = 0.1


class Doubling(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


class Tuned(Both):
    """A step that reads settings of every kind."""

    def more(self, hidden_size: int) -> None:
        self.slope = 0.1
        self.table = {"slope": [0.1]}
        self.array = np.full(2000, 0.1)
        self.held = Options()
        self.named = SimpleNamespace(slope=0.1)
        self.function = torch.tanh
        self.again = nn.Linear(hidden_size, hidden_size, bias=False)
        self.again.weight = self.hidden.weight
        self.inner = nn.Dropout(0.0)
        self.inner.slope = 0.1

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        slope = (
            self.slope * self.table["slope"][0] * float(self.array[1000]) * self.held.slope * self.named.slope
        )
        return self.function(total * (1e5 * slope * self.inner.slope + 0.3 * self.training) + self.again(h))


def _set(owner: Callable[[Any], Any], name: str, value: Any) -> Callable[[Any], None]:
    return lambda cell: setattr(owner(cell), name, value)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "attribute": _set(lambda cell: cell, "slope", 0.5),
    "in a dictionary": lambda cell: cell.table["slope"].__setitem__(0, 0.5),
    "in an array": lambda cell: cell.array.__setitem__(1000, 0.5),
    "of an object": _set(lambda cell: cell.held, "slope", 0.5),
    "of a namespace": _set(lambda cell: cell.named, "slope", 0.5),
    "of a part": _set(lambda cell: cell.inner, "slope", 0.5),
    "a function": _set(lambda cell: cell, "function", torch.sigmoid),
    "training": lambda cell: cell.train(),
    "untied": lambda cell: setattr(cell.again, "weight", nn.Parameter(torch.randn(4, 4).double())),
    "parametrised": lambda cell: parametrize.register_parametrization(cell.input, "weight", Doubling()),
    "a part replaced": lambda cell: setattr(cell, "input", nn.Linear(3, 4, bias=False).double()),
    "weights in place": lambda cell: cell.hidden.weight.data.mul_(2),
    "weights loaded": lambda cell: cell.load_state_dict(copied(cell, 3)),
    "a hook": lambda cell: cell.hidden.register_forward_hook(lambda module, args, made: made + 1),
    "single precision": lambda cell: cell.float(),
}


def copied(cell: nn.Module, factor: float) -> dict[str, Tensor]:
    return {name: held * factor for name, held in cell.state_dict().items()}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_takes_effect(change: str, engine: str) -> None:
    cell = Tuned(3, 4).double().eval()
    rows = features(3, 2)
    before = by_scan(cell, rows, cell.initial_state(2))
    assert_same(before, by_hand(cell, rows, cell.initial_state(2)))
    CHANGES[change](cell)
    if change == "single precision":
        rows = [row.float() for row in rows]
        found, wanted = (run(cell, rows, cell.initial_state(2)) for run in (by_scan, by_hand))
        assert found[0][0].dtype == torch.float32
        torch.testing.assert_close(found[0], wanted[0])
        return
    after = by_scan(cell, rows, cell.initial_state(2))
    assert_same(after, by_hand(cell, rows, cell.initial_state(2)))
    assert not torch.allclose(after[0][0], before[0][0])


def test_the_same_cell_is_traced_once() -> None:
    for name in ("lstm", "zoneout", "parametrised", "buffered", "cumulative", "keeping"):
        cell = build(name)
        first = plan_of(cell)
        assert cell.output_size
        scan(cell, torch.stack(features(3, 3, size=cell.input_size)))
        assert plan_of(cell) is first
        cell.train()
        assert plan_of(cell) is not first
        cell.eval()
        assert plan_of(cell) is first


def test_settings_that_change_at_every_run_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recurra.tracing.memory._MOST", 3)
    cell = Tuned(3, 4).double()
    refs = []
    for k in range(8):
        cell.slope = float(k)
        refs.append(weakref.ref(plan_of(cell)))
    gc.collect()
    assert sum(ref() is not None for ref in refs) <= 3


class SelfHeld(Both):
    """Attributes that lead back to the cell."""

    def more(self, hidden_size: int) -> None:
        self.method = self.squash
        self.closure = lambda total: self.squash(total + self.hidden(total))

    def squash(self, total: Tensor) -> Tensor:
        return torch.tanh(total)

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        return self.closure(total) + self.method(h)


@pytest.mark.parametrize("make", [lambda: cells.LSTM(3, 4), lambda: SelfHeld(3, 4)])
def test_a_plan_keeps_no_cell_alive(make: Callable[[], Cell]) -> None:
    cell = make()
    y, state = scan(cell, torch.zeros(2, 3, 3))
    assert plan_of(cell).program is not None
    ref = weakref.ref(cell)
    del cell, y, state
    gc.collect()
    assert ref() is None


@pytest.mark.parametrize("name", ["lstm", "zoneout of dropout", "ten lines", "matrix state", "learnt start"])
def test_copies_and_pickles_run_alike(name: str) -> None:
    cell = build(name)
    x = torch.stack(features(4, 4))
    wanted = scan(cell, x)[0]
    for other in (copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))):
        assert torch.equal(scan(other, x)[0], wanted)
        assert other.config.keys() == cell.config.keys()
        other.load_state_dict(copied(other, 2))
        assert not torch.equal(scan(other, x)[0], wanted)
    assert torch.equal(scan(cell, x)[0], wanted)


def test_tracing_leaves_no_mark() -> None:
    class Marking(Both):
        def more(self, hidden_size: int) -> None:
            self.count, self.seen, self.last = 0, [], None
            self.register_buffer("mean", torch.zeros(hidden_size))
            self.register_buffer("steps", torch.zeros(()))

        def new(self, total: Tensor, h: Tensor) -> Tensor:
            self.count += 1
            self.seen.append(h)
            self.last = h
            self.mean = 0.9 * self.mean + 0.1 * h.detach().mean(0)
            self.steps += 1
            return torch.tanh(total + self.mean)

    cell = Marking(3, 4)
    random = torch.get_rng_state()
    plan = plan_of(cell)
    assert (cell.output_size, cell.count, cell.seen, cell.last) == (4, 0, [], None)
    assert cell.steps == 0
    assert not cell.mean.any()
    assert torch.equal(torch.get_rng_state(), random)
    for name in ("count", "seen", "last", "mean"):
        assert name in plan.reason
    scan(cell, torch.randn(2, 5, 3))
    assert (cell.count, len(cell.seen), float(cell.steps)) == (5, 5, 5.0)
    assert plan_of(cell) is plan


def test_a_count_of_steps_in_python_counts_them() -> None:
    class Clocked(Both):
        def more(self, hidden_size: int) -> None:
            self.clock = 0

        def new(self, total: Tensor, h: Tensor) -> Tensor:
            self.clock += 1
            return torch.tanh(total) if self.clock % 2 else h

    cell = Clocked(3, 4)
    y, _ = scan(cell, torch.randn(1, 6, 3))
    assert [torch.equal(y[0, t], y[0, t - 1]) for t in range(1, 6)] == [True, False, True, False, True]
    assert cell.clock == 6


def test_hooks_of_parts_are_called_at_every_step() -> None:
    cell = cells.GRU(3, 4)
    scan(cell, torch.zeros(2, 5, 3))
    shapes: list[Any] = []
    handle = cell.hidden.register_forward_hook(lambda module, args, made: shapes.append(tuple(made.shape)))
    assert plan_of(cell).reason == "hidden has hooks, which only a plain loop calls"
    scan(cell, torch.zeros(2, 5, 3))
    assert shapes == [(2, 12)] * 5
    handle.remove()
    assert plan_of(cell).program is not None


@pytest.mark.parametrize("name", ["layer_norm_lstm", "parametrised", "cumulative"])
def test_threads_meet_a_cell_for_the_first_time_together(name: str) -> None:
    cell = build(name)
    x = torch.stack(features(4, 4))
    wanted = torch.stack(by_hand(cell, list(x), cell.initial_state(2))[0])
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(torch.allclose(scan(cell, x)[0], wanted))
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8


def test_a_program_read_inside_cached_weights_does_not_keep_them() -> None:
    cell = build("parametrised")
    x = torch.stack(features(3, 3))
    with parametrize.cached():
        held = scan(cell, x)[0]
    assert torch.equal(scan(cell, x)[0], held)
    cell.load_state_dict(copied(cell, 1.5))
    assert_same(by_scan(cell, list(x), cell.initial_state(2)), by_hand(cell, list(x), cell.initial_state(2)))
