"""One time step as plain data, split by what depends on what.

*once*: made of weights alone. *before*: of the input, not of the state: one pass over all of time.
*inside*: what the next state needs: the loop. *after*: uses the state but is not fed back: again one pass
over all of time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from recurra.program.ops import OPS, SOURCES
from recurra.program.value import Value, ancestors

_ROW_WORK = frozenset(
    name for name, op in OPS.items() if op.kind in ("pointwise", "rowwise", "reduction", "parts")
)
PARTS = ("once", "before", "inside", "after")


@dataclass(frozen=True)
class Program:
    """A traced step.

    Attributes:
        values: numbered; arguments come before what uses them.
        x: the number of the step's input, `[rows, input_size]`.
        states: name -> number of the state's leaf, `[rows, width]`, in the state's own order; the shape of a
            row's matrix is its value's, its numbers lie in one row of that width.
        next_states: name -> number of what replaces it, in the same order.
        y: the number of the step's output, `[rows, output_size]`.
    """

    values: tuple[Value, ...]
    x: int
    states: dict[str, int]
    next_states: dict[str, int]
    y: int

    @cached_property
    def live(self) -> frozenset[int]:
        """What the output or the next state is computed from."""
        return self._ancestors([self.y, *self.next_states.values()])

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The part of every value. Leaves: weights `once`, input and resets `before`, states `inside`."""
        fed_back = self._ancestors(self.next_states.values())
        parts: list[str] = []
        for number, value in enumerate(self.values):
            if value.fixed:
                parts.append("once")
            elif value.op == "state":
                parts.append("inside")
            elif all(parts[arg] in ("once", "before") for arg in value.args):
                parts.append("before")
            else:
                parts.append("inside" if number in fed_back else "after")
        # a slice is free within the loop; before it, each would be an array of its own over all of time
        readers = self._readers
        for number in reversed(range(len(self.values))):
            if self.values[number].op == "slice" and parts[number] == "before" and readers[number]:
                if all(parts[reader] == "inside" for reader in readers[number]):
                    parts[number] = "inside"
        return tuple(parts)

    def of_part(self, part: str) -> tuple[int, ...]:
        """The numbers of a part's live operations and leaves, in order.

        Random rows count as live: leaving a draw out would shift those after it.
        """
        return self._by_part[part]

    @cached_property
    def _by_part(self) -> dict[str, tuple[int, ...]]:
        parts: dict[str, list[int]] = {part: [] for part in PARTS}
        for number, value in enumerate(self.values):
            if number in self.live or value.op in SOURCES:
                parts[self.parts[number]].append(number)
        return {part: tuple(numbers) for part, numbers in parts.items()}

    @cached_property
    def loop(self) -> Loop:
        """The inside part with its borders."""
        inside = [n for n in self.of_part("inside") if not self.values[n].is_leaf]
        reads = {arg for n in inside for arg in self.values[n].args} | set(self.next_states.values())
        outward = {self.y} | {arg for n in self.of_part("after") for arg in self.values[n].args}
        return Loop(
            values=self.values,
            inputs=tuple(n for n in sorted(reads) if self.parts[n] == "before"),
            fixed=tuple(n for n in sorted(reads) if self.parts[n] == "once"),
            states=tuple(self.states.values()),
            body=tuple(inside),
            next_states=tuple(self.next_states.values()),
            outputs=tuple(n for n in sorted(outward) if self.parts[n] == "inside"),
        )

    @cached_property
    def merged(self) -> Loop:
        """As `loop`, and what is made of the input and read by the loop alone is part of its body.

        For an engine that finds out itself what it can do over all of time at once, and in what portions.
        """
        loop, readers = self.loop, self._readers
        results = {self.y, *self.next_states.values()}
        body = set(loop.body)
        for n in reversed(self.of_part("before")):
            if n in results or not readers[n] or not body.issuperset(readers[n]):
                continue
            # work on a row is cheaper in the loop, where the row is at hand, than as an array over all of
            # time; but not in front of a product, which would have to follow it into the loop
            op = self.values[n].op
            if (op == "product" or op in _ROW_WORK) and n not in self._rows_of_products:
                body.add(n)
        from_before = body.difference(loop.body)
        reads = {arg for n in from_before for arg in self.values[n].args}
        inputs = {*loop.inputs} | {n for n in reads if self.parts[n] == "before"}
        merged = replace(
            loop,
            inputs=tuple(sorted(inputs - from_before)),
            fixed=tuple(sorted({*loop.fixed} | {n for n in reads if self.parts[n] == "once"})),
            body=tuple(sorted(body)),
        )
        return loop if merged == loop else merged  # what is made of a loop is made once for each object

    @cached_property
    def _rows_of_products(self) -> frozenset[int]:
        """The live values that, whole or in part, are multiplied as they are."""
        rows: set[int] = set()
        for number in reversed(range(len(self.values))):
            value = self.values[number]
            if number not in self.live:
                continue
            if value.op == "product":
                rows.add(value.args[0])
            elif (
                number in rows
                and value.op in OPS
                and not value.is_leaf
                and OPS[value.op].kind in ("structure", "parts")
            ):
                rows.update(value.args)
        return frozenset(rows)

    def prelude(self, loop: Loop) -> tuple[int, ...]:
        """The operations to run over all of time before one of this program's loops."""
        if loop is self.loop:
            return self._prelude
        return self._prelude_of_merged if loop is self.merged else self._prelude_of(loop)

    @cached_property
    def _prelude(self) -> tuple[int, ...]:
        return self._prelude_of(self.loop)

    @cached_property
    def _prelude_of_merged(self) -> tuple[int, ...]:
        return self._prelude_of(self.merged)

    def _prelude_of(self, loop: Loop) -> tuple[int, ...]:
        body = set(loop.body)
        return tuple(n for n in self.of_part("before") if not self.values[n].is_leaf and n not in body)

    @cached_property
    def _readers(self) -> list[list[int]]:
        readers: list[list[int]] = [[] for _ in self.values]
        for number, value in enumerate(self.values):
            if number in self.live:
                for arg in value.args:
                    readers[arg].append(number)
        return readers

    def _ancestors(self, roots: Iterable[int]) -> frozenset[int]:
        return ancestors(lambda number: self.values[number].args, roots)


@dataclass(frozen=True)
class Loop:
    """What an engine runs: the inside of a program, over ragged rows.

    N rows of all steps together, packed step by step, longest row first; B rows at most at one step. Every
    attribute but `values` holds numbers of values.

    Attributes:
        values: all of the program's.
        inputs: read at each step from arrays `[N, width]` that are there before the loop begins.
        fixed: weights: matrices `[in, out]` of products, vectors `[width]` beside rows.
        states: the leaves that carry `[B, width]` from step to step.
        body: operations in order, each `[rows of the step, width]`.
        next_states: what replaces each state, in the order of `states`, of the same width; it may be any
            value, a state itself included.
        outputs: written at each step to arrays `[N, width]`; a state's leaf means its value before the step.
    """

    values: tuple[Value, ...]
    inputs: tuple[int, ...]
    fixed: tuple[int, ...]
    states: tuple[int, ...]
    body: tuple[int, ...]
    next_states: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def handed_on(self) -> frozenset[int]:
        """Next states that the step does not make: leaves, and a state that may have started afresh."""

        def made_by_step(number: int) -> bool:
            value = self.values[number]
            fresh = value.op == "where" and self.values[value.args[0]].op == "reset"
            return number in self.body and not fresh

        return frozenset(number for number in self.next_states if not made_by_step(number))
