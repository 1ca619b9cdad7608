"""Operations joined where the library has one instruction for several."""

from __future__ import annotations

from dataclasses import replace

from recurra.lowering.graph import Graph, StepGraph


def fuse(step: StepGraph) -> StepGraph:
    """The same step with `muladd` (`a * b + c`) and `multiply`, and without `detach`
    and `same`.

    `multiply`: rows times a weight, plus a vector, plus other rows: `attrs = (weight, transposed, has
    vector, has rows)`.
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
        if node.op == "where" and self.new.width(args[0]) < node.width:
            args[0] = self.new.broadcast(args[0], node.width)
        return self.new.node(node.op, *args, attrs=node.attrs, width=node.width)

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
        for one, other in (node.args, node.args[::-1]):
            if self.uses[one] == 1 and old[one].op == "mul" and old.width(one) == node.width:
                a, b = sorted(old[one].args, key=lambda n: -old.width(n))
                return self.new.node(
                    "muladd", self.number[a], self.number[b], self.number[other], width=node.width
                )
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
