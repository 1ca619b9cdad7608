"""A whole step made ready for streaming: the library's stepper, weights packed, states held natively."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recurra.engines.native import _engine
from recurra.engines.native.encode import encode
from recurra.lowering.graph import StepGraph
from recurra.lowering.lower import lower
from recurra.program import Loop, Program, Untraceable, Value
from recurra.program.interpret import run_fixed, run_rows
from recurra.program.ops import SOURCES

KINDS = ("float32", "bfloat16", "int8")
"""What weights are held in, in the library's order."""
TABLE_NUMBERS = 2**23
"""What depends on a token alone is computed for every token beforehand, if it takes no more numbers."""
_TOKENS_AT_ONCE = 1024


@dataclass(frozen=True)
class Tokens:
    """Rows `[tokens, width]` read by id; None: a one in the place of the id."""

    count: int
    table: Tensor | None

    def rows(self, first: int, last: int, width: int, like: Tensor) -> Tensor:
        """What the step reads of these tokens."""
        if self.table is not None:
            return self.table[first:last]
        found = like.new_zeros(last - first, width)
        found[torch.arange(last - first), torch.arange(first, last)] = 1
        return found


class NativeStepper:
    """Runs a program's whole step for many streams.

    Args:
        program: a whole model's step.
        weights: name -> float32 tensor on the CPU, for the program's fixed leaves; read now, never again.
        streams: rows with a state of their own.
        kind: one of `KINDS`.
        threads: at most so many.
        tokens: what is read by id; None: x is numbers.

    Attributes:
        states: name -> `[streams, width]`, float32, the very memory that steps read and write.
        run: `run(x, y)` or `run(x, y, rows)`, all C-contiguous: x float32 `[count, steps, F]` or int64
            `[count, steps]`, y float32 `[count, steps, K]`, rows int64 `[count]`.
        output_size: K.
        tabulated: whether all that depends on a token alone was computed beforehand.

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
        program, constants = _without_sources(program)
        held: dict[int, Any] = dict(constants)
        for number, value in enumerate(program.values):
            if value.op == "fixed" and number not in constants:
                held[number] = weights[value.attrs[0]].detach()
        with torch.no_grad():
            run_fixed(program.values, program.of_part("once"), held)
        values = program.values
        self.output_size = values[program.y].width
        self.states = {name: _aligned(streams, values[n].width) for name, n in program.states.items()}
        loops = _segments(program)
        self._tables: list[np.ndarray] = []
        fronts: dict[int, np.ndarray | None] = {program.x: None}
        self.tabulated = False
        if tokens is not None:
            tables = _tables(program, _crossing(program, loops), tokens, held)
            self.tabulated = tables is not None
            fronts = dict(tables or {program.x: _own(tokens.table)})
        self._tables = [table for table in fronts.values() if table is not None]
        if self.tabulated:
            loops = loops[1:]
        arrays = _Arrays(values)
        for number in (*fronts, program.y):
            arrays.of(number)
        kept: list[Tensor] = []  # until the library has read them
        memory = list(self.states.values())
        segments = [
            _arguments(loop, arrays, held, memory, kept) for loop in loops if loop.body or loop.states
        ]
        parts = _engine.StepperParts(
            streams=streams,
            threads=threads,
            kind=KINDS.index(kind),
            tokens=0 if tokens is None else tokens.count,
            arrays=arrays.widths,
            y=arrays.of(program.y),
        )
        for front, table in fronts.items():
            parts.front(arrays.of(front), 0 if table is None else table.ctypes.data)
        for arguments in segments:
            parts.segment(**arguments)
        native = _engine.Stepper(parts)
        self.run = native.run
        self.work: int = native.work
        self.weight_bytes: int = native.weight_bytes


def _without_sources(program: Program) -> tuple[Program, dict[int, Tensor]]:
    """Rows of one constant become fixed vectors: their numbers and values."""
    values, constants = list(program.values), {}
    for number, value in enumerate(values):
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
    after = [n for n in program.of_part("after") if not values[n].is_leaf]
    read_later = {*loop.inputs, *(arg for n in after for arg in values[n].args), program.y}
    before = program.prelude(loop)
    return [
        _stateless(program, before, [n for n in before if n in read_later]),
        replace(loop, outputs=tuple(n for n in loop.outputs if n != program.y or parts[n] == "inside")),
        _stateless(program, after, [program.y] if parts[program.y] == "after" else []),
    ]


def _stateless(program: Program, body: Sequence[int], outputs: Sequence[int]) -> Loop:
    inside = set(body)
    read = {arg for n in body for arg in program.values[n].args} - inside
    return Loop(
        values=program.values,
        inputs=tuple(n for n in sorted(read) if not program.values[n].fixed),
        fixed=tuple(n for n in sorted(read) if program.values[n].fixed),
        states=(),
        body=tuple(body),
        next_states=(),
        outputs=tuple(outputs),
    )


def _crossing(program: Program, loops: list[Loop]) -> list[int]:
    """What of the input's part is read later: x itself where it is."""
    made = {*loops[0].outputs, program.x}
    read = {n for loop in loops[1:] for n in loop.inputs} | {program.y}
    return sorted(made & read)


def _tables(
    program: Program, crossing: list[int], tokens: Tokens, held: dict[int, Any]
) -> dict[int, np.ndarray] | None:
    """Number -> table `[tokens, width]` of what crosses into the loop; None where that would grow too large.

    A one in the place of the token has no other way: its own rows would be larger still.
    """
    values = program.values
    numbers = tokens.count * sum(values[n].width for n in crossing)
    if tokens.table is not None and numbers > max(TABLE_NUMBERS, tokens.table.numel()):
        return None
    if tokens.table is None and program.x in crossing and tokens.count**2 > TABLE_NUMBERS:
        raise Untraceable(f"its loop reads the {tokens.count} numbers of a one in the place of the token")
    like = torch.empty(0)
    made: dict[int, list[Tensor]] = {n: [] for n in crossing}
    with torch.no_grad():
        for first in range(0, tokens.count, _TOKENS_AT_ONCE):
            last = min(tokens.count, first + _TOKENS_AT_ONCE)
            rows = {**held, program.x: tokens.rows(first, last, values[program.x].width, like)}
            run_rows(values, program.prelude(program.loop), rows, last - first, like)
            for n in crossing:
                made[n].append(rows[n])
        return {n: _own(torch.cat(pieces)) for n, pieces in made.items()}


def _own(table: Tensor | None) -> np.ndarray:
    """A copy, which later changes of the weights leave alone."""
    assert table is not None
    return np.array(table.detach().numpy(), np.float32, order="C")


class _Arrays:
    """Numbers of the arrays that segments hand on."""

    def __init__(self, values: Sequence[Value]) -> None:
        self.values = values
        self.widths: list[int] = []
        self._known: dict[int, int] = {}

    def of(self, number: int) -> int:
        """The array of a value."""
        if number not in self._known:
            self._known[number] = self.new(self.values[number].width)
        return self._known[number]

    def new(self, width: int) -> int:
        self.widths.append(width)
        return len(self.widths) - 1


def _arguments(
    loop: Loop, arrays: _Arrays, held: dict[int, Any], states: list[np.ndarray], kept: list[Tensor]
) -> dict[str, Any]:
    """What the library makes a segment of; tensors whose addresses are among it go to `kept`."""
    step = lower(loop)
    # an output that is just a product of an input is that product's own array
    early_outputs = {
        step.graph[node].attrs[0]: loop.outputs[k]
        for k, node in enumerate(step.outputs)
        if _is_early(step, node)
    }
    kept_outputs = [k for k, number in enumerate(loop.outputs) if number not in early_outputs.values()]
    step = replace(step, outputs=tuple(step.outputs[k] for k in kept_outputs))
    code = encode(step)
    matrices = [_float(held[n]) for n in loop.fixed if len(loop.values[n].shape) == 2]
    vectors = [_float(held[n]).contiguous() for n in loop.fixed if len(loop.values[n].shape) != 2]
    kept += [*matrices, *vectors]
    early: list[int] = []
    used = [weight for weight, _ in code.weights]
    for h in step.hoisted:
        early += (h.source, h.start, len(used), -1 if h.vector is None else h.vector, h.into)
        used.append(h.weight)
    views: list[int] = []
    for weight in used:
        views += (*matrices[weight].shape, matrices[weight].data_ptr(), *matrices[weight].stride())
    return {
        "inputs": code.inputs,
        "states": code.states,
        "outputs": code.outputs,
        "temporaries": code.temporaries,
        "vectors": code.vectors,
        "locals": code.locals,
        "weights": code.sizes,
        "immediates": code.immediates,
        "lines": code.lines,
        "next": code.next,
        "input_arrays": [
            *(arrays.of(n) for n in loop.inputs),
            *(
                arrays.of(early_outputs[h.into])
                if h.into in early_outputs
                else arrays.new(code.inputs[h.into])
                for h in step.hoisted
            ),
        ],
        "output_arrays": [arrays.of(loop.outputs[k]) for k in kept_outputs],
        "early": early,
        "views": views,
        "vector_data": [vector.data_ptr() for vector in vectors],
        "loop": bool(loop.states),
        "state_data": [state.ctypes.data for state in states] if loop.states else [],
    }


def _is_early(step: StepGraph, node: int) -> bool:
    op, attrs = step.graph[node].op, step.graph[node].attrs
    return op == "input" and attrs[0] in {h.into for h in step.hoisted}


def _float(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", torch.float32)


def _aligned(rows: int, width: int) -> np.ndarray:
    """Zeros `[rows, width]` that begin at a cache line."""
    held = np.zeros(rows * width + 16, np.float32)
    first = -held.ctypes.data // 4 % 16
    return held[first : first + rows * width].reshape(rows, width)
