"""The native library, as its bindings (`native/engine/*bindings.cpp`) show it.

Large arrays cross as addresses, so that one build serves every version of torch. Their memory is the
caller's: it has to live, and to stay where it is, until the call is over, or for as long as is said.
Widths, strides and columns count numbers of the call's type (float32 or float64), never bytes. The library
trusts addresses and strides, and checks everything else: a number that does not exist or a shape that does
not fit is a ValueError.
"""

from collections.abc import Sequence
from enum import Enum
from typing import overload

import numpy as np
from numpy.typing import NDArray

Address = int
"""Of the first number; 0: there is none."""
Rows = tuple[Address, int]
"""A matrix whose columns lie next to each other, and how far its rows lie apart: at least as far as it is
wide.
"""
Matrix = tuple[Address, int, int]
"""A matrix, and how far its rows and its columns lie apart; zeros: there is none."""

OPS: dict[str, int]
"""Code of each operation but products (`native/engine/ops.h`)."""
PRODUCT: int
"""Code of a product."""
SINGLE: tuple[int, int, int]
"""The bits of `Line.mode` that say that operand a, b or c is one number a row."""

def level() -> str:
    """The instructions that the library chose for this processor, as `x86-64-v3`."""

def use_team(team: Address) -> None:
    """Shares jobs out over another library's threads from now on.

    Args:
        team: of a function `GOMP_parallel`, which has to stay; 0: the library's own threads again.
    """

# products over all rows at once

def gemm_f32(
    rows: int,
    depth: int,
    width: int,
    a: Matrix,
    b: Matrix,
    bias: Address,
    out: Rows,
    add: bool,
    threads: int,
) -> None:
    """`out = a @ b + bias`, or `out += a @ b`; its bits do not depend on the number of threads.

    Args:
        a: `[rows, depth]`; b: `[depth, width]`. Read; they may overlap each other.
        bias: `[width]`, or 0: none, as with `add`.
        out: `[rows, width]`, written; it overlaps nothing that is read. With `add` its numbers have to be
            set.
        threads: at most so many.
    """

def gemm_f64(
    rows: int,
    depth: int,
    width: int,
    a: Matrix,
    b: Matrix,
    bias: Address,
    out: Rows,
    add: bool,
    threads: int,
) -> None:
    """As `gemm_f32`."""

def column_sums_f32(rows: int, width: int, x: Rows, sums: Address, threads: int) -> None:
    """The sum of the rows of x `[rows, width]`, written to `sums` `[width]`, which overlaps nothing."""

def column_sums_f64(rows: int, width: int, x: Rows, sums: Address, threads: int) -> None:
    """As `column_sums_f32`."""

# one step, encoded

class Space(Enum):
    """Where numbers live while a step runs (`native/engine/program.h`)."""

    input = 0
    """Rows of an array `[N, width]` over all of time, read."""
    state = 1
    """What the previous step left, `[B, width]`, read."""
    output = 2
    """Rows of an array `[N, width]`, written; what has been written may be read."""
    next = 3
    """A state's next value, written."""
    temporary = 4
    """Room for the rows of a block, written and read."""
    vector = 5
    """`[width]`, the same for every row, read."""
    immediate = 6
    """One constant, read."""
    local = 7
    """Room for some rows at a time, written and read, between two products only."""
    total = 8
    """`[width]`, a sum over all rows and steps, which only the operation `total` writes."""
    none = 9
    """No place."""

class Place:
    """Some columns of one of the arrays, vectors, ... in a space. How many is the line's affair."""

    def __init__(self, space: Space, index: int = 0, column: int = 0) -> None: ...
    @property
    def space(self) -> Space: ...
    @property
    def index(self) -> int: ...
    @property
    def column(self) -> int:
        """The first."""

class Line:
    """One instruction: `d = op(a, b, c)`, or `d = a @ weight + b + c`."""

    def __init__(
        self,
        op: int,
        width: int,
        mode: int,
        d: Place,
        a: Place,
        b: Place = ...,
        c: Place = ...,
        weight: int = -1,
        block: int = 1,
        count: int = 1,
        parts: int = 0,
        strides: tuple[int, int, int] = (0, 0, 0),
    ) -> None:
        """
        Args:
            op: `PRODUCT`, or one of `OPS`.
            width: of the result, or of the operands where they are wider.
            mode: a sum of `SINGLE`, 0 for products.
            b, c: of no space where there is none. Of a product: a vector, and rows.
            weight: of a product, by its place among the program's.
            block, count: how a row is parted: `native/engine/program.h`.
            parts: of how many sub-rows of that width each row is; 0: of one, with no say of strides.
            strides: how far each of a, b, c moves on from one sub-row to the next.
        """

class LoopProgram:
    """A step: what it reads and writes, by its widths, and its lines in order."""

    def __init__(
        self,
        inputs: Sequence[int],
        states: Sequence[int],
        outputs: Sequence[int],
        temporaries: Sequence[int],
        vectors: Sequence[int],
        locals: Sequence[int],
        totals: Sequence[int],
        weights: Sequence[tuple[int, int]],
        immediates: Sequence[float],
        lines: Sequence[Line],
        next: Sequence[Place],
    ) -> None:
        """
        Args:
            weights: `(depth, width)` of each, as products read it.
            immediates: the constants themselves.
            next: for each state where its next value is: its own `state` (it stays), its own `next`, or an
                output.
        """

# a loop over time, with the large products before and after it (`native/engine/call.h`)

class Product:
    """`out[:, out_start:] = x[:, start : start + depth] @ weight + vector`, or added to what is there.

    Other columns of `out` stay. Arrays, weights and vectors go by number.
    """

    def __init__(
        self,
        x: int,
        start: int,
        depth: int,
        weight: int,
        transposed: bool,
        vector: int,
        out: int,
        out_start: int,
        add: bool,
    ) -> None:
        """
        Args:
            transposed: the weight is taken so; depth is that of the weight as it is taken.
            vector: -1: none.
        """

    @property
    def weight(self) -> int: ...

class GradientProduct:
    """The gradient of a weight: `x[:, start : start + depth]^T @ gradient`, or added to an earlier one's."""

    def __init__(self, x: int, start: int, gradient: int, weight: int, add: bool) -> None: ...
    @property
    def weight(self) -> int: ...

class CallPlan:
    """What is multiplied with what around a loop.

    Arrays `[N, width]` have numbers: those that are tensors of the caller, then those of each buffer in turn.
    """

    def __init__(
        self,
        tensors: Sequence[int],
        buffers: Sequence[Sequence[int]],
        inputs: Sequence[int],
        outputs: Sequence[int],
        vectors: Sequence[int],
        weights: Sequence[tuple[int, int]],
        loop_weights: Sequence[tuple[int, bool]],
        hoisted: Sequence[Product],
        weight_gradients: Sequence[GradientProduct],
        sums: Sequence[int],
        input_gradients: Sequence[Product],
    ) -> None:
        """
        Args:
            tensors: widths.
            buffers: widths of the arrays of each, which lie in it one after the other, without gaps.
            inputs, outputs: arrays that the loop reads and writes, in the order of its program's.
            vectors: widths, those of the program.
            weights: `(depth, width)` of each.
            loop_weights: for each weight of the program, which one it is and whether it is taken transposed.
            hoisted: done in order before the loop.
            weight_gradients: done in order after it.
            sums: arrays whose rows are summed then.
            input_gradients: done in order at the end.
        """

class _Call:
    """A planned run, in one type (the library has the two below). Several threads may run it at once, and
    it keeps no memory of the caller's.
    """

    def __init__(self, loop: LoopProgram, plan: CallPlan) -> None: ...
    def run(
        self,
        rows: int,
        batch_sizes: Sequence[int],
        reverse: bool,
        tensors: Sequence[Rows],
        buffers: Sequence[Address],
        initial: Sequence[Rows],
        weights: Sequence[Matrix],
        vectors: Sequence[Address],
        finals: Sequence[Address],
        totals: Sequence[Address],
        gradients: Sequence[Matrix],
        sums: Sequence[Address],
        threads: int,
    ) -> tuple[float, float, float]:
        """Runs it.

        All memory is needed until this returns. What is written overlaps nothing else and need not be set
        beforehand, but for what products add to; what is only read may overlap. Each list is in the order
        of the plan, or, of what is the loop's own, of its program.

        Args:
            rows: of the batch, B.
            batch_sizes: rows at each step, never growing, at most B; their sum is N.
            reverse: from the last step to the first.
            tensors: `[N, width]`. Read, but for those that the loop or a product writes; those that the loop
                writes lie without gaps between rows.
            buffers: N times the sum of their widths, read and written; what is in them afterwards is what the
                plan's arrays are.
            initial: each state `[B, width]` before the first step, read.
            weights: `[depth, width]`, read.
            vectors: `[width]` without gaps, read.
            finals: each state `[B, width]` after the last step of each row, without gaps, written.
            totals: the program's, `[width]`, written.
            gradients: of each weight, `[depth, width]`, whose rows or columns lie whole, written; zeros
                where the plan makes none. An empty list where it makes none at all.
            sums: `[width]`, written.
            threads: at most so many.

        Returns:
            seconds of the products before the loop, of the loop, and of all that comes after it.
        """

    def run_forest(
        self,
        trees: Trees,
        plan: ForestPlan,
        arguments: Arguments,
        first_rows: Sequence[int],
        edge: _Call | None,
        edge_arguments: Arguments,
        edge_first_rows: Sequence[int],
        missing: Sequence[Rows],
        threads: int,
    ) -> tuple[float, float, float]:
        """Runs it over the nodes of trees, level by level, its arrays of N rows.

        Args:
            first_rows: for each gradient of a weight the row that it begins at; empty: all at the first.
            edge: of what each child adds to sums, its arrays of E rows, in this call's type; None: the
                program has slots.
            missing: of each leaf of a state what is in an empty slot, with a stride of 0 for all trees or a
                row for each; of a forward run.

        Returns:
            as `run`.
        """

class CallF32(_Call): ...
class CallF64(_Call): ...

# the same over trees (`native/engine/forest.h`)

Arguments = tuple[
    Sequence[Rows],
    Sequence[Address],
    Sequence[Matrix],
    Sequence[Address],
    Sequence[Address],
    Sequence[Matrix],
    Sequence[Address],
]
"""Tensors, buffers, weights, vectors, totals, gradients and sums: see `_Call.run`."""

class Trees:
    """How the nodes of trees hang together, int64 by address: needed for as long as this lives."""

    def __init__(
        self,
        level_sizes: Address,
        levels: int,
        nodes: int,
        count: int,
        tree: Address,
        slots: int,
        children: Address,
        edges: int,
        child: Address,
        parent: Address,
        first: Address,
    ) -> None:
        """
        Args:
            level_sizes: `[levels]`, their sum is N, the number of `nodes`.
            tree: `[N]`, the tree of each row, of `count` ones; never falling within a level.
            children: `[N, slots]`, rows of a lower level; N where there is none. Of 0 slots: nowhere.
            child, parent: `[E]`, sorted by parent; with slots: nowhere.
            first: `[N + 1]`, the first edge of each row.
        """

class ForestPlan:
    """Which arrays of the calls are states, and which lines level 0 does without."""

    def __init__(
        self,
        backward: bool,
        states: Sequence[int],
        reads: Sequence[int],
        edge_states: Sequence[int],
        edge_sums: Sequence[int],
        same_lines: Sequence[int],
        idle_lines: Sequence[int],
    ) -> None:
        """
        Args:
            states: of a node, leaf by leaf; in a backward run, arrays that their gradients are added to.
            reads: what a node reads of its children, slot by slot, or the sums; or the gradients of these,
                -1 where there is none.
            edge_states, edge_sums: of the edge call, what it reads of the child, and what it adds to the
                sums; or their gradients.
            same_lines: products whose rows are all alike at level 0.
            idle_lines: products that level 0 needs not, which it fills with zeros.
        """

# a model's whole step, run as inputs arrive (`native/engine/stepper.h`)

class WeightKind(Enum):
    """What the weights of products are held in."""

    float32 = 0
    bfloat16 = 1
    int8 = 2

class HoistedProduct:
    """A product of an input of a segment, before its lines.

    `inputs[into] = inputs[source][:, start : start + depth] @ weight + vector`; a vector of -1 is none.
    """

    def __init__(self, source: int, start: int, weight: int, vector: int, into: int) -> None: ...

class Segment:
    """A part of the step: a program over arrays that all segments share."""

    def __init__(
        self,
        program: LoopProgram,
        inputs: Sequence[int],
        outputs: Sequence[int],
        hoisted: Sequence[HoistedProduct],
        sizes: Sequence[tuple[int, int]],
        weights: Sequence[Matrix],
        vectors: Sequence[Address],
    ) -> None:
        """
        Args:
            inputs, outputs: the shared array that each of the program's stands for.
            sizes: `(depth, width)` of every weight: the program's first, then those that only `hoisted` has.
            weights: float32, read when the stepper is made, never again.
            vectors: float32 `[width]` without gaps, read when the stepper is made.
        """

class Stepper:
    """A step of many streams made ready: weights packed, states in the caller's memory.

    Attributes:
        work: multiply-adds of one step of one stream.
        weight_bytes: of the packed weights.
    """

    def __init__(
        self,
        streams: int,
        threads: int,
        kind: WeightKind,
        tokens: int,
        arrays: Sequence[int],
        sources: Sequence[tuple[int, Address]],
        segments: Sequence[Segment],
        loop: int,
        states: Sequence[Address],
        y: int,
    ) -> None:
        """
        Args:
            threads: at most so many.
            tokens: ids are below this number; 0: x is numbers.
            arrays: widths of those that the segments share.
            sources: for each array that comes in, which it is, and the table `[tokens, width]`, float32
                without gaps, whose rows are read by id; 0: it is x itself. Tables have to live as long as
                the stepper.
            segments: in the order in which they run: over all steps of a block at once, but for the loop.
            loop: the segment that runs step by step; -1: none.
            states: those of the loop, `[streams, width]`, float32 without gaps. Every run reads and writes
                them, so they have to live as long as the stepper.
            y: the array that goes out.
        """

    work: int
    weight_bytes: int

    @overload
    def run(self, x: NDArray[np.float32] | NDArray[np.int64], y: NDArray[np.float32]) -> None: ...
    @overload
    def run(
        self, x: NDArray[np.float32] | NDArray[np.int64], y: NDArray[np.float32], rows: NDArray[np.int64]
    ) -> None:
        """Runs a block of steps. Arrays are C-contiguous and do not overlap; none is converted.

        Args:
            x: numbers `[count, steps, F]`, float32, or ids `[count, steps]`, int64.
            y: `[count, steps, K]`, written.
            rows: `[count]`, the streams, each at most once; left out: all of them in order.

        Raises:
            TypeError: an array of another type, layout or size.
            IndexError: an id or a stream that does not exist; no state has changed.
        """
