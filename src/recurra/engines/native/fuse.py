"""Operations joined where the library has one instruction for several.

What a row repeats for each part of a matrix is not written down again and again: a pointwise instruction goes
over the matrix part by part and reads it where it lies (`_View`), and a product that is only summed is never
there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from recurra.lowering.graph import Graph, StepGraph
from recurra.program.ops import OPS

LEAST_PART = 4
"""Numbers of the smallest part that is worth a turn of its own."""


class _View(NamedTuple):
    """What an instruction over parts reads of a node, so many numbers on from one part to the next; `single`:
    one number a part.
    """

    node: int
    stride: int
    single: bool


def fuse(step: StepGraph) -> StepGraph:
    """The same step with `muladd` (`a * b + c`), `dot`, `weigh` and `multiply`, and without `detach`
    and `same`.

    `multiply`: rows times a weight, plus a vector, plus other rows: `attrs = (weight, transposed, has
    vector, has rows)`. Pointwise nodes over parts, and `dot` and `weigh`: `attrs = (parts, width of one,
    strides, which are single)`.
    """
    return _Fusion(step).run()


class _Fusion:
    def __init__(self, step: StepGraph) -> None:
        self.step, self.old, self.new = step, step.graph, Graph()
        roots = (*step.outputs, *step.next_states, *step.totals)
        self.order = self.old.ancestors(roots)
        self.uses = dict.fromkeys(self.order, 0)
        for number in (*roots, *(arg for n in self.order for arg in self.old[n].args)):
            self.uses[number] += 1
        self.level = levels(self.old, self.order)
        self.number: dict[int, int] = {}  # of an old node: its new one

    def run(self) -> StepGraph:
        for number in self.order:
            self.number[number] = self._node(number)
        step, new = self.step, self.number
        return replace(
            step,
            graph=self.new,
            outputs=tuple(new[n] for n in step.outputs),
            next_states=tuple(new[n] for n in step.next_states),
            totals=tuple(new[n] for n in step.totals),
        )

    def _node(self, number: int) -> int:
        node = self.old[number]
        args = [self.number[arg] for arg in node.args]
        if node.op in ("detach", "same"):
            return args[0]
        if node.op == "product":
            return self._multiply(number, None)
        if node.op == "add":
            joined = self._sum(number)
            if joined is not None:
                return joined
        if node.op == "sub":
            joined = self._difference(number)
            if joined is not None:
                return joined
        if node.op == "where" and self.new.width(args[0]) < node.width:
            args[0] = self.new.broadcast(args[0], node.width)
        if node.op == "sum_parts":
            return self._summed(node.args[0], *node.attrs)
        if node.op in OPS and OPS[node.op].kind == "pointwise":
            return self._pointwise(node.op, args, node.width)
        return self.new.node(node.op, *args, attrs=node.attrs, width=node.width)

    # parts of a row

    def _pointwise(self, op: str, args: Sequence[int], width: int) -> int:
        """A pointwise operation; one of nothing but repeated numbers is computed before they are."""
        new = self.new
        repeats = {new[arg].attrs for arg in args if new[arg].op == "repeat" and new.width(arg) == width}
        whole = [arg for arg in args if new.width(arg) > 1 and new[arg].op != "repeat"]
        if len(repeats) == 1 and not whole:
            inner = [new[arg].args[0] if new[arg].op == "repeat" else arg for arg in args]
            (attrs,) = repeats
            narrow = self._pointwise(op, inner, max(new.width(arg) for arg in inner))
            return new.repeat(narrow, *attrs)
        parts = self._parts(args, width)
        if parts is None:
            return new.node(op, *args, width=width)
        views = [self._view(arg, *parts) for arg in args]
        if op == "muladd" and views[0].single:
            views[:2] = views[1], views[0]
        for k, view in enumerate(views):  # the library has no such form: the repeated numbers themselves
            if view.single and (k == 0 and (op in ("muladd", "where") or views[1].single)):
                views[k] = _View(new.broadcast(args[k], width), parts[1], False)
        return self._over_parts(op, views, *parts, width)

    def _over_parts(self, op: str, views: Sequence[_View], count: int, size: int, width: int) -> int:
        strides, single = (
            tuple(column) for column in zip(*((v.stride, v.single) for v in views), strict=True)
        )
        return self.new.node(op, *(v.node for v in views), attrs=(count, size, strides, single), width=width)

    def _parts(self, args: Sequence[int], width: int) -> tuple[int, int] | None:
        """How many parts a row has, and of how many numbers, if an operand repeats each or all of them."""
        for arg in args:
            node = self.new[arg]
            if node.op != "repeat" or node.width != width:
                continue
            block, count = node.attrs
            if block == 1 and count >= LEAST_PART:
                return width // count, count
            if block == self.new.width(node.args[0]) >= LEAST_PART:
                return count, block
        return None

    def _view(self, arg: int, count: int, size: int) -> _View:
        node = self.new[arg]
        if node.width == 1:
            return _View(arg, 0, True)
        if node.op == "broadcast":
            return _View(node.args[0], 0, True)
        if node.op == "repeat" and node.attrs == (1, size):
            return _View(node.args[0], 1, True)
        if node.op == "repeat" and node.attrs == (size, count) and self.new.width(node.args[0]) == size:
            return _View(node.args[0], 0, False)
        return _View(arg, size, False)

    def _summed(self, number: int, block: int, count: int) -> int:
        """The sum of parts of an old node; of a product that nobody else reads, without the product."""
        old, new, node = self.old, self.new, self.old[number]
        if self.uses[number] == 1 and all(old.width(arg) == node.width for arg in node.args):
            if node.op == "neg":
                return new.point("neg", self._summed(node.args[0], block, count))
            if node.op == "add" and any(old[arg].op == "mul" and self.uses[arg] == 1 for arg in node.args):
                return new.add(*(self._summed(arg, block, count) for arg in node.args))
            if node.op == "mul":
                product = self._summed_product([self.number[arg] for arg in node.args], block, count)
                if product is not None:
                    return product
        return new.join_parts("sum", self.number[number], block, count)

    def _summed_product(self, args: list[int], block: int, count: int) -> int | None:
        width = self.new.width(args[0])
        if block == 1 and count >= LEAST_PART:
            views = [self._view(arg, width // count, count) for arg in args]
            if not any(view.single for view in views):
                return self._over_parts("dot", views, width // count, count, width // count)
        elif block * count == width and block >= LEAST_PART:
            views = [self._view(arg, count, block) for arg in args]
            if not all(view.single for view in views):
                return self._over_parts("weigh", views, count, block, block)
        return None

    def _difference(self, number: int) -> int | None:
        """`x - r * y` as `y * -r + x` where r is a few numbers that are repeated."""
        old, new, node = self.old, self.new, self.old[number]
        x, product = node.args
        if self.uses[product] != 1 or old[product].op != "mul" or old.width(product) != node.width:
            return None
        args = [self.number[arg] for arg in old[product].args]
        for one, other in (args, args[::-1]):
            if new[one].op == "repeat" and new.width(other) == node.width:
                negative = self._pointwise("neg", [one], node.width)
                return self._pointwise("muladd", [other, negative, self.number[x]], node.width)
        return None

    def _multiply(self, number: int, other: int | None) -> int:
        """A product, with the value added to it."""
        old, node = self.old, self.old[number]
        rows, *bias = node.args
        vector = [self.number[b] for b in bias]
        addend: list[int] = []
        if other is not None:
            (addend if bias or old[other].op != "vector" else vector).append(self.number[other])
        attrs = (*node.attrs, bool(vector), bool(addend))
        return self.new.node("multiply", self.number[rows], *vector, *addend, attrs=attrs, width=node.width)

    def _sum(self, number: int) -> int | None:
        old, node = self.old, self.old[number]
        for one, other in (node.args[::-1], node.args):
            if self.uses[one] != 1 or old.width(one) != node.width:
                continue
            if old[one].op == "product" and self._stands(other, one):
                return self._multiply(one, other)
        pairs = [node.args, node.args[::-1]]
        # of two products, the one of repeated numbers: it need not be written down
        pairs.sort(key=lambda pair: not any(old[arg].op == "repeat" for arg in old[pair[0]].args))
        for one, other in pairs:
            if self.uses[one] == 1 and old[one].op == "mul" and old.width(one) == node.width:
                a, b = sorted(old[one].args, key=lambda n: -old.width(n))
                args = [self.number[n] for n in (a, b, other)]
                return self._pointwise("muladd", args, node.width)
        return None

    def _stands(self, other: int, product: int) -> bool:
        """Whether a value is there, as rows of full width or a vector, before a product begins."""
        old = self.old
        if old.width(other) != old.width(product):
            return False
        source = other
        while old[source].op in ("slice", "detach", "same"):
            source = old[source].args[0]
        if old[source].op == "vector":
            return source == other and len(old[product].args) == 1
        if old[source].op in ("const", "broadcast"):
            return False
        earlier = self.level[source] < self.level[product]
        beside = (
            old[source].op == "product" and self.level[source] == self.level[product] and source < product
        )
        return earlier or beside


def levels(graph: Graph, order: list[int]) -> dict[int, int]:
    """How many products stand one behind the other between the step's beginning and a value, it included."""
    level: dict[int, int] = {}
    for number in order:
        node = graph[number]
        deepest = max((level[arg] for arg in node.args), default=0)
        level[number] = deepest + (node.op in ("product", "multiply"))
    return level
