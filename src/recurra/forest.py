"""Trees of any shapes, all nodes of a batch together, level by level, so that each level is one step.

`data[N, ...]` holds level 0 of every tree, the nodes without children, then level 1 of every tree, and so on:
a node's level is 1 + the highest of its children's. Within a level nodes lie tree by tree, each tree's in the
caller's order. Nothing here calls itself: a chain of 100,000 nodes is a tree like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recurra.errors import Fault, quoted
from recurra.wiring import Wiring

Numbers = NDArray[np.int64]


class Forest:
    """A batch of trees: the values of their nodes, and how these hang together.

    Args:
        data: `[N, ...]` in the order of the wiring's rows.
        wiring: see `recurra.wiring.Wiring`; made by `from_children` and its like.

    Raises:
        Fault: data does not have a row for each node.

    Attributes:
        data: `[N, ...]`, level by level; any device and type.
        level_sizes: how many nodes each level has; their sum is N.
        slots: the most children that a node has, or more where the caller said so.
    """

    __slots__ = ("data", "wiring")

    def __init__(self, data: Tensor, wiring: Wiring) -> None:
        self.data, self.wiring = data, wiring
        if data.dim() == 0 or len(data) != wiring.nodes:
            raise Fault(f"a forest of {wiring.nodes} nodes needs a row for each, data is {list(data.shape)}")

    # from other forms

    @classmethod
    def from_children(
        cls, data: Tensor, children: Sequence[Sequence[Sequence[int]]], slots: int | None = None
    ) -> Forest:
        """From lists of children.

        Args:
            data: `[N, ...]`, the trees one after another, each tree's nodes as they are listed.
            children: for each tree and each of its nodes the numbers of its children within the tree, in
                order; -1 leaves a slot empty.
            slots: how many children a node may have; None: as many as the widest has.

        Raises:
            Fault: a tree has no node, two roots or a cycle; a number is out of range, or the child of two.
        """
        counts = [len(tree) for tree in children]
        widths = np.fromiter((len(node) for tree in children for node in tree), np.int64, sum(counts))
        flat = chain.from_iterable(chain.from_iterable(children))
        numbers = np.fromiter(flat, np.int64, int(widths.sum()))
        return cls._from_edges(data, counts, widths, numbers, slots)

    @classmethod
    def from_parents(cls, data: Tensor, parents: Sequence[Sequence[int]], slots: int | None = None) -> Forest:
        """From each node's parent: CoNLL-U's heads less 1, say.

        Args:
            data: `[N, ...]`, the trees one after another, each tree's nodes as they are listed.
            parents: for each tree and each of its nodes the number of its parent within the tree, -1 for the
                root. A node's children keep the order in which they are listed.
            slots: how many children a node may have; None: as many as the widest has.

        Raises:
            Fault: as `from_children`.
        """
        counts = [len(tree) for tree in parents]
        flat = np.fromiter(chain.from_iterable(parents), np.int64, sum(counts))
        starts, tree = _starts(counts), _tree_of(counts)
        sizes = np.asarray(counts, np.int64)[tree]
        _require_range(flat, sizes, starts, tree, "the parent")
        roots = np.bincount(tree[flat < 0], minlength=len(counts))
        _require_roots(roots, counts)
        child = np.flatnonzero(flat >= 0)
        parent = (flat + starts[tree])[child]
        order = np.argsort(parent, kind="stable")
        widths = np.bincount(parent, minlength=len(flat))
        return cls._from_edges(data, counts, widths, (child - starts[tree[child]])[order], slots)

    @classmethod
    def from_nested(cls, trees: Sequence[Any], slots: int | None = None) -> Forest:
        """From lists within lists: a leaf is a tensor `[...]` or a number, a node a list of its children.

        A node's number is where it begins, from the left: a parent comes before its children. Inner nodes
        have zeros as data, of the leaves' shape and type.

        Raises:
            Fault: a list is empty, or leaves differ in shape or type.
        """
        children: list[list[list[int]]] = []
        leaves: list[Tensor | None] = []
        for number, tree in enumerate(trees):
            nodes: list[list[int]] = []
            waiting: list[tuple[Any, list[int] | None]] = [(tree, None)]
            while waiting:
                node, siblings = waiting.pop()
                if siblings is not None:
                    siblings.append(len(nodes))
                nodes.append([])
                if isinstance(node, (list, tuple)):
                    if not node:
                        raise Fault(f"tree {number}: node {len(nodes) - 1} is empty, expected its children")
                    leaves.append(None)
                    waiting += [(part, nodes[-1]) for part in reversed(node)]
                elif isinstance(node, (Tensor, int, float)):
                    leaves.append(torch.as_tensor(node))
                else:
                    raise Fault(f"tree {number}: {quoted(node)} found, expected a list, a tensor or a number")
            children.append(nodes)
        kinds = {(tuple(leaf.shape), leaf.dtype) for leaf in leaves if leaf is not None}
        if len(kinds) > 1:
            raise Fault(
                f"the leaves of a forest must agree in shape and type, found {sorted(map(str, kinds))}"
            )
        if not kinds:
            return cls.from_children(torch.empty(0), children, slots)
        like = next(leaf for leaf in leaves if leaf is not None)
        zero = torch.zeros_like(like)
        return cls.from_children(
            torch.stack([zero if leaf is None else leaf for leaf in leaves]), children, slots
        )

    @classmethod
    def _from_edges(
        cls, data: Tensor, counts: list[int], widths: Numbers, numbers: Numbers, slots: int | None
    ) -> Forest:
        """`widths [N]`: how many children are listed of each node; `numbers`: those, within their trees."""
        nodes = len(widths)
        if data.dim() == 0 or len(data) != nodes:
            raise Fault(f"data is {list(data.shape)}, expected a row for each of the {nodes} nodes")
        empty = next((k for k, count in enumerate(counts) if not count), None)
        if empty is not None:
            raise Fault(f"tree {empty} has no nodes, expected one at least")
        starts, tree = _starts(counts), _tree_of(counts)
        parent = np.repeat(np.arange(nodes), widths)
        slot = np.arange(len(numbers)) - np.repeat(np.cumsum(widths) - widths, widths)
        _require_range(numbers, np.asarray(counts, np.int64)[tree[parent]], starts, tree, "a child", parent)
        present = numbers >= 0
        parent, slot = parent[present], slot[present]
        child = numbers[present] + starts[tree[parent]]
        parent_of = np.full(nodes, -1, np.int64)
        parent_of[child] = parent
        times = np.bincount(child, minlength=nodes)
        if (times > 1).any():
            node = int(np.argmax(times > 1))
            k = int(tree[node])
            first, second = (parent[child == node] - starts[k])[:2].tolist()
            raise Fault(
                f"tree {k}: node {node - int(starts[k])} is a child of node {first} and of node {second}, "
                f"expected one parent"
            )
        _require_roots(np.bincount(tree[times == 0], minlength=len(counts)), counts)
        level, level_sizes = _levels(parent_of, child, parent)
        if len(level_sizes) and sum(level_sizes) < nodes:
            node = int(np.argmax(level < 0))
            k = int(tree[node])
            raise Fault(f"tree {k} has a cycle, at node {node - int(starts[k])}: expected a tree")
        widest = int(slot.max()) + 1 if len(slot) else 0
        if slots is not None and slots < widest:
            node = int(parent[np.argmax(slot >= slots)])
            k = int(tree[node])
            raise Fault(
                f"tree {k}: node {node - int(starts[k])} has {widest} children, expected {slots} at most"
            )
        order = np.argsort(level, kind="stable")
        row = np.empty_like(order)
        row[order] = np.arange(nodes)
        sorting = np.lexsort((slot, row[parent]))
        wiring = Wiring(
            sizes=torch.tensor(level_sizes, dtype=torch.int64, device="cpu"),
            slots=max(widest, slots or 0),
            order=torch.from_numpy(order),
            roots=torch.from_numpy(row[np.flatnonzero(parent_of < 0)]),
            tree=torch.from_numpy(tree[order]),
            child=torch.from_numpy(row[child[sorting]]),
            parent=torch.from_numpy(row[parent[sorting]]),
            slot=torch.from_numpy(slot[sorting]),
        )
        return cls(data.index_select(0, wiring.on(data.device, "order")), wiring)

    # its layout

    @property
    def level_sizes(self) -> tuple[int, ...]:
        """How many nodes each level has, from the nodes without children upwards."""
        return self.wiring.level_sizes

    @property
    def slots(self) -> int:
        """The most children that a node has, or as many as the caller said."""
        return self.wiring.slots

    @property
    def roots(self) -> Tensor:
        """`[B]` int64 on data's device: the row of each tree's root, in the caller's order."""
        return self.wiring.on(self.data.device, "roots")

    @property
    def order(self) -> Tensor:
        """`[N]` int64 on data's device: the caller's number of each row, the trees one after another."""
        return self.wiring.on(self.data.device, "order")

    @property
    def tree(self) -> Tensor:
        """`[N]` int64 on data's device: the tree of each row."""
        return self.wiring.on(self.data.device, "tree")

    @property
    def children(self) -> Tensor:
        """`[N, slots]` int64 on data's device: rows of each node's children; N where there is none.

        Raises:
            Fault: the memory does not suffice.
        """
        return self.wiring.children(self.slots).to(self.data.device)

    @property
    def edges(self) -> tuple[Tensor, Tensor]:
        """Rows of children and of their parents, `[E]` int64 each on data's device: sorted by parent, the
        children of one parent in their order.
        """
        device = self.data.device
        return self.wiring.on(device, "child"), self.wiring.on(device, "parent")

    def __len__(self) -> int:
        """How many trees there are."""
        return len(self.wiring.roots)

    def __repr__(self) -> str:
        return (
            f"Forest({len(self)} trees, {len(self.level_sizes)} levels, "
            f"data {list(self.data.shape)} {self.data.dtype})"
        )

    # changing the values, not the layout

    def like(self, data: Tensor) -> Forest:
        """The same trees holding other values, `[N, ...]` in the order of `data`."""
        return Forest(data, self.wiring)

    def to(self, *args: Any, **kwargs: Any) -> Forest:
        """As `Tensor.to`."""
        return self.like(self.data.to(*args, **kwargs))

    def sort(self, node_data: Tensor) -> Tensor:
        """`[N, ...]` in the caller's order -> in the order of `data`."""
        return node_data.index_select(0, self.wiring.on(node_data.device, "order"))

    def node_data(self) -> Tensor:
        """The values `[N, ...]` in the caller's order."""
        return self.data.index_select(0, self.wiring.on(self.data.device, "rows"))

    def root_data(self) -> Tensor:
        """`[B, ...]`, the value at each tree's root, in the caller's order."""
        return self.data.index_select(0, self.roots)


def _starts(counts: Sequence[int]) -> Numbers:
    sizes = np.asarray(counts, np.int64)
    return np.cumsum(sizes) - sizes


def _tree_of(counts: Sequence[int]) -> Numbers:
    return np.repeat(np.arange(len(counts)), np.asarray(counts, np.int64))


def _require_range(
    numbers: Numbers,
    sizes: Numbers,
    starts: Numbers,
    tree: Numbers,
    what: str,
    node_of: Numbers | None = None,
) -> None:
    """Fault unless each number is -1 or one of a node of its own tree."""
    wrong = (numbers < -1) | (numbers >= sizes)
    if wrong.any():
        place = int(np.argmax(wrong))
        node = place if node_of is None else int(node_of[place])
        k = int(tree[node])
        raise Fault(
            f"tree {k}: {what} of node {node - int(starts[k])} is {int(numbers[place])}, expected a number "
            f"from 0 to {int(sizes[place]) - 1}, or -1 for none"
        )


def _require_roots(roots: Numbers, counts: Sequence[int]) -> None:
    wrong = next((k for k, count in enumerate(roots.tolist()) if count != 1 and counts[k]), None)
    if wrong is None:
        return
    if roots[wrong]:
        raise Fault(f"tree {wrong} has {int(roots[wrong])} roots, expected one node without a parent")
    raise Fault(f"tree {wrong} has no root, its nodes form a cycle: expected one node without a parent")


def _levels(parent_of: Numbers, child: Numbers, parent: Numbers) -> tuple[Numbers, list[int]]:
    """Each node's level, -1 within or above a cycle, and how many nodes each level has."""
    level = np.full(len(parent_of), -1, np.int64)
    waiting = np.bincount(parent, minlength=len(parent_of))
    ready = np.flatnonzero(waiting == 0)
    sizes: list[int] = []
    while len(ready):
        level[ready] = len(sizes)
        sizes.append(len(ready))
        above = parent_of[ready]
        if len(above) == 1:  # most levels of a deep tree
            one = int(above[0])
            if one < 0:
                break
            waiting[one] -= 1
            ready = above if waiting[one] == 0 else above[:0]
            continue
        above = above[above >= 0]
        np.subtract.at(waiting, above, 1)
        above = np.unique(above)
        ready = above[waiting[above] == 0]
    return level, sizes
