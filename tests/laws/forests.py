"""Random trees, and a fold that goes from node to node."""

from __future__ import annotations

import random
from typing import Any

import torch
from torch import Tensor

from recurra import Forest, TreeCell
from recurra.cells.tree import sums_like
from recurra.state import map_state

Tree = list[list[int]]


def random_tree(draw: random.Random, nodes: int, most: int) -> Tree:
    """Children of each node, the nodes in a random order; some trees are chains, some are bushes."""
    names = list(range(nodes))
    draw.shuffle(names)
    children: Tree = [[] for _ in range(nodes)]
    reach = draw.choice([1, 2, nodes])
    for k in range(1, nodes):
        free = [names[j] for j in range(k) if len(children[names[j]]) < most][-reach:]
        children[draw.choice(free)].append(names[k])
    return children


def random_forest(
    seed: int, most: int, width: int, trees: int = 7, dtype: torch.dtype = torch.float64
) -> tuple[Forest, list[Tree], Tensor]:
    """A forest, its trees, and its data in the caller's order, which asks for gradients."""
    draw = random.Random(seed)
    shapes = [random_tree(draw, draw.randint(1, 17), most) for _ in range(trees)]
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(sum(map(len, shapes)), width, dtype=dtype, generator=generator).requires_grad_()
    return Forest.from_children(x, shapes), shapes, x


def node_by_node(cell: TreeCell, trees: list[Tree], x: Tensor, state: Any = None) -> Tensor:
    """y `[N, ...]` in the caller's order, by the definition of `fold`."""
    results: list[Tensor] = []
    start = 0
    for number, tree in enumerate(trees):
        states: dict[int, Any] = {}
        shown: dict[int, Tensor] = {}
        empty = cell.initial_state(1)
        if state is not None:
            empty = map_state(lambda leaf, k=number: leaf[k : k + 1], state)
        waiting = [next(k for k in range(len(tree)) if all(k not in node for node in tree))]
        order: list[int] = []
        while waiting:
            order.append(waiting.pop())
            waiting += tree[order[-1]]
        for node in reversed(order):
            own = x[start + node : start + node + 1]
            below = [states[child] for child in tree[node]]
            if cell.slots is None:
                sums = sums_like(cell, empty)
                for child in below:
                    sums = map_state(torch.add, sums, cell.edge(own, child))
                shown[node], states[node] = cell.step(own, sums)
            else:
                below += [empty] * (cell.slots - len(below))
                shown[node], states[node] = cell.step(own, *below)
        results += [shown[k] for k in range(len(tree))]
        start += len(tree)
    return torch.cat(results)
