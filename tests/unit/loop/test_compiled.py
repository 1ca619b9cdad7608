"""torch.compile, torch.export and vmap of models with recurrent layers."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from functorch.compile import make_boxed_func
from torch import Tensor, fx, nn
from torch._dynamo.backends.common import aot_autograd

from recurra import cells, scan, strict
from recurra.engines.choice import _engine
from recurra.errors import Fault
from recurra.layers import Recurrent
from recurra.loop import compiled as recorded_calls
from recurra.loop.compiled import recordable
from recurra.loop.plan import plan_of
from recurra.ragged import Ragged

pytestmark = pytest.mark.skipif(isinstance(_engine("native"), str), reason="the native library is not built")


class Model(nn.Module):
    """A layer among other things."""

    def __init__(self, cell: cells.Cell, reverse: bool = False, ragged: bool = False) -> None:
        super().__init__()
        self.layer = Recurrent(cell, reverse)
        self.head = nn.Linear(4, 2)
        self.ragged = ragged

    def forward(self, x: Tensor) -> Tensor:
        if self.ragged:
            y, state = self.layer(Ragged.from_dense(x))
            return self.head(torch.tanh(y.data)).sum(0) + state[0].sum()
        y, state = self.layer(x)
        return self.head(y).sum(0) + state[0].sum()


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    torch._dynamo.reset()
    monkeypatch.delenv("RECURRA_ENGINE", raising=False)


def outcome(run: Callable[[Tensor], Tensor], model: nn.Module, steps: int) -> tuple[Tensor, ...]:
    x = torch.randn(3, steps, 3, generator=torch.Generator().manual_seed(1), requires_grad=True)
    y = run(x)
    return y, *torch.autograd.grad(y.square().sum(), [x, *model.parameters()])


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cell", [cells.LSTM, cells.GRU, cells.LayerNormLSTM])
def test_values_and_gradients(cell: Any, reverse: bool, ragged: bool) -> None:
    model = Model(cell(3, 4), reverse, ragged)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    for one, other in zip(outcome(compiled, model, 7), outcome(model, model, 7), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.slow
def test_the_backend_that_makes_code() -> None:
    model = Model(cells.LSTM(3, 4))
    compiled = torch.compile(model, fullgraph=True, backend="inductor")
    for one, other in zip(outcome(compiled, model, 7), outcome(model, model, 7), strict=True):
        torch.testing.assert_close(one, other)


def recorded(steps: int) -> list[int]:
    """Nodes of each recorded graph, forward and backward."""
    counts: list[int] = []

    def count(graph: fx.GraphModule, inputs: Any) -> Any:
        counts.append(len(graph.graph.nodes))
        return make_boxed_func(graph.forward)

    torch._dynamo.reset()
    model = Model(cells.LSTM(3, 4))
    outcome(torch.compile(model, fullgraph=True, backend=aot_autograd(fw_compiler=count)), model, steps)
    return counts


def test_the_graph_does_not_grow_with_time() -> None:
    short = recorded(10)
    assert len(short) == 2
    assert recorded(200) == short


class Scaled(cells.GRU):
    scale = 1.0

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        y, state = super().step(x, state)
        return (y if self.training else self.scale * y), state


def test_a_change_of_the_cell_is_seen() -> None:
    cell = Scaled(3, 4)
    cell.scale = 2.0
    model = Model(cell)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    x = torch.randn(2, 5, 3)
    values = [compiled(x)]
    model.eval()
    values.append(compiled(x))
    torch.testing.assert_close(values[1], model(x))
    cell.scale = 3.0
    torch.testing.assert_close(compiled(x), model(x))
    assert not torch.equal(*values)


def test_a_plan_stays_while_its_cell_lives_and_a_graph_that_outlives_it_says_so() -> None:
    calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    def keep(graph: fx.GraphModule, inputs: Any) -> Any:
        def run(*args: Any) -> Any:
            calls.append((graph.forward, args))
            return graph.forward(*args)

        return run

    model = Model(cells.LSTM(3, 4))
    x = torch.randn(2, 5, 3)
    with torch.no_grad():
        y = torch.compile(model, fullgraph=True, backend=keep)(x)
        (graph, args), number = calls.pop(), plan_of(model.layer.cell).number
        assert recorded_calls._PLANS[number] is plan_of(model.layer.cell)
        assert torch.equal(graph(*args)[0], y)
        torch._dynamo.reset()
        del model
        gc.collect()
        assert number not in recorded_calls._PLANS
        with pytest.raises(
            Fault, match="outlived the cell that it was recorded with: compile the model anew"
        ):
            graph(*args)


def test_a_plan_that_a_graph_names_outlives_newer_ones_of_its_cell() -> None:
    cell = Scaled(3, 4)
    first = plan_of(cell)
    assert recordable(id(cell)).number == recordable(id(cell)).number == first.number
    for k in range(20):
        cell.scale = float(k + 2)
        assert plan_of(cell).number != first.number
    assert recorded_calls._PLANS[first.number] is first


def test_strictness_and_resets() -> None:
    cell = cells.GRU(3, 4)
    flags = torch.zeros(2, 5, dtype=torch.bool)
    flags[0, 3] = True

    def run(x: Tensor) -> Tensor:
        return scan(cell, x, resets=flags, strict=True)[0]

    x = torch.randn(2, 5, 3)
    with strict():
        torch.testing.assert_close(torch.compile(run, fullgraph=True, backend="aot_eager")(x), run(x))


def exported_nodes(steps: int) -> list[str]:
    model = Model(cells.LSTM(3, 4)).eval()
    x = torch.randn(2, steps, 3)
    with torch.no_grad():
        exported = torch.export.export(model, (x,))
        torch.testing.assert_close(exported.module()(x), model(x))
    return [str(node.target) for node in exported.graph.nodes]


def test_export_holds_one_node_for_the_loop() -> None:
    nodes = exported_nodes(10)
    assert sum("recurra.loop" in target for target in nodes) == 1
    assert len(exported_nodes(50)) == len(nodes)


@pytest.mark.parametrize("compiled", [False, True])
def test_vmap_over_gradients_of_each_row(compiled: bool) -> None:
    model = Model(cells.LSTM(3, 4))
    x = torch.randn(4, 5, 3)
    parameters = {name: weight.detach() for name, weight in model.named_parameters()}

    def loss(weights: dict[str, Tensor], row: Tensor) -> Tensor:
        return torch.func.functional_call(model, weights, (row.unsqueeze(0),)).square().sum()

    per_row = torch.func.vmap(torch.func.grad(loss), (None, 0))
    if compiled:
        per_row = torch.compile(per_row, fullgraph=True, backend="aot_eager")
    each = per_row(parameters, x)
    for k, row in enumerate(x):
        alone = torch.autograd.grad(model(row.unsqueeze(0)).square().sum(), list(model.parameters()))
        for one, other in zip(each.values(), alone, strict=True):
            torch.testing.assert_close(one[k], other)


@pytest.mark.gpu
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
@pytest.mark.parametrize("cell", [cells.LSTM, cells.PeepholeLSTM])
def test_on_a_gpu(cell: Any, backend: str) -> None:
    model = Model(cell(3, 4)).cuda()
    compiled = torch.compile(model, fullgraph=True, backend=backend)

    def there(run: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
        return outcome(lambda x: run(x.cuda()), model, 5)

    for one, other in zip(there(compiled), there(model), strict=True):
        torch.testing.assert_close(one, other)
