"""A step's graph -> the lines that the native library runs: their order, and where every value lives."""

from __future__ import annotations

from typing import NamedTuple

from recurra.engines.native._engine import OPS, PRODUCT, SINGLE, Line, LoopProgram, Place, Space
from recurra.engines.native.fuse import fuse, levels
from recurra.lowering.graph import StepGraph
from recurra.program.ops import OPS as OPERATIONS

PARTS = {name for name, op in OPERATIONS.items() if op.kind == "parts"}
NOWHERE = Place(Space.none)
STANDING = (Space.input, Space.state, Space.output, Space.next, Space.temporary)
"""Spaces whose rows a product can read."""


class Encoded(NamedTuple):
    """A step as the library runs it.

    Attributes:
        program: for any type of numbers.
        weights: `(weight, transposed)` of each matrix that the program's products read, in its order;
            weights by their number in the step.
        step: as it was encoded, with what could be joined.
        products: lines that are products, with their nodes in that step.
    """

    program: LoopProgram
    weights: tuple[tuple[int, bool], ...]
    step: StepGraph
    products: tuple[tuple[int, int], ...]


class _Item(NamedTuple):
    """One line to be: sorts by level, products first."""

    level: int
    phase: int
    sequence: int
    node: int
    place: Place | None  # of a copy or a total; None: the node's own computation

    @property
    def segment(self) -> tuple[int, int]:
        return self.level, self.phase


def encode(step: StepGraph) -> Encoded:
    """The lines of a step."""
    return _Encoder(fuse(step)).run()


class _Encoder:
    def __init__(self, step: StepGraph) -> None:
        self.step, self.graph = step, step.graph
        self.temporaries: list[int] = []  # widths, as of the next
        self.locals: list[int] = []
        self.weights: list[tuple[int, bool]] = []
        self.sizes: list[tuple[int, int]] = []
        self.immediates: list[float] = []
        self.lines: list[Line] = []
        self.products: list[tuple[int, int]] = []
        self.next: list[Place] = []
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
                self.place[item.node] = Place(Space.local, self._borrow(self.graph.width(item.node)))
            self._emit(item)
            for number in {item.node, *self._reads(item)}:
                place = self.place[number]
                if place.space == Space.local and last.get(number, -1) <= k:
                    self.spare.setdefault(self.graph.width(number), []).append(place.index)
                    last[number] = len(items)  # given back once
        widths = self.graph.width
        program = LoopProgram(
            inputs=self.step.inputs,
            states=self.step.states,
            outputs=[widths(n) for n in self.step.outputs],
            temporaries=self.temporaries,
            vectors=self.step.vectors,
            locals=self.locals,
            totals=[widths(n) for n in self.step.totals],
            weights=self.sizes,
            immediates=self.immediates,
            lines=self.lines,
            next=self.next,
        )
        return Encoded(program, tuple(self.weights), self.step, tuple(self.products))

    # places

    def _place_leaves(self) -> None:
        for number in self.order:
            node = self.graph[number]
            if node.op == "const":
                value = self.graph.value_of(number)
                assert value is not None
                self.place[number] = Place(Space.immediate, len(self.immediates))
                self.immediates.append(value)
            elif node.is_leaf:
                self.place[number] = Place(Space[node.op], node.attrs[0])

    def _place_roots(self) -> None:
        for o, number in enumerate(self.step.outputs):
            self._claim(number, Place(Space.output, o))
        for j, number in enumerate(self.step.next_states):
            place = self.place.get(number, NOWHERE)
            if place != Place(Space.state, j) and place.space != Space.output:
                place = Place(Space.next, j)
                self._claim(number, place)
            self.next.append(place)
        for k, number in enumerate(self.step.totals):
            self.ends.append((number, Place(Space.total, k)))

    def _claim(self, number: int, place: Place) -> None:
        """A value is computed straight into a place, or copied there when it lives elsewhere."""
        if number in self.place or self.graph[number].op == "slice":
            self.ends.append((number, place))
            return
        self.place[number] = place
        if self.graph[number].op == "cat":
            for part, column in self._parts(number):
                if part not in self.place and self.graph[part].op not in ("slice", "cat"):
                    self.place[part] = _further(place, column)

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
        segments = {item.node: item.segment for item in items if item.place is None}
        crossing = {number for number, segment in segments.items() if segment[1] == 0}
        crossing |= {number for number in segments if self.graph[number].op == "cat"}
        for item in items:
            for number in self._reads(item):
                if number in segments and segments[number] != item.segment:
                    crossing.add(number)
                if item.phase == 0 and number == self._source(self.graph[item.node].args[0]):
                    crossing.add(number)
        for number in sorted(crossing, reverse=True):
            if self.place.get(number, NOWHERE).space not in (*STANDING, Space.vector):
                self._claim(number, Place(Space.temporary, len(self.temporaries)))
                self.temporaries.append(self.graph.width(number))

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
        self.locals.append(width)
        return len(self.locals) - 1

    def _where(self, number: int) -> Place:
        node = self.graph[number]
        if node.op == "slice":
            place = self._where(node.args[0])
            return _further(place, node.attrs[0])
        return self.place[number]

    # lines

    def _emit(self, item: _Item) -> None:
        graph, node = self.graph, self.graph[item.node]
        if item.place is not None:
            op = "total" if item.place.space == Space.total else "copy"
            self._line(op, node.width, item.place, [self._where(item.node)])
        elif node.op == "multiply":
            self._multiply(item.node)
        elif node.op == "cat":
            for part, column in self._parts(item.node):
                place = _further(self.place[item.node], column)
                if self._where(part) != place:
                    self._line("copy", graph.width(part), place, [self._where(part)])
        elif node.op == "broadcast":
            self._line("copy", node.width, self.place[item.node], [self._where(node.args[0])], SINGLE[0])
        elif node.op in PARTS:
            self._parts_of_a_row(item.node)
        elif node.attrs:
            parts, width, strides, single = node.attrs
            mode = sum(bit for bit, one in zip(SINGLE, single, strict=False) if one)
            a, b, c = [*(self._where(arg) for arg in node.args), NOWHERE, NOWHERE][:3]
            steps = (*strides, 0, 0)[:3]
            place = self.place[item.node]
            self.lines.append(Line(OPS[node.op], width, mode, place, a, b, c, -1, 1, 1, parts, steps))
        else:
            width = max(graph.width(arg) for arg in node.args)
            mode = sum(SINGLE[k] for k, arg in enumerate(node.args) if graph.width(arg) < width)
            self._line(node.op, width, self.place[item.node], [self._where(arg) for arg in node.args], mode)

    def _parts_of_a_row(self, number: int) -> None:
        node = self.graph[number]
        source = self.graph.width(node.args[0])
        if node.op == "gather":
            width, block, count = node.width, source, 1
        elif node.op == "scatter_add":
            width, block, count = source, node.width, 1
        else:
            width, (block, count) = max(source, node.width), node.attrs
        a, b, c = [*(self._where(arg) for arg in node.args), NOWHERE, NOWHERE][:3]
        self.lines.append(Line(OPS[node.op], width, 0, self.place[number], a, b, c, -1, block, count))

    def _multiply(self, number: int) -> None:
        node = self.graph[number]
        weight, transposed, has_vector, has_rows = node.attrs
        depth, width = self.step.weights[weight]
        if (weight, transposed) not in self.weights:
            self.weights.append((weight, transposed))
            self.sizes.append((width, depth) if transposed else (depth, width))
        rows, *rest = [self._where(arg) for arg in node.args]
        vector = rest.pop(0) if has_vector else NOWHERE
        addend = rest.pop(0) if has_rows else NOWHERE
        index = self.weights.index((weight, transposed))
        self.products.append((len(self.lines), number))
        self.lines.append(Line(PRODUCT, node.width, 0, self.place[number], rows, vector, addend, index))

    def _line(self, op: str, width: int, to: Place, operands: list[Place], mode: int = 0) -> None:
        a, b, c = [*operands, *[NOWHERE] * (3 - len(operands))]
        self.lines.append(Line(OPS[op], width, mode, to, a, b, c))


def _further(place: Place, columns: int) -> Place:
    return Place(place.space, place.index, place.column + columns)
