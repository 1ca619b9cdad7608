"""Operations joined where the library has one instruction for several."""

from __future__ import annotations

from dataclasses import replace

from recurra.lowering.graph import Graph, StepGraph


def fuse(step: StepGraph) -> StepGraph:
    """The same step with `muladd` (`a * b + c`) and `multiply`, and without `detach`.

    `multiply`: rows times a weight, plus a vector, plus other rows: `attrs = (weight, transposed, has
    vector, has rows)`.
    """
    return _Fusion(step).run()


class _Fusion:
    def __init__(self, step: StepGraph) -> None:
        self.step, self.old, self.made = step, step.graph, Graph()
        roots = (*step.outputs, *step.next_states, *step.totals)
        self.order = self.old.ancestors(roots)
        self.uses = dict.fromkeys(self.order, 0)
        for number in (*roots, *(arg for n in self.order for arg in self.old[n].args)):
            self.uses[number] += 1
        self.level = levels(self.old, self.order)
        self.held: dict[int, int] = {}

    def run(self) -> StepGraph:
        for number in self.order:
            self.held[number] = self._made(number)
        step, held = self.step, self.held
        return replace(
            step,
            graph=self.made,
            outputs=tuple(held[n] for n in step.outputs),
            next_states=tuple(held[n] for n in step.next_states),
            totals=tuple(held[n] for n in step.totals),
        )

    def _made(self, number: int) -> int:
        node = self.old[number]
        args = [self.held[arg] for arg in node.args]
        if node.op == "detach":
            return args[0]
        if node.op == "product":
            return self._multiply(number, None)
        if node.op == "add":
            joined = self._added(number)
            if joined is not None:
                return joined
        if node.op == "where" and self.made.width(args[0]) < node.width:
            args[0] = self.made.broadcast(args[0], node.width)
        return self.made.node(node.op, *args, attrs=node.attrs, width=node.width)

    def _multiply(self, number: int, other: int | None) -> int:
        """A product, with the value added to it."""
        old, node = self.old, self.old[number]
        rows, *bias = node.args
        vector = [self.held[b] for b in bias]
        added: list[int] = []
        if other is not None:
            (added if bias or old[other].op != "vector" else vector).append(self.held[other])
        attrs = (*node.attrs, bool(vector), bool(added))
        return self.made.node("multiply", self.held[rows], *vector, *added, attrs=attrs, width=node.width)

    def _added(self, number: int) -> int | None:
        old, node = self.old, self.old[number]
        for one, other in (node.args[::-1], node.args):
            if self.uses[one] != 1 or old.width(one) != node.width:
                continue
            if old[one].op == "product" and self._stands(other, one):
                return self._multiply(one, other)
        for one, other in (node.args, node.args[::-1]):
            if self.uses[one] == 1 and old[one].op == "mul" and old.width(one) == node.width:
                a, b = sorted(old[one].args, key=lambda n: -old.width(n))
                return self.made.node(
                    "muladd", self.held[a], self.held[b], self.held[other], width=node.width
                )
        return None

    def _stands(self, other: int, product: int) -> bool:
        """Whether a value is there, as rows of full width or a vector, before a product begins."""
        old = self.old
        if old.width(other) != old.width(product):
            return False
        source = other
        while old[source].op in ("slice", "detach"):
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
    """How many products stand, one behind the other, between the step's beginning and a value, it
    included."""
    level: dict[int, int] = {}
    for number in order:
        node = graph[number]
        before = max((level[arg] for arg in node.args), default=0)
        level[number] = before + (node.op in ("product", "multiply"))
    return level
