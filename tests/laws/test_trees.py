"""Laws of `fold`: what a forest means is what a walk from node to node means."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra import Forest, TreeCell, cells, fold, scan
from recurra.cells.lstm import LSTMState
from recurra.loop.tree_plan import tree_plan_of
from recurra.state import map_state
from tests.laws.forests import node_by_node, random_forest
from tests.laws.table_trees import EVERY, HIDDEN, IN, TRACED, TREES, UNTRACED

TINY = {"rtol": 1e-9, "atol": 1e-11}


def build(name: str, dtype: torch.dtype = torch.float64) -> TreeCell:
    torch.manual_seed(len(name))
    return EVERY[name]().to(dtype).eval()


def shares(y: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """Gradients of a sum of y with weights of its own, by inputs."""
    generator = torch.Generator().manual_seed(9)
    weight = torch.randn(y.shape, dtype=y.dtype, generator=generator)
    return list(torch.autograd.grad((y * weight).sum(), inputs, materialize_grads=True))


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("name", EVERY)
def test_a_forest_is_its_nodes(name: str) -> None:
    cell = build(name)
    forest, trees, x = random_forest(3, cell.slots or 5, IN)
    y, roots = fold(cell, forest)
    expected = node_by_node(cell, trees, x)
    torch.testing.assert_close(y.node_data(), expected, **TINY)
    torch.testing.assert_close(roots, y.data[y.roots], **TINY)
    inputs = [x, *cell.parameters()]
    for one, other in zip(shares(y.node_data(), inputs), shares(expected, inputs), strict=True):
        torch.testing.assert_close(one, other, **TINY)


@pytest.mark.parametrize("name", [*TREES, *TRACED])
def test_it_has_a_program(name: str) -> None:
    assert tree_plan_of(build(name)).reason == ""
    assert tree_plan_of(build(name).train()).reason == ""


@pytest.mark.parametrize("name", UNTRACED)
def test_the_reason_is_told(name: str) -> None:
    assert "depends on the numbers" in tree_plan_of(build(name)).reason


@pytest.mark.parametrize("name", EVERY)
def test_each_tree_alone_is_as_in_a_batch(name: str) -> None:
    cell = build(name)
    forest, trees, x = random_forest(5, cell.slots or 5, IN)
    y, roots = fold(cell, forest)
    whole, start = y.node_data(), 0
    for number, tree in enumerate(trees):
        alone, root = fold(cell, Forest.from_children(x[start : start + len(tree)], [tree]))
        torch.testing.assert_close(alone.node_data(), whole[start : start + len(tree)], **TINY)
        torch.testing.assert_close(root[0], roots[number], **TINY)
        start += len(tree)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("name", ["tree_lstm", "recursive", "tree_gru", "ten lines", "untraced"])
def test_what_is_in_an_empty_slot(name: str) -> None:
    cell = build(name)
    forest, trees, x = random_forest(6, cell.slots or 5, IN)
    state = map_state(
        lambda leaf: torch.randn(leaf.shape, dtype=leaf.dtype).requires_grad_(),
        cell.initial_state(len(trees)),
    )
    inputs = [x, *state, *cell.parameters()]
    y, _ = fold(cell, forest, state)
    expected = node_by_node(cell, trees, x, state)
    torch.testing.assert_close(y.node_data(), expected, **TINY)
    for one, other in zip(shares(y.node_data(), inputs), shares(expected, inputs), strict=True):
        torch.testing.assert_close(one, other, **TINY)


def chains(lengths: list[int]) -> tuple[Forest, Tensor]:
    """Chains as a forest, each one's first step its leaf, and their data."""
    x = torch.randn(sum(lengths), IN, dtype=torch.float64)
    forest = Forest.from_children(x, [[[], *([k] for k in range(length - 1))] for length in lengths])
    return forest, x


def lstm_of(cell: TreeCell) -> cells.LSTM:
    """The LSTM (gates i, f, g, o) with a cell's weights."""
    lstm = cells.LSTM(IN, HIDDEN).double()
    if isinstance(cell, cells.TreeLSTM):
        (i, o, g, f), (ui, uo, ug, uf) = cell.input.weight.chunk(4), cell.hidden.weight.chunk(4)
        bi, bo, bg, bf = cell.input.bias.chunk(4)
    else:
        assert isinstance(cell, cells.ChildSumLSTM)
        (i, o, g), f = cell.input.weight.chunk(3), cell.input_forget.weight
        (ui, uo, ug), uf = cell.hidden.weight.chunk(3), cell.hidden_forget.weight
        (bi, bo, bg), bf = cell.input.bias.chunk(3), cell.input_forget.bias
    with torch.no_grad():
        lstm.input.weight.copy_(torch.cat([i, f, g, o]))
        lstm.hidden.weight.copy_(torch.cat([ui, uf, ug, uo]))
        lstm.input.bias.copy_(torch.cat([bi, bf, bg, bo]))
        lstm.hidden.bias.zero_()
    return lstm


@pytest.mark.parametrize("cell", [cells.TreeLSTM(IN, HIDDEN, slots=1), cells.ChildSumLSTM(IN, HIDDEN)])
def test_a_chain_is_a_row(cell: TreeCell) -> None:
    forest, x = chains([6, 6, 6])
    y, roots = fold(cell.double(), forest)
    expected, final = scan(lstm_of(cell), x.view(3, 6, IN))
    torch.testing.assert_close(y.node_data().view(3, 6, HIDDEN), expected, **TINY)
    torch.testing.assert_close(roots, final.h, **TINY)


class OneSlot(TreeCell):
    """A cell of rows as one of chains."""

    slots = 1
    State = LSTMState

    def __init__(self, cell: cells.Cell) -> None:
        self.cell, self.input_size, self.hidden_size = cell, cell.input_size, cell.hidden_size

    def initial_state(self, batch: int) -> Any:
        return self.cell.initial_state(batch)

    def step(self, x: Tensor, child: Any) -> tuple[Tensor, Any]:
        return self.cell.step(x, child)


@pytest.mark.parametrize("kind", [cells.LSTM, cells.GRU, cells.VanillaRNN, cells.Jordan, cells.LayerNormGRU])
def test_one_slot_over_chains_is_scan(kind: Any) -> None:
    cell = kind(IN, HIDDEN).double()
    forest, x = chains([5, 5])
    start = map_state(
        lambda leaf: torch.randn(leaf.shape, dtype=leaf.dtype).requires_grad_(), cell.initial_state(2)
    )
    inputs = [*cell.parameters(), *start]
    y, _ = fold(OneSlot(cell), forest, start)
    expected, _ = scan(cell, x.view(2, 5, IN), start)
    torch.testing.assert_close(y.node_data().view(expected.shape), expected, **TINY)
    for one, other in zip(shares(y.node_data(), inputs), shares(expected.flatten(0, 1), inputs), strict=True):
        torch.testing.assert_close(one, other, **TINY)


@pytest.mark.parametrize("name", EVERY)
def test_children_permuted(name: str) -> None:
    cell = build(name)
    _, trees, x = random_forest(8, cell.slots or 5, IN)
    turned = [[node[::-1] for node in tree] for tree in trees]
    one, _ = fold(cell, Forest.from_children(x, trees))
    other, _ = fold(cell, Forest.from_children(x, turned))
    same = torch.allclose(one.node_data(), other.node_data(), rtol=1e-9, atol=1e-11)
    assert same is (cell.slots in (None, 1))


def test_a_node_of_a_thousand_children() -> None:
    cell = build("child_sum_lstm")
    x = torch.randn(1001, IN, dtype=torch.float64)
    tree = [list(range(1, 1001)), *([] for _ in range(1000))]
    y, _ = fold(cell, Forest.from_children(x, [tree]))
    torch.testing.assert_close(y.node_data(), node_by_node(cell, [tree], x), **TINY)


@pytest.mark.parametrize("name", EVERY)
def test_no_tree_at_all(name: str) -> None:
    cell = build(name)
    x = torch.zeros(0, IN, dtype=torch.float64, requires_grad=True)
    y, roots = fold(cell, Forest.from_children(x, []))
    assert y.data.shape == roots.shape == (0, cell.output_size)
    gradients = torch.autograd.grad(y.data.sum(), [x, *cell.parameters()], materialize_grads=True)
    assert not any(g.any() for g in gradients)


@pytest.mark.parametrize("name", EVERY)
def test_one_leaf(name: str) -> None:
    cell = build(name)
    x = torch.randn(1, IN, dtype=torch.float64)
    y, roots = fold(cell, Forest.from_children(x, [[[]]]))
    torch.testing.assert_close(roots, node_by_node(cell, [[[]]], x), **TINY)
    torch.testing.assert_close(y.data, roots)
