"""How the nodes of a forest hang together, as numbers of rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from recurra.errors import Fault


class Deliveries(NamedTuple):
    """Which rows a level reads, where each row is read once: by its parent.

    What a level makes is cut by the levels that will read it; what has come to a level when its turn is there
    are its children, in the order of their rows.

    Attributes:
        orders: for each level, its own rows that have a parent, sorted by their parents' levels.
        sizes: for each level, how many of these each of `targets` reads.
        targets: for each level, the levels that read them.
        places: `[N]`: place of each row among all that its parent's level reads; of a root, 0.
        arrivals: how many rows each level reads.
    """

    orders: tuple[Tensor, ...]
    sizes: list[list[int]]
    targets: list[list[int]]
    places: Tensor
    arrivals: list[int]


class Wiring:
    """All tensors int64 on the CPU.

    Args:
        sizes: `[levels]`: how many nodes each level has.
        slots: the most children of a node.
        order: `[N]`: the caller's number of each row.
        roots: `[B]`: rows of the roots, in the caller's order of the trees.
        tree: `[N]`: the tree of each row.
        child, parent, slot: `[E]`: rows of children and of their parents, and which child it is; sorted by
            parent and slot.
    """

    def __init__(
        self,
        sizes: Tensor,
        slots: int,
        order: Tensor,
        roots: Tensor,
        tree: Tensor,
        child: Tensor,
        parent: Tensor,
        slot: Tensor,
    ) -> None:
        self.sizes, self.slots = sizes, slots
        self.order, self.roots, self.tree = order, roots, tree
        self.child, self.parent, self.slot = child, parent, slot
        self._tensors: dict[tuple[str, str], Tensor] = {}
        self._children: dict[int, Tensor] = {}
        self._slot_places: dict[tuple[int, bool], tuple[Tensor, ...]] = {}
        self._edge_places: tuple[tuple[Tensor, ...], tuple[Tensor, ...]] | None = None
        self._deliveries: Deliveries | None = None

    @property
    def nodes(self) -> int:
        """How many there are."""
        return self.order.shape[0]

    @cached_property
    def level_sizes(self) -> tuple[int, ...]:
        """How many nodes each level has."""
        return tuple(self.sizes.tolist())

    @property
    def tensors(self) -> list[Tensor]:
        """What it was made from, `slots` left out."""
        return [self.sizes, self.order, self.roots, self.tree, self.child, self.parent, self.slot]

    @classmethod
    def of(cls, tensors: Sequence[Tensor], slots: int) -> Wiring:
        """From `tensors`."""
        return cls(tensors[0], slots, *tensors[1:])

    @property
    def rows(self) -> Tensor:
        """`[N]`: the row of each of the caller's numbers."""
        rows = torch.empty_like(self.order)
        rows[self.order] = torch.arange(self.nodes, device="cpu")
        return rows

    @property
    def level(self) -> Tensor:
        """`[N]`: the level of each row."""
        return torch.repeat_interleave(torch.arange(len(self.sizes), device="cpu"), self.sizes)

    @property
    def parents(self) -> Tensor:
        """`[N]`: the row of each row's parent; -1 of a root."""
        parents = torch.full_like(self.order, -1)
        parents[self.child] = self.parent
        return parents

    @property
    def edge_sizes(self) -> list[int]:
        """How many edges lead to each level."""
        counts = torch.bincount(self.level[self.parent], minlength=len(self.level_sizes))
        return counts.tolist()

    def on(self, device: torch.device, name: str) -> Tensor:
        """One of the tensors on a device, moved once."""
        if torch.compiler.is_compiling():  # a graph would be good for what was moved already alone
            return getattr(self, name).to(device)  # type: ignore[no-any-return]
        key = str(device), name
        if key not in self._tensors:
            self._tensors[key] = getattr(self, name).to(device)
        return self._tensors[key]

    def children(self, slots: int) -> Tensor:
        """`[N, slots]`: rows of each node's children; N where there is none.

        Raises:
            Fault: a node has more children, or the memory does not suffice.
        """
        if slots not in self._children:
            if slots < self.slots:
                raise Fault(f"a node of the forest has {self.slots} children, expected {slots} at most")
            try:
                table = torch.full((self.nodes, slots), self.nodes, dtype=torch.int64, device="cpu")
            except RuntimeError:
                raise Fault(
                    f"a forest of {self.nodes} nodes with {slots} children at most needs "
                    f"{self.nodes * slots * 8 / 1e9:.0f} GB for their numbers, more than there is: a cell of "
                    f"any arity needs none of them"
                ) from None
            table[self.parent, self.slot] = self.child
            self._children[slots] = table
        return self._children[slots]

    @property
    def deliveries(self) -> Deliveries:
        """See `Deliveries`; made once."""
        if self._deliveries is None:
            self._deliveries = self._deliver()
        return self._deliveries

    def slot_places(self, slots: int, shared: bool) -> tuple[Tensor, ...]:
        """For each level `[rows, slots]`: places of the children among the rows that come to it. Behind those
        lies what stands for a missing child: one row for all trees where it is `shared`, or one a tree.
        """
        key = slots, shared
        if key not in self._slot_places:
            children = self.children(slots)
            arrivals = torch.tensor(self.deliveries.arrivals, dtype=torch.int64, device="cpu")
            behind = arrivals[self.level] + (0 if shared else self.tree)
            inside = self.deliveries.places[children.clamp(max=max(self.nodes - 1, 0))]
            places = torch.where(children < self.nodes, inside, behind[:, None])
            self._slot_places[key] = torch.split(places, list(self.level_sizes))
        return self._slot_places[key]

    def edge_places(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """For each level and its edges: places of the children among the rows that come to it, and of the
        parents among its own.
        """
        if self._edge_places is None:
            firsts = torch.tensor((0, *self.level_sizes), dtype=torch.int64, device="cpu").cumsum(0)[:-1]
            own = self.parent - firsts[self.level[self.parent]]
            places = self.deliveries.places[self.child]
            self._edge_places = torch.split(places, self.edge_sizes), torch.split(own, self.edge_sizes)
        return self._edge_places

    def _deliver(self) -> Deliveries:
        levels, level = len(self.level_sizes), self.level
        rows = torch.sort(self.child).values
        target = level[self.parents[rows]]
        source = level[rows]
        arrivals = torch.bincount(target, minlength=levels)
        by_target = torch.argsort(target, stable=True)
        places = torch.zeros_like(self.order)
        starts = torch.cumsum(arrivals, 0) - arrivals
        places[rows[by_target]] = torch.arange(len(rows), device="cpu") - starts[target[by_target]]
        pairs = source * levels + target
        by_pair = torch.argsort(pairs, stable=True)
        firsts = torch.tensor((0, *self.level_sizes), dtype=torch.int64, device="cpu").cumsum(0)[:-1]
        local = (rows - firsts[source])[by_pair]
        departures = torch.bincount(source, minlength=levels).tolist()
        keys, counts = torch.unique_consecutive(pairs[by_pair], return_counts=True)
        sizes: list[list[int]] = [[] for _ in range(levels)]
        targets: list[list[int]] = [[] for _ in range(levels)]
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            sizes[key // levels].append(count)
            targets[key // levels].append(key % levels)
        return Deliveries(torch.split(local, departures), sizes, targets, places, arrivals.tolist())
