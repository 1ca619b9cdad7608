"""One step as a graph of primitive operations: what the native engine encodes and differentiates.

Nodes hold rows `[rows, width]`; width 1 stands beside any width. Equal nodes are one node.

Leaves: `input` k (rows read at each step), `state` j, `vector` k (the same for every row), `const` value.
`product`: rows times weight m, `attrs = (m, transposed)`, with a vector as second argument or none. All else
is a primitive of `recurra.program.ops`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from recurra.program.value import ancestors


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a graph.

    Attributes:
        op: a leaf's kind, or the name of a primitive.
        args: the nodes it is computed from, by number.
        attrs: constants of the operation; a leaf's number or value.
        width: numbers in one row.
    """

    op: str
    args: tuple[int, ...]
    attrs: tuple[Any, ...]
    width: int

    @property
    def is_leaf(self) -> bool:
        return self.op in ("input", "state", "vector", "const")


NodeGradient = Callable[["Graph", int], list[tuple[int, int]]]
"""Gradient of a node -> `(node, its share)` of each: for one node, in place of its operation's gradient."""


class Graph:
    """Nodes in an order where arguments come first."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.gradients: dict[int, NodeGradient] = {}
        self._numbers: dict[Node, int] = {}

    def __getitem__(self, number: int) -> Node:
        return self.nodes[number]

    def __len__(self) -> int:
        return len(self.nodes)

    def width(self, number: int) -> int:
        return self.nodes[number].width

    def copy(self) -> Graph:
        other = Graph()
        other.nodes, other.gradients = list(self.nodes), dict(self.gradients)
        other._numbers = dict(self._numbers)
        return other

    def node(self, op: str, *args: int, attrs: tuple[Any, ...] = (), width: int) -> int:
        """The number of such a node: a new one, or the one that is there."""
        node = Node(op, args, attrs, width)
        if node not in self._numbers:
            self._numbers[node] = len(self.nodes)
            self.nodes.append(node)
        return self._numbers[node]

    def append(self, node: Node) -> None:
        """One more node under the next number, whether or not there is such a one."""
        self._numbers.setdefault(node, len(self.nodes))
        self.nodes.append(node)

    # leaves

    def const(self, value: float) -> int:
        # by its digits: 0.0 and -0.0 are equal but not the same, nan is not equal to itself
        return self.node("const", attrs=(float(value).hex(),), width=1)

    def value_of(self, number: int) -> float | None:
        """The number that a constant holds."""
        node = self.nodes[number]
        return float.fromhex(node.attrs[0]) if node.op == "const" else None

    # pointwise

    def point(self, op: str, *args: int) -> int:
        """A pointwise operation; what is trivially its argument is that argument."""
        width = max(self.width(arg) for arg in args)
        bare = tuple(self._unspread(arg) for arg in args)
        if width > 1 and max(self.width(arg) for arg in bare) == width:
            args = bare
        if op == "add":
            for one, other in (args, args[::-1]):
                if self._is_zero(other, -1.0) and self.width(one) == width:
                    return one
            args = tuple(sorted(args))
        if op == "mul":
            for one, other in (args, args[::-1]):
                if self.value_of(other) == 1.0 and self.width(one) == width:
                    return one
                if self.value_of(other) == -1.0:
                    return self.point("neg", one)
            args = tuple(sorted(args))
        if op == "sub" and self._is_zero(args[1], 1.0) and self.width(args[0]) == width:
            return args[0]
        if op == "neg" and self.nodes[args[0]].op == "neg":
            return self.nodes[args[0]].args[0]
        return self.node(op, *args, width=width)

    def add(self, a: int, b: int) -> int:
        return self.point("add", a, b)

    def sum_of(self, nodes: Sequence[int]) -> int:
        """The sum of one or more, from the first on."""
        return reduce(self.add, nodes)

    def sub(self, a: int, b: int) -> int:
        return self.point("sub", a, b)

    def mul(self, a: int, b: int) -> int:
        return self.point("mul", a, b)

    def times(self, a: int, factor: float) -> int:
        return self.point("mul", a, self.const(factor))

    def plus(self, a: int, term: float) -> int:
        return self.point("add", a, self.const(term))

    # along the width

    def reduce(self, op: str, a: int) -> int:
        return a if self.width(a) == 1 else self.node(op, a, width=1)

    def norm(self, a: int) -> int:
        return self.point("abs", a) if self.width(a) == 1 else self.reduce("norm", a)

    def mean(self, a: int) -> int:
        return self.times(self.reduce("sum", a), 1.0 / self.width(a))

    # parts of a row

    def repeat(self, a: int, block: int, count: int) -> int:
        """`[outer, block]` -> `[outer, count, block]`"""
        if count == 1 or self.width(a) == 1:
            return self.broadcast(a, self.width(a) * count)
        return self.node("repeat", a, attrs=(block, count), width=self.width(a) * count)

    def join_parts(self, op: str, a: int, block: int, count: int) -> int:
        """`sum`, `amax` or `amin` along the middle: `[outer, count, block]` -> `[outer, block]`"""
        width = self.width(a) // count
        if count == 1:
            return a
        if width == 1:
            return self.reduce(op, a)
        return self.node(f"{op}_parts", a, attrs=(block, count), width=width)

    # moves

    def slice(self, a: int, start: int, stop: int) -> int:
        node = self.nodes[a]
        if start == 0 and stop == node.width:
            return a
        if node.op == "slice":
            return self.slice(node.args[0], node.attrs[0] + start, node.attrs[0] + stop)
        if node.op == "broadcast":
            return self.broadcast(node.args[0], stop - start)
        if node.op == "cat":
            first = 0
            for part in node.args:
                width = self.width(part)
                if first <= start and stop <= first + width:
                    return self.slice(part, start - first, stop - first)
                first += width
        return self.node("slice", a, attrs=(start, stop), width=stop - start)

    def cat(self, parts: Iterable[int]) -> int:
        joined: list[int] = []
        for part in parts:
            if joined and (both := self._adjoining(joined[-1], part)) is not None:
                joined[-1] = both
            else:
                joined.append(part)
        if len(joined) == 1:
            return joined[0]
        return self.node("cat", *joined, width=sum(self.width(part) for part in joined))

    def broadcast(self, a: int, width: int) -> int:
        if self.width(a) == width:
            return a
        return self.node("broadcast", self._unspread(a), width=width)

    def _unspread(self, a: int) -> int:
        return self.nodes[a].args[0] if self.nodes[a].op == "broadcast" else a

    def _is_zero(self, a: int, sign: float) -> bool:
        """Whether it is the zero of this sign: -0.0 + 0.0 is not -0.0."""
        return self.value_of(a) == 0.0 and math.copysign(1.0, self.value_of(a) or 0.0) == sign

    def _adjoining(self, a: int, b: int) -> int | None:
        one, other = self.nodes[a], self.nodes[b]
        if one.op == other.op == "slice" and one.args == other.args and one.attrs[1] == other.attrs[0]:
            return self.slice(one.args[0], one.attrs[0], other.attrs[1])
        return None

    # reading

    def ancestors(self, roots: Iterable[int], stop: frozenset[int] = frozenset()) -> list[int]:
        """What `roots` are computed from, themselves included, in order; not beyond `stop`."""
        return sorted(ancestors(lambda number: self.nodes[number].args, roots, stop))


@dataclass(frozen=True)
class Hoisted:
    """A product of an input, taken out of the loop: one large product over all rows and steps.

    `inputs[into] = inputs[source][:, start:stop] @ weights[weight] + vectors[vector]`
    """

    source: int
    start: int
    stop: int
    weight: int
    vector: int | None
    into: int


@dataclass(frozen=True)
class StepGraph:
    """A loop's body in primitives: `lower` makes one, an engine runs it.

    Attributes:
        graph: its nodes.
        inputs, states, vectors: widths of the leaves, by their number. The last inputs are those of
            `hoisted`.
        weights: `(depth, width)` of each weight.
        outputs: nodes written at each step to arrays `[N, width]`.
        next_states: the node that replaces each state.
        totals: nodes summed over all rows and steps, to `[width]`.
        hoisted: products that are computed for all steps before the first one.
    """

    graph: Graph
    inputs: tuple[int, ...]
    states: tuple[int, ...]
    vectors: tuple[int, ...]
    weights: tuple[tuple[int, int], ...]
    outputs: tuple[int, ...]
    next_states: tuple[int, ...]
    totals: tuple[int, ...] = ()
    hoisted: tuple[Hoisted, ...] = ()
