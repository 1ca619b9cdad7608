"""A program never outlives what it was read from, and keeps nothing alive."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from recurra import Stepper, Stream, cells, explain, scan
from recurra.cells import Cell
from recurra.errors import Fault
from recurra.layers import Recurrent
from recurra.loop.plan import plan_of
from recurra.nn import GRU
from tests.laws.loops import assert_same, by_hand, by_scan
from tests.laws.table import build, features
from tests.laws.user_cells import Both

SCALE = 0.1
"""What a step reads of its module of Python's."""


class Options:
    shared = 0.1

    def __init__(self) -> None:
        self.slope = 0.1


class Slotted:
    __slots__ = ("__hidden", "slope")

    def __init__(self) -> None:
        self.slope = self.__hidden = 0.1

    def hidden(self) -> float:
        return self.__hidden


@dataclass
class Level:
    slope: float = 0.1
    below: Level | None = None


class Doubling(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


def helper(value: float) -> float:
    return value * SCALE


def enclosing(slope: float) -> tuple[Callable[[], float], Callable[[float], None]]:
    def get() -> float:
        return slope

    def put(value: float) -> None:
        nonlocal slope
        slope = value

    return get, put


class Tuned(Both):
    """A step that reads settings of every kind."""

    __slots__ = ("own_slot",)
    constant = 0.1
    listed = (0.1,)

    def more(self, hidden_size: int) -> None:
        self.slope = self._slope = 0.1
        self.own_slot = 1.0
        self.pair = (0.1, 0.2)
        self.switch: bool | None = None
        self.table = {"slope": [0.1]}
        self.array = np.full(2000, 0.1)
        self.options = Options()
        self.named = SimpleNamespace(slope=0.1)
        self.slotted = Slotted()
        self.deep = Level(below=Level(below=Level(below=Level(below=Level()))))
        self.row = deque([0.1])
        self.function = torch.tanh
        self.get, self.put = enclosing(0.1)
        self.part = partial(pow, 10.0)
        self.again = nn.Linear(hidden_size, hidden_size, bias=False)
        self.again.weight = self.hidden.weight
        self.inner = nn.Dropout(0.0)
        self.inner.slope = 0.1
        self.unread = 0
        self.register_buffer("shift", torch.full((hidden_size,), 0.1))

    def factor(self) -> float:
        return 10.0 * self.slotted.slope

    @property
    def mode(self) -> float:
        return 30.0 if self.switch else 10.0

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        slope = self.slope * self.table["slope"][0] * float(self.array[1000]) * self.options.slope
        slope *= 1e5 * self.named.slope * self._slope * self.pair[0] * self.slotted.hidden()
        slope *= 1e5 * self.deep.below.below.below.below.slope * self.row[0] * self.options.shared
        slope *= 1e4 * self.constant * self.listed[0] * self.factor() * self.mode * helper(1.0) * self.get()
        total = total * (
            10 * self.own_slot * self.part(-1.0) * slope * self.inner.slope + 0.3 * self.training
        )
        return self.function(total + self.again(h)) + self.shift


def _set(owner: Callable[[Any], Any], name: str, value: Any) -> Callable[[Any], None]:
    return lambda cell: setattr(owner(cell), name, value)


def of_class(cell: nn.Module, name: str, value: Any) -> None:
    setattr(type(cell), name, value)


def each(change: Callable[[Tensor], Any]) -> Callable[[nn.Module], None]:
    def to_all(cell: nn.Module) -> None:
        for parameter in cell.parameters():
            change(parameter.data)

    return to_all


WEIGHTS: dict[str, Callable[[Any], Any]] = {
    "in place": lambda cell: [parameter.mul_(2) for parameter in cell.parameters()],
    "an average through .data": each(lambda numbers: numbers.lerp_(torch.ones_like(numbers), 0.5)),
    "clipped through .data": each(lambda numbers: numbers.clamp_(-0.05, 0.05)),
    "one number through .data": each(lambda numbers: numbers.view(-1)[0].add_(3.0)),
    "other .data": lambda cell: [setattr(p, "data", 2 * p.data) for p in cell.parameters()],
    "loaded": lambda cell: cell.load_state_dict(copied(cell, 3)),
    "loaded by assignment": lambda cell: cell.load_state_dict(copied(cell, 3), assign=True),
    "drawn anew": each(lambda numbers: numbers.normal_()),
}

CHANGES: dict[str, Callable[[Any], Any]] = {
    "attribute": _set(lambda cell: cell, "slope", 0.5),
    "a private attribute": _set(lambda cell: cell, "_slope", 0.5),
    "a tuple": _set(lambda cell: cell, "pair", (0.5, 0.2)),
    "none becomes true": _set(lambda cell: cell, "switch", True),
    "in a dictionary": lambda cell: cell.table["slope"].__setitem__(0, 0.5),
    "in an array": lambda cell: cell.array.__setitem__(1000, 0.5),
    "in a queue": lambda cell: cell.row.__setitem__(0, 0.5),
    "of an object": _set(lambda cell: cell.options, "slope", 0.5),
    "of an object's class, by the object": _set(lambda cell: cell.options, "shared", 0.5),
    "of an object's class": lambda cell: setattr(type(cell.options), "shared", 0.5),
    "of a namespace": _set(lambda cell: cell.named, "slope", 0.5),
    "in a slot of its own": _set(lambda cell: cell, "own_slot", 0.5),
    "in slots": _set(lambda cell: cell.slotted, "slope", 0.5),
    "in private slots": _set(lambda cell: cell.slotted, "_Slotted__hidden", 0.5),
    "five levels deep": _set(lambda cell: cell.deep.below.below.below.below, "slope", 0.5),
    "of a part": _set(lambda cell: cell.inner, "slope", 0.5),
    "of the class": lambda cell: of_class(cell, "constant", 0.5),
    "in a tuple of the class": lambda cell: of_class(cell, "listed", (0.5,)),
    "a method of the class": lambda cell: of_class(cell, "factor", lambda self: 5.0),
    "a property of the class": lambda cell: of_class(cell, "mode", property(lambda self: 2.0)),
    "the step of the class": lambda cell: of_class(cell, "new", lambda self, total, h: torch.sin(total)),
    "the code of a method": lambda cell: setattr(type(cell).factor, "__code__", (lambda self: 5.0).__code__),
    "the class": lambda cell: setattr(cell, "__class__", Other),
    "a global": lambda cell: setattr(sys.modules[__name__], "SCALE", 0.5),
    "a global function": lambda cell: setattr(sys.modules[__name__], "helper", lambda value: 0.5),
    "what a function encloses": lambda cell: cell.put(0.5),
    "a partial function": _set(lambda cell: cell, "part", partial(pow, 20.0)),
    "a function": _set(lambda cell: cell, "function", torch.sigmoid),
    "a function of one's own": lambda cell: setattr(cell, "function", lambda total: 2 * total),
    "untied": lambda cell: setattr(cell.again, "weight", nn.Parameter(torch.randn_like(cell.again.weight))),
    "parametrised": lambda cell: parametrize.register_parametrization(cell.input, "weight", Doubling()),
    "a part replaced": lambda cell: setattr(cell, "input", nn.Linear(3, 4, bias=False).to(cell.shift.dtype)),
    "a buffer replaced": lambda cell: setattr(cell, "shift", torch.ones_like(cell.shift)),
    "a hook": lambda cell: cell.hidden.register_forward_hook(lambda module, args, y: y + 1),
    **{f"weights {name}": change for name, change in WEIGHTS.items()},
}


def change(cell: Any, name: str) -> None:
    """Makes a change to a cell whose numbers are to be read."""
    with torch.no_grad():
        CHANGES[name](cell)


@pytest.fixture
def tuned() -> Iterator[Tuned]:
    """A cell of a class of its own, that may be changed; what surrounds it is put back."""
    here = sys.modules[__name__]
    surroundings = SCALE, helper, Options.shared
    torch.manual_seed(0)
    own = dict(Tuned.__dict__, factor=FunctionType(Tuned.factor.__code__, globals()))
    for name in ("own_slot", "__dict__", "__weakref__"):
        own.pop(name, None)
    yield type("Tuned", (Both,), own)(3, 4).eval()
    here.SCALE, here.helper, Options.shared = surroundings  # type: ignore[attr-defined]


def copied(cell: nn.Module, factor: float) -> dict[str, Tensor]:
    return {name: held * factor for name, held in cell.state_dict().items()}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_takes_effect(name: str, engine: str, tuned: Tuned) -> None:
    cell = tuned.double()
    rows = features(3, 2)
    before = by_scan(cell, rows, cell.initial_state(2))
    assert_same(before, by_hand(cell, rows, cell.initial_state(2)))
    change(cell, name)
    after = by_scan(cell, rows, cell.initial_state(2))
    assert_same(after, by_hand(cell, rows, cell.initial_state(2)))
    assert not torch.allclose(after[0][0], before[0][0])


@pytest.mark.parametrize("mode", ["training", "single precision"])
def test_every_mode_has_its_own_program(mode: str, engine: str, tuned: Tuned) -> None:
    cell = tuned.double()
    rows = features(3, 2)
    by_scan(cell, rows, cell.initial_state(2))
    if mode == "training":
        cell.train()
    else:
        cell.float()
        rows = [row.float() for row in rows]
    y, wanted = (run(cell, rows, cell.initial_state(2))[0] for run in (by_scan, by_hand))
    assert y[0].dtype == rows[0].dtype
    torch.testing.assert_close(y, wanted)


Run = Callable[[Tensor], Tensor]
"""`[1, T, 3]` -> `[1, T, 4]`, from a fresh state."""


def by_layer(cell: Cell) -> Run:
    layer = Recurrent(cell)
    return lambda x: layer(x)[0]


def by_stream(cell: Cell) -> Run:
    stream = Stream(Recurrent(cell))

    def run(x: Tensor) -> Tensor:
        stream.reset()
        return stream.feed(x)

    return run


def by_pieces(cell: Cell) -> Run:
    """Without a reset after the change."""
    stream = Stream(Recurrent(cell))
    start = stream.state

    def run(x: Tensor) -> Tensor:
        stream.state = start
        return torch.cat([stream.feed(x[:, t : t + 1]) for t in range(x.shape[1])], 1)

    return run


def hooked(cell: Cell) -> bool:
    return any(part._forward_hooks for part in cell.modules())


def by_stepper(cell: Cell) -> Run:
    """A new one, as it reads its weights once."""

    def run(x: Tensor) -> Tensor:
        if hooked(cell):
            with pytest.raises(Fault, match="hooks"):
                Stepper(cell)
            return by_layer(cell)(x)
        return torch.from_numpy(Stepper(cell).block(x.numpy()))

    return run


def by_graph(cell: Cell) -> Run:
    torch._dynamo.reset()
    layer = Recurrent(cell)
    whole = torch.compile(lambda x: layer(x)[0], backend="eager", fullgraph=True)

    def run(x: Tensor) -> Tensor:
        if hooked(cell):  # a graph can't call them
            with pytest.raises(Exception):  # noqa: B017, PT011
                whole(x)
            return by_layer(cell)(x)
        return whole(x)

    return run


WAYS = {run.__name__: run for run in (by_layer, by_stream, by_pieces, by_stepper, by_graph)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CHANGES)
def test_every_change_takes_effect_in_every_way(name: str, way: str, tuned: Tuned) -> None:
    x = torch.randn(1, 4, 3)
    with torch.no_grad():
        run = WAYS[way](tuned)
        before = run(x)
        change(tuned, name)
        wanted = torch.stack(by_hand(tuned, list(x), tuned.initial_state(1))[0])
        torch.testing.assert_close(run(x), wanted, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(before, wanted, rtol=1e-3)


@pytest.mark.parametrize("name", WEIGHTS)
def test_every_change_of_a_drop_in_takes_effect(name: str) -> None:
    torch.manual_seed(0)
    ours, theirs = GRU(3, 4, num_layers=2), nn.GRU(3, 4, num_layers=2)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(5, 2, 3)
    before = ours(x)[0]
    for module in (ours, theirs):
        torch.manual_seed(1)
        with torch.no_grad():
            WEIGHTS[name](module)
    torch.testing.assert_close(ours(x)[0], theirs(x)[0], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(ours(x)[0], before)


class Other(Tuned):
    constant = 0.3


def test_what_a_step_does_not_read_may_change(tuned: Tuned) -> None:
    plan = plan_of(tuned)
    assert plan.program is not None
    graph = by_graph(tuned)
    stream = Stream(Recurrent(tuned))
    path, native = stream.path, stream._runner._way
    for k in range(30):
        tuned.unread = k
        tuned.fresh = k
        tuned.options.unread = k
        of_class(tuned, "unread_too", k)
        assert plan_of(tuned) is plan
        stream.feed(torch.zeros(3))
    assert stream.path == path
    assert stream._runner._way is native
    with torch._dynamo.config.patch(recompile_limit=1), torch.no_grad():
        for k in range(3):
            tuned.unread = -k
            graph(torch.zeros(1, 2, 3))


def test_a_setting_that_changes_at_every_run_ends_in_the_plain_loop(tuned: Tuned) -> None:
    x = torch.randn(1, 3, 3)
    for k in range(30):
        tuned.slope = 0.01 * k
        y, _ = scan(tuned, x)
        torch.testing.assert_close(y, torch.stack(by_hand(tuned, list(x), tuned.initial_state(1))[0]))
    assert plan_of(tuned).reason.startswith(
        "the step reads what was another at each of the last runs, and was traced anew every time: slope;"
    )
    assert "traced anew every time: slope;" in str(explain(tuned))


def test_settings_that_change_now_and_then_have_programs(tuned: Tuned) -> None:
    for k in range(20):
        tuned.slope = 0.01 * k
        for _ in range(40):
            plan_of(tuned)
    assert plan_of(tuned).program is not None


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
