"""A whole step made ready for streaming: the library's stepper, weights packed, states in memory of its
own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recurra.engines.native._engine import HoistedProduct, Segment, Stepper, WeightKind
from recurra.engines.native.border import NOWHERE, Border, described, is_plain
from recurra.engines.native.encode import encode
from recurra.lowering.graph import StepGraph
from recurra.lowering.lower import lower
from recurra.program import Loop, Program, Untraceable, Value
from recurra.program.interpret import run_fixed, run_rows
from recurra.program.ops import SOURCES
from recurra.program.tokens import Tokens

Floats = NDArray[np.float32]

TABLE_NUMBERS = 2**23
"""What depends on a token alone is computed for every token beforehand, if it takes no more numbers."""
_TOKENS_AT_ONCE = 1024


class NativeStepper:
    """Runs a program's whole step for many streams.

    Args:
        program: a whole model's step.
        weights: name -> float32 tensor on the CPU, for the program's fixed leaves and the table of
            `tokens`; read now, never again.
        streams: rows with a state of their own.
        kind: what weights of products are held in: `float32`, `bfloat16` or `int8`.
        threads: at most so many.
        tokens: what is read by id; None: x is numbers.

    Attributes:
        states: name -> `[streams, ...]`, float32, the very memory that steps read and write.
        run: `run(x, y)` or `run(x, y, rows)`, all C-contiguous: x float32 `[count, steps, F]` or int64
            `[count, steps]`, y float32 `[count, steps, K]`, rows int64 `[count]`.
        output_size: K.
        tabulated: whether all that depends on a token alone was computed beforehand.
        work: multiply-adds of one step of one stream.
        weight_bytes: of the weights as they are held.

    Raises:
        Untraceable: the step has an operation that the library lacks.
    """

    def __init__(
        self,
        program: Program,
        weights: Mapping[str, Tensor],
        streams: int,
        kind: str,
        threads: int,
        tokens: Tokens | None,
    ) -> None:
        if any(0 in value.shape for value in program.values):
            raise Untraceable("a value of the step has no numbers, its width is 0")
        program, constants = _without_sources(program)
        fixed: dict[int, Any] = dict(constants)
        for number, value in enumerate(program.values):
            if value.op == "fixed" and number not in constants:
                fixed[number] = _readable(weights, value.attrs[0])
        with torch.no_grad():
            run_fixed(program.values, program.of_part("once"), fixed)
        values = program.values
        self.output_size = values[program.y].width
        self.states = {
            name: _aligned(streams, values[n].width).reshape(streams, *values[n].shape)
            for name, n in program.states.items()
        }
        loops = _segments(program)
        border = Border(torch.float32)
        sources: dict[int, Tensor | None] = {program.x: None}  # of arrays; None: x itself
        self.tabulated = False
        if tokens is not None:
            table = None if tokens.name is None else _readable(weights, tokens.name)
            tables = _tables(program, _crossing(program, loops), tokens.count, table, fixed)
            self.tabulated = tables is not None
            sources = dict(tables or {program.x: _own(table)})
        if self.tabulated:
            loops = loops[1:]
        loops = [loop for loop in loops if loop.body or loop.states]
        arrays = _Arrays(values)
        places = [
            (
                arrays.of(n),
                NOWHERE if table is None else border.whole("table", [table], [_shape(values[n], tokens)])[0],
            )
            for n, table in sources.items()
        ]
        y = arrays.of(program.y)
        memory = [torch.from_numpy(state) for state in self.states.values()]
        segments = [_segment(loop, arrays, fixed, border) for loop in loops]
        native = Stepper(
            streams=streams,
            threads=threads,
            kind=WeightKind[kind],
            tokens=0 if tokens is None else tokens.count,
            arrays=arrays.widths,
            sources=places,
            segments=segments,
            loop=next((k for k, loop in enumerate(loops) if loop.states), -1),
            states=border.whole("state", memory, [state.shape for state in self.states.values()]),
            y=y,
        )
        self._tables = list(sources.values())  # the library reads them; it has read the weights
        self.run = native.run
        self.work = native.work
        self.weight_bytes = native.weight_bytes


def _without_sources(program: Program) -> tuple[Program, dict[int, Tensor]]:
    """Rows of one constant become fixed vectors: their numbers and values."""
    values, constants = list(program.values), {}
    for number, value in enumerate(program.values):
        if value.op == "fill":
            constants[number] = torch.full((value.width,), float(value.attrs[0]))
            values[number] = Value("fixed", (), (f"fill {number}",), (value.width,), fixed=True)
        elif value.op in SOURCES:
            raise Untraceable("the step draws random numbers")
    return replace(program, values=tuple(values)), constants


def _segments(program: Program) -> list[Loop]:
    """What comes before the loop over time, the loop, and what comes after it; each over the values that it
    reads.
    """
    values, parts, loop = program.values, program.parts, program.loop
    last = [n for n in program.of_part("after") if not values[n].is_leaf]
    read_later = {*loop.inputs, *(arg for n in last for arg in values[n].args), program.y}
    first = program.prelude(loop)
    return [
        _stateless(program, first, [n for n in first if n in read_later]),
        replace(loop, outputs=tuple(n for n in loop.outputs if n != program.y or parts[n] == "inside")),
        _stateless(program, last, [program.y] if parts[program.y] == "after" else []),
    ]


def _stateless(program: Program, body: Sequence[int], outputs: Sequence[int]) -> Loop:
    inside = set(body)
    inputs = {arg for n in body for arg in program.values[n].args} - inside
    return Loop(
        values=program.values,
        inputs=tuple(n for n in sorted(inputs) if not program.values[n].fixed),
        fixed=tuple(n for n in sorted(inputs) if program.values[n].fixed),
        states=(),
        body=tuple(body),
        next_states=(),
        outputs=tuple(outputs),
    )


def _crossing(program: Program, loops: list[Loop]) -> list[int]:
    """What of the input's part is read later: x itself where it is."""
    read_later = {n for loop in loops[1:] for n in loop.inputs} | {program.y}
    return sorted({*loops[0].outputs, program.x} & read_later)


def _tables(
    program: Program, crossing: list[int], count: int, table: Tensor | None, fixed: dict[int, Any]
) -> dict[int, Tensor] | None:
    """Number -> table `[count, width]` of what crosses into the loop; None where that would grow too large.

    A one in the place of the token has no other way: its own rows would be larger still.

    Args:
        count: of tokens; table: their rows, or None: ones in their places.
    """
    values = program.values
    numbers = count * sum(values[n].width for n in crossing)
    if table is not None and numbers > max(TABLE_NUMBERS, table.numel()):
        return None
    if table is None and program.x in crossing and count**2 > TABLE_NUMBERS:
        raise Untraceable(f"its loop reads the {count} numbers of a one in the place of the token")
    like = torch.empty(0)
    pieces: dict[int, list[Tensor]] = {n: [] for n in crossing}
    with torch.no_grad():
        for first in range(0, count, _TOKENS_AT_ONCE):
            last = min(count, first + _TOKENS_AT_ONCE)
            x = _ones(first, last, values[program.x].width) if table is None else table[first:last]
            rows = {**fixed, program.x: x}
            run_rows(values, program.prelude(program.loop), rows, last - first, like)
            for n in crossing:
                pieces[n].append(rows[n])
        return {n: _own(torch.cat(rows)) for n, rows in pieces.items()}


def _ones(first: int, last: int, width: int) -> Tensor:
    """Rows with a one in the place of each token from `first` to before `last`."""
    rows = torch.zeros(last - first, width)
    rows[torch.arange(last - first), torch.arange(first, last)] = 1
    return rows


def _own(table: Tensor | None) -> Tensor:
    """A copy, which later changes of the weights leave alone."""
    assert table is not None
    return table.detach().to(torch.float32, copy=True, memory_format=torch.contiguous_format)


def _readable(weights: Mapping[str, Tensor], name: str) -> Tensor:
    weight = weights[name].detach()
    if not is_plain(weight):
        raise Untraceable(
            f"its weight {name.removeprefix('model.')} is {described(weight)}, which it can't read"
        )
    return weight


def _shape(value: Value, tokens: Tokens | None) -> tuple[int, int]:
    """Of a table of that value for every token."""
    return 0 if tokens is None else tokens.count, value.width


class _Arrays:
    """Numbers of the arrays that segments hand on.

    Attributes:
        widths: of all.
    """

    def __init__(self, values: Sequence[Value]) -> None:
        self.values = values
        self.widths: list[int] = []
        self._numbers: dict[int, int] = {}

    def of(self, number: int) -> int:
        """The array of a value."""
        if number not in self._numbers:
            self._numbers[number] = self.new(self.values[number].width)
        return self._numbers[number]

    def new(self, width: int) -> int:
        self.widths.append(width)
        return len(self.widths) - 1


def _segment(loop: Loop, arrays: _Arrays, fixed: dict[int, Any], border: Border) -> Segment:
    """A loop as the library takes it."""
    step = lower(loop)
    # an output that is just a product of an input is that product's own array
    products = {
        step.graph[node].attrs[0]: number
        for node, number in zip(step.outputs, loop.outputs, strict=True)
        if _is_hoisted(step, node)
    }
    outputs = [k for k, number in enumerate(loop.outputs) if number not in products.values()]
    step = replace(step, outputs=tuple(step.outputs[k] for k in outputs))
    code = encode(step)
    matrices = [_float(fixed[n]) for n in loop.fixed if len(loop.values[n].shape) == 2]
    vectors = [_float(fixed[n]) for n in loop.fixed if len(loop.values[n].shape) != 2]
    weights = [*(w for w, _ in code.weights), *(h.weight for h in step.hoisted)]
    sizes = [step.weights[w] for w in weights]
    for tensor in (*matrices, *vectors):
        border.keep(tensor)
    return Segment(
        program=code.program,
        inputs=[
            *(arrays.of(n) for n in loop.inputs),
            *(
                arrays.of(products[h.into]) if h.into in products else arrays.new(step.inputs[h.into])
                for h in step.hoisted
            ),
        ],
        outputs=[arrays.of(loop.outputs[k]) for k in outputs],
        hoisted=[
            HoistedProduct(
                source=h.source,
                start=h.start,
                weight=len(code.weights) + k,
                vector=-1 if h.vector is None else h.vector,
                into=h.into,
            )
            for k, h in enumerate(step.hoisted)
        ],
        sizes=sizes,
        weights=border.matrices("weight", [matrices[w] for w in weights], sizes),
        vectors=border.whole("vector", vectors, [(width,) for width in step.vectors]),
    )


def _is_hoisted(step: StepGraph, node: int) -> bool:
    op, attrs = step.graph[node].op, step.graph[node].attrs
    return op == "input" and attrs[0] in {h.into for h in step.hoisted}


def _float(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", torch.float32)


def _aligned(rows: int, width: int) -> Floats:
    """Zeros `[rows, width]` that begin at a cache line."""
    memory = np.zeros(rows * width + 16, np.float32)
    first = -memory.ctypes.data // 4 % 16
    return memory[first : first + rows * width].reshape(rows, width)
