"""A step's graph -> the flat instructions that the native library runs: their order, and where every value
lives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from recurra.engines.native import _engine
from recurra.engines.native.fuse import fuse, levels
from recurra.lowering.graph import StepGraph


class Place(NamedTuple):
    """Space, number within it, first column: see `native/engine/program.h`."""

    space: str
    number: int = 0
    column: int = 0


NOWHERE = Place("none")
STANDING = ("input", "state", "output", "next", "temporary")
"""Spaces whose rows a product can read."""


@dataclass
class Encoded:
    """What the library's loop classes are made of.

    Attributes:
        weights: `(weight, transposed)` of each matrix that products read, in the library's order.
    """

    inputs: list[int]
    states: list[int]
    outputs: list[int]
    vectors: list[int]
    totals: list[int]
    temporaries: list[int] = field(default_factory=list)
    locals: list[int] = field(default_factory=list)
    weights: list[tuple[int, bool]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    immediates: list[float] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    next: list[int] = field(default_factory=list)

    def driver(self, double: bool) -> Any:
        """The library's loop, for float32 or float64."""
        return (_engine.LoopF64 if double else _engine.LoopF32)(
            inputs=self.inputs,
            states=self.states,
            outputs=self.outputs,
            temporaries=self.temporaries,
            vectors=self.vectors,
            locals=self.locals,
            totals=self.totals,
            weights=self.sizes,
            immediates=self.immediates,
            lines=self.lines,
            next=self.next,
        )


class _Item(NamedTuple):
    """One instruction to be: sorts by level, products first."""

    level: int
    phase: int
    sequence: int
    node: int
    place: Place | None  # of a copy or a total; None: the node's own computation

    @property
    def segment(self) -> tuple[int, int]:
        return self.level, self.phase


def encode(step: StepGraph) -> Encoded:
    """The instructions of a step."""
    return _Encoder(fuse(step)).run()


class _Encoder:
    def __init__(self, step: StepGraph) -> None:
        self.step, self.graph = step, step.graph
        widths = self.graph.width
        self.out = Encoded(
            list(step.inputs),
            list(step.states),
            [widths(n) for n in step.outputs],
            list(step.vectors),
            [widths(n) for n in step.totals],
        )
        self.order = self.graph.ancestors((*step.outputs, *step.next_states, *step.totals))
        self.level = levels(self.graph, self.order)
        self.place: dict[int, Place] = {}
        self.ends: list[tuple[int, Place]] = []  # copies and totals
        self.spare: dict[int, list[int]] = {}

    def run(self) -> Encoded:
        self._place_leaves()
        self._place_roots()
        items = self._items()
        self._place_crossing(items)
        last = {number: k for k, item in enumerate(items) for number in self._reads(item)}
        for k, item in enumerate(items):
            if item.node not in self.place:
                self.place[item.node] = Place("local", self._borrow(self.graph.width(item.node)))
            self._emit(item)
            for number in {item.node, *self._reads(item)}:
                place = self.place[number]
                if place.space == "local" and last.get(number, -1) <= k:
                    self.spare.setdefault(self.graph.width(number), []).append(place.number)
                    last[number] = len(items)  # given back once
        return self.out

    # places

    def _place_leaves(self) -> None:
        for number in self.order:
            node = self.graph[number]
            if node.op == "const":
                value = self.graph.value_of(number)
                assert value is not None
                self.place[number] = Place("immediate", len(self.out.immediates))
                self.out.immediates.append(value)
            elif node.is_leaf:
                self.place[number] = Place(node.op, node.attrs[0])

    def _place_roots(self) -> None:
        for o, number in enumerate(self.step.outputs):
            self._claim(number, Place("output", o))
        for j, number in enumerate(self.step.next_states):
            place = self.place.get(number, NOWHERE)
            if place != Place("state", j) and place.space != "output":
                place = Place("next", j)
                self._claim(number, place)
            self.out.next += _codes(place)
        for k, number in enumerate(self.step.totals):
            self.ends.append((number, Place("total", k)))

    def _claim(self, number: int, place: Place) -> None:
        """A value is computed straight into a place, or copied there when it lives elsewhere."""
        if number in self.place or self.graph[number].op == "slice":
            self.ends.append((number, place))
            return
        self.place[number] = place
        if self.graph[number].op == "cat":
            for part, column in self._parts(number):
                if part not in self.place and self.graph[part].op not in ("slice", "cat"):
                    self.place[part] = place._replace(column=place.column + column)

    def _parts(self, cat: int) -> list[tuple[int, int]]:
        columns, column = [], 0
        for part in self.graph[cat].args:
            columns.append((part, column))
            column += self.graph.width(part)
        return columns

    def _items(self) -> list[_Item]:
        items = []
        for number in self.order:
            node = self.graph[number]
            if not node.is_leaf and node.op != "slice":
                items.append(_Item(self.level[number], int(node.op != "multiply"), number, number, None))
        for k, (number, place) in enumerate(self.ends):
            items.append(_Item(self.level[number], 1, len(self.graph) + k, number, place))
        return sorted(items)

    def _place_crossing(self, items: list[_Item]) -> None:
        """What a product makes or reads, and what is read in another segment, outlives a tile."""
        made = {item.node: item.segment for item in items if item.place is None}
        crossing = {number for number, segment in made.items() if segment[1] == 0}
        crossing |= {number for number in made if self.graph[number].op == "cat"}
        for item in items:
            for number in self._reads(item):
                if number in made and made[number] != item.segment:
                    crossing.add(number)
                if item.phase == 0 and number == self._source(self.graph[item.node].args[0]):
                    crossing.add(number)
        for number in sorted(crossing, reverse=True):
            if self.place.get(number, NOWHERE).space not in (*STANDING, "vector"):
                self._claim(number, Place("temporary", len(self.out.temporaries)))
                self.out.temporaries.append(self.graph.width(number))

    def _source(self, number: int) -> int:
        """The value whose numbers a slice shows."""
        while self.graph[number].op == "slice":
            number = self.graph[number].args[0]
        return number

    def _reads(self, item: _Item) -> list[int]:
        if item.place is not None:
            return [self._source(item.node)]
        return [self._source(arg) for arg in self.graph[item.node].args]

    def _borrow(self, width: int) -> int:
        if self.spare.get(width):
            return self.spare[width].pop()
        self.out.locals.append(width)
        return len(self.out.locals) - 1

    def _where(self, number: int) -> Place:
        node = self.graph[number]
        if node.op == "slice":
            place = self._where(node.args[0])
            return place._replace(column=place.column + node.attrs[0])
        return self.place[number]

    # instructions

    def _emit(self, item: _Item) -> None:
        graph, node = self.graph, self.graph[item.node]
        if item.place is not None:
            op = "total" if item.place.space == "total" else "copy"
            self._line(op, node.width, item.place, [self._where(item.node)])
        elif node.op == "multiply":
            self._multiply(item.node)
        elif node.op == "cat":
            for part, column in self._parts(item.node):
                here = self.place[item.node]
                wanted = here._replace(column=here.column + column)
                if self._where(part) != wanted:
                    self._line("copy", graph.width(part), wanted, [self._where(part)])
        elif node.op == "broadcast":
            self._line("copy", node.width, self.place[item.node], [self._where(node.args[0])], mode=4)
        else:
            bits = (4, 1, 2)
            width = max(graph.width(arg) for arg in node.args)
            mode = sum(bits[k] for k, arg in enumerate(node.args) if graph.width(arg) < width)
            self._line(node.op, width, self.place[item.node], [self._where(arg) for arg in node.args], mode)

    def _multiply(self, number: int) -> None:
        node = self.graph[number]
        weight, transposed, has_vector, has_rows = node.attrs
        depth, width = self.step.weights[weight]
        if (weight, transposed) not in self.out.weights:
            self.out.weights.append((weight, transposed))
            self.out.sizes += (width, depth) if transposed else (depth, width)
        rows, *rest = [self._where(arg) for arg in node.args]
        vector = rest.pop(0) if has_vector else NOWHERE
        added = rest.pop(0) if has_rows else NOWHERE
        which = self.out.weights.index((weight, transposed))
        self._line("product", node.width, self.place[number], [rows, vector, added], weight=which)

    def _line(
        self, op: str, width: int, to: Place, given: list[Place], mode: int = 0, weight: int = 0
    ) -> None:
        code = -1 if op == "product" else _engine.OPS[op]
        places = [to, *given, *[NOWHERE] * (3 - len(given))]
        self.out.lines += [code, width, mode, *(n for place in places for n in _codes(place)), weight]


def _codes(place: Place) -> list[int]:
    return [_engine.SPACES[place.space], place.number, place.column]
