"""Threads that trace, train, evaluate, stream and compile side by side, with cells and modules of torch's own
that compute their weights: each result is what a single thread gets, and nothing of the process has changed.
"""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import orthogonal, weight_norm

from recurra import Stream, cells, scan
from recurra.cells import Cell
from recurra.layers import Recurrent
from recurra.loop.plan import plan_of
from tests.laws.table import build
from tests.laws.user_cells import Both, Parametrised

ROUNDS = 12
STEPS = 6


class Opaque(Parametrised):
    """Parametrized, and without a program."""

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(total if float(total.detach().sum()) < 1e9 else 2 * total)


class Gated(nn.Module):
    """A weight that is computed from itself."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight * torch.sigmoid(weight)


class Uncopied(Both):
    """Has what can't be copied, and a function that encloses a part."""

    def more(self, hidden_size: int) -> None:
        self.lock = threading.Lock()
        hidden = self.hidden
        self.enclosing = lambda h: hidden(h)

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(total + self.enclosing(h))


Job = Callable[[int], Any]
"""What one thread does in one round; its result depends on the round alone."""


def x_of(k: int) -> Tensor:
    return torch.randn(2, STEPS, 3, generator=torch.Generator().manual_seed(k))


class Nested(Both):
    """A function that encloses nothing of the cell's, so that copies of it are whole."""

    def more(self, hidden_size: int) -> None:
        self.enclosing = lambda h: h * hidden_size

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(total + self.enclosing(h))


def train(cell: Cell) -> Job:
    parameters = list(cell.parameters())

    def job(k: int) -> Any:
        y, _ = scan(cell, x_of(k))
        assert y.requires_grad
        return [y.detach(), *torch.autograd.grad(y.square().sum(), parameters)]

    return job


def evaluate(cell: Cell) -> Job:
    def job(k: int) -> Any:
        with torch.no_grad():
            y, _ = scan(cell, x_of(k))
        assert not y.requires_grad
        return [y]

    return job


def stream(cell: Cell) -> Job:
    fed = Stream(Recurrent(cell), batch=2)

    def job(k: int) -> Any:
        fed.reset()
        return [torch.cat([fed.feed(x_of(k)[:, t : t + 2]) for t in range(0, STEPS, 2)], 1)]

    return job


def trace() -> Job:
    """Cells that are met for the first time, with and without a program, at each round."""
    examples = [make(3, 4) for make in (cells.GRU, Opaque, Parametrised, Nested)]

    def job(k: int) -> Any:
        outputs = []
        for example in examples:
            cell = copy.deepcopy(example)
            outputs.append(scan(cell, x_of(k))[0].detach())
            assert cell.output_size == 4
        return outputs

    return job


def of_torch() -> Job:
    """Parametrized modules that Recurra never sees."""
    linear = weight_norm(nn.Linear(3, 4))
    parametrize.register_parametrization(linear, "bias", Gated())
    square = orthogonal(nn.Linear(4, 4))

    def job(k: int) -> Any:
        y = square(linear(x_of(k)))
        gradients = torch.autograd.grad(y.sum(), [*linear.parameters(), *square.parameters()])
        return [y.detach(), *gradients]

    return job


def compiled() -> Job:
    run = torch.compile(lambda x: torch.tanh(x) * 2, backend="eager")
    return lambda k: [run(x_of(k))]


def drawing(k: int) -> Any:
    """The one thread that draws from torch's own generator."""
    torch.manual_seed(k)
    return [torch.rand(3), nn.functional.dropout(torch.ones(50))]


def jobs() -> list[Job]:
    shared = [Opaque(3, 4), Parametrised(3, 4), build("weight_drop", torch.float32), Uncopied(3, 4)]
    return [
        *(make(cell) for cell in shared for make in (train, evaluate)),
        *(stream(cell) for cell in shared),
        *(of_torch(), compiled(), drawing, trace(), trace()),
    ]


def test_side_by_side_is_one_by_one() -> None:
    """Everything anew for the threads, which so meet each cell for the first time together."""
    torch.manual_seed(0)
    alone = [[job(k) for k in range(ROUNDS)] for job in jobs()]
    torch.manual_seed(0)
    together = jobs()
    results: list[list[Any]] = [[] for _ in together]
    errors: list[BaseException] = []
    start = threading.Barrier(len(together))

    def run(place: int) -> None:
        try:
            start.wait()
            results[place] = [together[place](k) for k in range(ROUNDS)]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(together))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    for ours, theirs in zip(results, alone, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            for a, b in zip(one, other, strict=True):
                torch.testing.assert_close(a, b)
    assert parametrize._cache_enabled == 0
    assert parametrize._cache == {}
    assert not torch.fx._symbolic_trace._is_fx_tracing_flag
    assert not logging.getLogger("torch._subclasses.fake_tensor").disabled
    assert nn.Module.__call__ is nn.Module.__dict__["_wrapped_call_impl"]


def test_a_callers_cache_of_weights_is_neither_read_nor_replaced() -> None:
    cell = Opaque(3, 4)
    x = x_of(0)
    with parametrize.cached():
        weight = cell.hidden.weight
        scan(cell, x)
        scan(Opaque(3, 4), x)
        assert cell.hidden.weight is weight
    assert parametrize._cache_enabled == 0


@pytest.mark.parametrize("name", ["weight_drop", "zoneout", "lstm", "parametrised"])
def test_tracing_draws_nothing(name: str) -> None:
    cell = build(name).train()
    state = torch.get_rng_state()
    assert plan_of(cell).program is not None
    assert cell.output_size
    assert torch.equal(torch.get_rng_state(), state)
