"""The native engine folds as the plain loop does: over random forests, with cells that no one wrote, on any
number of threads, and told to do so.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor

from recurra import Fault, Forest, TreeCell, cells, explain, fold, strict
from recurra.loop.fold_run import fold_engine_for
from recurra.loop.tree_plan import tree_plan_of
from recurra.state import map_state, named_leaves
from tests.laws.forests import random_forest
from tests.laws.generated import Generated, choose_gradients
from tests.laws.table_trees import EVERY, IN, TRACED, TREES, UNTRACED

pytest.importorskip("recurra.engines.native.engine", reason="the native library is not built")

TINY = {"rtol": 1e-9, "atol": 1e-11}


class TwoSlots(TreeCell):
    """Random operations on either child, mixed."""

    slots = 2

    def __init__(self, seed: int) -> None:
        self.inner = Generated(seed)
        self.input_size, self.State = self.inner.input_size, self.inner.State

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return self.inner.state_sizes()

    def step(self, x: Tensor, left: Any, right: Any) -> tuple[Tensor, Any]:
        one, of_left = self.inner.step(x, left)
        other, of_right = self.inner.step(x, right)
        return one - 2 * other, map_state(lambda a, b: torch.tanh(a - 0.5 * b), of_left, of_right)


class AnyArity(TwoSlots):
    """As `TwoSlots`, of sums."""

    slots = None  # type: ignore[assignment]

    def edge(self, x: Tensor, child: Any) -> Any:
        y, state = self.inner.step(x, child)
        return {"y": y, **named_leaves(state)}

    def step(self, x: Tensor, sums: Any) -> tuple[Tensor, Any]:  # type: ignore[override]
        own = self.State(*(torch.tanh(sums[name]) for name in self.State._fields))
        y, state = self.inner.step(x, own)
        return y + sums["y"], map_state(torch.tanh, state)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A context in which the plain loop runs."""
    context = monkeypatch.context

    def enter() -> Any:
        class Eager:
            def __enter__(self) -> None:
                self.context = context()
                self.context.__enter__().setenv("RECURRA_ENGINE", "eager")

            def __exit__(self, *error: object) -> None:
                self.context.__exit__(None, None, None)

        return Eager()

    return enter


def results(cell: TreeCell, forest: Forest, x: Tensor, state: Any, strictly: bool = False) -> list[Tensor]:
    """y of all nodes, and gradients by all that asks for some, by weights of their own."""
    y, roots = fold(cell, forest.like(forest.sort(x)), state, strict=strictly)
    generator = torch.Generator().manual_seed(3)
    weights = [torch.randn(t.shape, dtype=t.dtype, generator=generator) for t in (y.data, roots)]
    total = (y.data * weights[0]).sum() + (roots * weights[1]).sum()
    leaves = [] if state is None else list(named_leaves(state).values())
    inputs = [t for t in (x, *leaves, *cell.parameters()) if t.requires_grad]
    total = total + sum(0 * t.sum() for t in inputs)  # where nothing depends on them
    gradients = torch.autograd.grad(total, inputs, materialize_grads=True)
    return [y.data.detach(), roots.detach(), *gradients]


def agree(one: list[Tensor], other: list[Tensor], **near: Any) -> None:
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, equal_nan=True, **(near or TINY))


@pytest.mark.parametrize("kind", [TwoSlots, AnyArity])
@pytest.mark.parametrize("seed", [*range(10), 14, 25])
def test_cells_that_no_one_wrote(seed: int, kind: type[Any], eager: Any) -> None:
    torch.manual_seed(seed)
    random = Random(seed)
    cell = kind(4000 + seed).double()
    forest, trees, x = random_forest(seed, cell.slots or 4, cell.input_size)
    state = None
    if cell.slots and random.random() < 0.5:
        state = map_state(
            lambda leaf: torch.randn(leaf.shape, dtype=leaf.dtype), cell.initial_state(len(trees))
        )
    assert tree_plan_of(cell).reason == ""
    choose_gradients([x, *([] if state is None else state), *cell.parameters()], random)
    engine, refusals = fold_engine_for(tree_plan_of(cell), x)
    if engine == "native":
        fast = results(cell, forest, x, state, strictly=True)
    else:
        assert "width is 0" in refusals["native"]
        fast = results(cell, forest, x, state)
    with eager():
        agree(fast, results(cell, forest, x, state))


@pytest.mark.parametrize("name", [*TREES, *TRACED])
def test_in_float32(name: str, eager: Any) -> None:
    torch.manual_seed(len(name))
    cell = EVERY[name]().eval()
    forest, _, x = random_forest(11, cell.slots or 5, IN, dtype=torch.float32)
    fast = results(cell, forest, x, None, strictly=True)
    with eager():
        agree(fast, results(cell, forest, x, None), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [*TREES, *TRACED])
def test_in_training(name: str, eager: Any) -> None:
    """The same masks are drawn, whichever engine runs."""
    torch.manual_seed(len(name))
    cell = EVERY[name]().double().train()
    forest, _, x = random_forest(12, cell.slots or 5, IN)
    torch.manual_seed(1)
    fast = results(cell, forest, x, None)
    with eager():
        torch.manual_seed(1)
        agree(fast, results(cell, forest, x, None))


@pytest.mark.parametrize("hidden", [1, 7, 33])
@pytest.mark.parametrize("kind", [cells.TreeLSTM, cells.ChildSumLSTM])
@pytest.mark.parametrize("trees", [1, 3, 150])
def test_threads_change_no_bit(kind: Any, hidden: int, trees: int) -> None:
    torch.manual_seed(0)
    cell = kind(IN, hidden)
    forest, _, x = random_forest(2, cell.slots or 6, IN, trees=trees, dtype=torch.float32)
    threads = torch.get_num_threads()
    try:
        runs = []
        for count in (1, 2, 3, 8):
            torch.set_num_threads(count)
            runs.append(results(cell, forest, x, None, strictly=True))
    finally:
        torch.set_num_threads(threads)
    for run in runs[1:]:
        for one, other in zip(runs[0], run, strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["tree_lstm of one", "child_sum_lstm", "rntn"])
def test_a_hundred_thousand_levels(name: str) -> None:
    cell = EVERY[name]().eval()
    depth = 100_000
    x = torch.randn(depth, IN, requires_grad=True)
    forest = Forest.from_parents(x, [[-1, *range(depth - 1)]])
    _, roots = fold(cell, forest, strict=True)
    (gradient,) = torch.autograd.grad(roots.sum(), x)
    assert gradient[0].abs().sum() > 0
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", ["recursive", "tree_lstm", "child_sum_lstm", "learnt leaf"])
def test_gradients_by_differences(name: str) -> None:
    torch.manual_seed(0)
    cell = EVERY[name]().double().eval()
    forest, _, x = random_forest(4, cell.slots or 3, IN, trees=2)
    assert torch.autograd.gradcheck(lambda data: fold(cell, forest.like(forest.sort(data)))[0].data, x)
    weights = list(cell.parameters())
    assert torch.autograd.gradcheck(lambda *_: fold(cell, forest)[1], weights)


@pytest.mark.parametrize("name", ["tree_lstm", "child_sum_lstm"])
def test_gradients_of_gradients(name: str) -> None:
    torch.manual_seed(0)
    cell = EVERY[name]().double().eval()
    forest, _, x = random_forest(4, cell.slots or 3, IN, trees=1)
    assert torch.autograd.gradgradcheck(lambda data: fold(cell, forest.like(forest.sort(data)))[1], x)
    y = fold(cell, forest.like(forest.sort(x)), strict=True)[1]
    with pytest.raises(Fault, match="gradients of gradients follow the plain loop"):
        torch.autograd.grad(y.sum(), x, create_graph=True)


def test_weights_that_change_are_seen() -> None:
    cell = cells.TreeLSTM(IN, 4).eval()
    forest, _, _ = random_forest(5, 2, IN, dtype=torch.float32)
    first, _ = fold(cell, forest)
    with torch.no_grad():
        cell.hidden.weight.mul_(2)
    other, _ = fold(cell, forest)
    assert not torch.equal(first.data, other.data)
    cell.dropout = 0.5
    one, _ = fold(cell.train(), forest)
    assert not torch.equal(one.data, fold(cell, forest)[0].data)


def test_a_weight_that_is_infinite_shows() -> None:
    cell = cells.TreeLSTM(IN, 4).eval()
    with torch.no_grad():
        cell.hidden.weight[0, 0] = torch.inf  # times the zeros that a leaf reads
    forest, _, _ = random_forest(5, 2, IN, dtype=torch.float32)
    assert fold(cell, forest, strict=True)[0].data.isnan().any(1).all()


def test_what_runs_is_told() -> None:
    text = str(explain(cells.TreeLSTM(IN, 4)))
    assert "TreeLSTM 3 -> 4 of 2 children, native" in text
    assert "relative to the loop over levels" in text
    assert "ChildSumLSTM 3 -> 4 of any number of children, native" in str(explain(cells.ChildSumLSTM(IN, 4)))
    half = cells.TreeLSTM(IN, 4).to(torch.bfloat16)
    report = explain(half).layers[0]
    assert report.engine == "eager"
    assert "float32 and float64" in report.refusals["native"]
    for name in UNTRACED:
        assert explain(UNTRACED[name]()).layers[0].engine == "step"


def test_a_slower_path_is_refused() -> None:
    forest, _, _ = random_forest(5, 2, IN, dtype=torch.float32)
    for cell in (EVERY["untraced"](), cells.TreeLSTM(IN, 4).to(torch.bfloat16)):
        data = forest.to(cell.example().dtype)
        with pytest.raises(Fault, match="would not run on the fastest path"):
            fold(cell, data, strict=True)
        with strict(), pytest.raises(Fault, match="would not run on the fastest path"):
            fold(cell, data)
        assert fold(cell, data)[1].dtype == data.data.dtype


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", ["tree_lstm", "child_sum_lstm"])
def test_other_contexts(name: str) -> None:
    """Where the engine does not run, the plain loop does, and says the same."""
    torch.manual_seed(0)
    cell = EVERY[name]().double().eval()
    forest, _, x = random_forest(6, cell.slots or 3, IN, trees=2)
    expected = fold(cell, forest)[1].detach()
    with torch.inference_mode():
        torch.testing.assert_close(fold(cell, forest)[1], expected, **TINY)
    with torch.no_grad():
        torch.testing.assert_close(fold(cell, forest)[1], expected, **TINY)

    def roots(data: Tensor) -> Tensor:
        return fold(cell, forest.like(forest.sort(data)))[1]

    data, direction = x.detach(), torch.ones_like(x)
    _, tangent = torch.func.jvp(roots, (data,), (direction,))
    two = torch.func.vmap(lambda d: torch.func.jvp(roots, (data,), (d,))[1])(torch.stack([direction] * 2))
    torch.testing.assert_close(two[0], tangent, **TINY)
    (gradient,) = torch.autograd.grad(roots(x).sum(), x)
    torch.testing.assert_close((gradient * direction).sum(), tangent.sum(), **TINY)
    torch.testing.assert_close(torch.func.grad(lambda d: roots(d).sum())(data), gradient, **TINY)
    single = cell.float()
    with torch.autocast("cpu", torch.bfloat16):
        low = fold(single, forest.to(torch.float32))[1]
    torch.testing.assert_close(low.double(), expected, rtol=0.1, atol=0.1)


class Model(torch.nn.Module):
    def __init__(self, cell: TreeCell) -> None:
        super().__init__()
        self.cell, self.scores = cell, torch.nn.Linear(cell.output_size, 2, dtype=torch.float64)

    def forward(self, forest: Forest) -> Tensor:
        y, roots = fold(self.cell, forest)
        scores: Tensor = self.scores(torch.cat([y.data, roots]))
        return scores


def leaf_forest(seed: int, trees: int) -> Forest:
    """A forest whose data is made by nothing."""
    forest, _, _ = random_forest(seed, 2, IN, trees=trees)
    return forest.like(forest.data.detach().requires_grad_())


@pytest.mark.parametrize("name", ["tree_lstm", "child_sum_lstm"])
def test_a_compiled_model(name: str) -> None:
    """One graph, of one call for the whole fold, whatever trees come."""
    torch.manual_seed(0)
    model = Model(EVERY[name]().double().eval())
    graphs: list[Any] = []

    def backend(graph: Any, _: Any) -> Any:
        graphs.append(graph)
        return graph

    torch._dynamo.reset()
    compiled = torch.compile(model, backend=backend, fullgraph=True, dynamic=True)
    for seed, trees in ((1, 4), (2, 6), (3, 5)):
        forest = leaf_forest(seed, trees)
        expected, y = model(forest), compiled(forest)
        torch.testing.assert_close(y, expected, **TINY)
        inputs = [forest.data, *model.parameters()]
        one, other = (torch.autograd.grad(t.square().sum(), inputs, retain_graph=True) for t in (y, expected))
        agree(list(one), list(other))
    assert len(graphs) == 1
    with torch.no_grad():
        model.cell.input.weight.mul_(2)
    torch.testing.assert_close(compiled(forest), model(forest), **TINY)


def test_a_compiled_model_through_autograd() -> None:
    torch.manual_seed(0)
    model = Model(EVERY["child_sum_lstm"]().double().eval())
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True, dynamic=True)
    forest = leaf_forest(1, 4)
    inputs = [forest.data, *model.parameters()]
    one, other = (torch.autograd.grad(t.square().sum(), inputs) for t in (compiled(forest), model(forest)))
    agree(list(one), list(other))


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.parametrize("name", ["untraced", "untraced sums"])
def test_a_compiled_model_of_a_step_without_a_program(name: str) -> None:
    model = Model(EVERY[name]().double())
    torch._dynamo.reset()
    forest = leaf_forest(1, 4)
    torch.testing.assert_close(torch.compile(model, backend="eager")(forest), model(forest), **TINY)
