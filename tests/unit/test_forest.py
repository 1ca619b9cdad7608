"""Forests: their rows, their other forms, and what is no tree."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from recurra import Fault, Forest, TreeCell, cells, fold, scan
from recurra.cells.tree import NodeState

#      3        0
#    / | \      |
#   1  0  2     1
#         |
#         4
TREES = [[[], [], [4], [1, 0, 2], []], [[1], []]]


def forest() -> Forest:
    return Forest.from_children(torch.arange(7.0), TREES)


def test_rows_lie_level_by_level() -> None:
    trees = forest()
    assert trees.level_sizes == (4, 2, 1)
    assert trees.order.tolist() == [0, 1, 4, 6, 2, 5, 3]
    assert trees.data.tolist() == [0, 1, 4, 6, 2, 5, 3]
    assert trees.roots.tolist() == [6, 5]
    assert trees.tree.tolist() == [0, 0, 0, 1, 0, 1, 0]
    assert trees.slots == 3
    assert len(trees) == 2
    none = 7
    assert trees.children[4:].tolist() == [[2, none, none], [3, none, none], [1, 0, 4]]
    assert (trees.children[:4] == none).all()
    child, parent = trees.edges
    assert child.tolist() == [2, 3, 1, 0, 4]
    assert parent.tolist() == [4, 5, 6, 6, 6]
    assert trees.node_data().tolist() == list(range(7))
    assert trees.sort(torch.arange(7)).tolist() == trees.order.tolist()


def test_parents_and_children_say_the_same() -> None:
    one = forest()
    other = Forest.from_parents(torch.arange(7.0), [[3, 3, 3, -1, 2], [-1, 0]])
    assert other.order.tolist() == one.order.tolist()
    assert other.children[-1].tolist() == [0, 1, 4]  # in the order in which they are listed


def test_an_empty_slot_between_others() -> None:
    trees = Forest.from_children(torch.arange(3.0), [[[-1, 2], [0], []]], slots=3)
    assert trees.children.tolist() == [[3, 3, 3], [3, 0, 3], [1, 3, 3]]


def test_lists_within_lists() -> None:
    trees = Forest.from_nested([[[1.0, 2.0], 3.0], 4.0])
    assert trees.node_data().tolist() == [0, 0, 1, 2, 3, 4]
    assert [len(node) for node in trees.edges] == [4, 4]
    vectors = Forest.from_nested([[torch.ones(3), torch.zeros(3)]])
    assert vectors.node_data().tolist() == [[0, 0, 0], [1, 1, 1], [0, 0, 0]]


def test_deep_lists_within_lists() -> None:
    node: object = 1.0
    for _ in range(20_000):
        node = [node]
    trees = Forest.from_nested([node])
    assert len(trees.level_sizes) == 20_001
    while isinstance(node, list):  # Python itself would take them apart by recursion
        node = node.pop()


@pytest.mark.parametrize("depth", [100_000])
def test_a_deep_chain(depth: int) -> None:
    parents = [[-1, *range(depth - 1)]]
    trees = Forest.from_parents(torch.zeros(depth), parents)
    assert trees.level_sizes == (1,) * depth
    assert trees.order.tolist() == list(range(depth - 1, -1, -1))


def test_other_values_and_types() -> None:
    trees = forest().like(torch.ones(7, 2)).to(torch.float64)
    assert trees.data.dtype == torch.float64
    assert trees.root_data().shape == (2, 2)
    assert repr(trees) == "Forest(2 trees, 3 levels, data [7, 2] torch.float64)"


@pytest.mark.parametrize(
    ("trees", "words"),
    [
        ([[[1], [0]]], "tree 0 has no root, its nodes form a cycle"),
        ([[[]], [[], [2], [1]]], "tree 1 has a cycle, at node 1: expected a tree"),
        ([[[], []]], "tree 0 has 2 roots, expected one node without a parent"),
        ([[[1], []], [[1], [2]]], "tree 1: a child of node 1 is 2, expected a number from 0 to 1, or -1"),
        ([[[-2]]], "tree 0: a child of node 0 is -2"),
        ([[[1, 2], [2], []]], "tree 0: node 2 is a child of node 0 and of node 1, expected one parent"),
        ([[[1, 1], []]], "tree 0: node 1 is a child of node 0 and of node 0, expected one parent"),
        ([[[]], []], "tree 1 has no nodes, expected one at least"),
    ],
)
def test_what_is_no_tree(trees: list[list[list[int]]], words: str) -> None:
    with pytest.raises(Fault) as error:
        Forest.from_children(torch.zeros(sum(map(len, trees))), trees)
    assert str(error.value).startswith(words)


@pytest.mark.parametrize(
    ("parents", "words"),
    [
        ([[1, 0]], "tree 0 has no root, its nodes form a cycle"),
        ([[-1, 2, 1]], "tree 0 has a cycle, at node 1: expected a tree"),
        ([[-1], [-1, -1]], "tree 1 has 2 roots, expected one node without a parent"),
        ([[-1, 5]], "tree 0: the parent of node 1 is 5, expected a number from 0 to 1, or -1 for none"),
        ([[]], "tree 0 has no nodes, expected one at least"),
    ],
)
def test_parents_of_no_tree(parents: list[list[int]], words: str) -> None:
    with pytest.raises(Fault) as error:
        Forest.from_parents(torch.zeros(sum(map(len, parents))), parents)
    assert str(error.value).startswith(words)


def test_other_faults() -> None:
    with pytest.raises(Fault, match="node 3 has 3 children, expected 2 at most"):
        Forest.from_children(torch.zeros(7), TREES, slots=2)
    with pytest.raises(Fault, match=r"data is \[6\], expected a row for each of the 7 nodes"):
        Forest.from_children(torch.zeros(6), TREES)
    with pytest.raises(Fault, match="a forest of 7 nodes needs a row for each"):
        forest().like(torch.zeros(5))
    with pytest.raises(Fault, match="tree 1: node 1 is empty, expected its children"):
        Forest.from_nested([1.0, [[], 2.0]])
    with pytest.raises(Fault, match="tree 0: 'a' found, expected a list, a tensor or a number"):
        Forest.from_nested(["a"])
    with pytest.raises(Fault, match="must agree in shape and type"):
        Forest.from_nested([[torch.zeros(2), torch.zeros(3)]])


def test_too_wide_for_the_memory() -> None:
    width = 3_000_000
    parents = np.zeros(width, np.int64)
    parents[0] = -1
    trees = Forest.from_parents(torch.zeros(width), [parents.tolist()])
    with pytest.raises(Fault, match="needs 72000 GB for their numbers, more than there is"):
        _ = trees.children


class Wrong(TreeCell):
    State = NodeState
    slots = 3

    def __init__(self, input_size: int, hidden_size: int, kind: str) -> None:
        self.kind = kind

    def step(self, x: torch.Tensor, *children: NodeState) -> object:  # type: ignore[override]
        if self.kind == "state":
            return x, NodeState(x)
        return (children[0].h[:, 0], children[0]) if self.kind == "y" else x


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("state", r"Wrong.step: state h has shape"),
        ("y", r"Wrong.step: y has shape \[\d+\] for \d+ nodes, expected a tensor \[nodes, output_size\]"),
        ("pair", r"Wrong.step: returned a Tensor, expected \(y, the node's state\)"),
    ],
)
def test_a_step_that_returns_something_else(kind: str, words: str) -> None:
    with pytest.raises(Fault, match=words):
        fold(Wrong(1, 4, kind), forest().like(torch.zeros(7, 1)))


def test_arguments_of_fold() -> None:
    trees = forest().like(torch.zeros(7, 3))
    cell = cells.TreeLSTM(3, 4)
    with pytest.raises(Fault, match="a node of the forest has 3 children, the cell has slots for 2"):
        fold(cell, trees)
    cell = cells.TreeLSTM(3, 4, slots=3)
    with pytest.raises(Fault, match=r"x has \[5\] numbers a node, expected \[3\]"):
        fold(cell, forest().like(torch.zeros(7, 5)))
    with pytest.raises(Fault, match="x is torch.float64, its weights are torch.float32"):
        fold(cell, trees.to(torch.float64))
    with pytest.raises(Fault, match=r"state h has shape \[3, 4\], expected \[2, 4\]"):
        fold(cell, trees, cell.initial_state(3))
    with pytest.raises(Fault, match="a cell of any arity has no slots"):
        fold(cells.ChildSumLSTM(3, 4), trees, cell.initial_state(2))
    with pytest.raises(Fault, match="expected a recurra.Forest"):
        fold(cell, torch.zeros(7, 3))  # type: ignore[arg-type]
    with pytest.raises(Fault, match="scan runs cells over time"):
        fold(cells.LSTM(3, 4), trees)  # type: ignore[arg-type]
    with pytest.raises(Fault, match="fold runs cells of trees"):
        scan(cells.ChildSumLSTM(3, 4), torch.zeros(1, 2, 3))  # type: ignore[arg-type]
    with pytest.raises(Fault, match="Recursive: slots is 0, expected at least 1"):
        cells.Recursive(3, 4, slots=0)


def test_what_the_documents_show_runs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "trees.md").read_text("utf-8")
    names: dict[str, object] = {"__name__": "docs"}
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, re.S)), names)
    for name in ("GatedMean", "Mean"):
        y, roots = fold(names[name](50, 8), names["forest"], strict=True)  # type: ignore[operator, arg-type]
        assert y.data.shape == (6, 8)
        assert roots.shape == (2, 8)
