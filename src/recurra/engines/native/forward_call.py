"""Runs of a loop as the library knows them beforehand: which arrays there are, and which large products go
before and after the loop (`native/engine/call.h`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch

from recurra.engines.native import _engine
from recurra.engines.native.encode import encode
from recurra.lowering.graph import StepGraph

Name = tuple[str, int]
"""An array of all rows and steps: `("input", k)` and `("output", k)` of the forward step; `("tape", node)`;
`("gradient", k)` of output k, which comes in; `("made", o)` by the backward loop; `("step", k)`: the gradient
of input k."""
Named = tuple[Name, int]
"""With its width."""


class Calls(NamedTuple):
    """A run in float32 and float64.

    Attributes:
        multiplied: multiply-adds of a row at one step: before the loop, in it, after it.
    """

    single: Any
    double: Any
    multiplied: tuple[int, int, int]

    def of(self, dtype: torch.dtype) -> Any:
        return self.double if dtype == torch.float64 else self.single


class Arrays:
    """Arrays of a run and their numbers: those that the caller gives, then those of each room."""

    def __init__(self, given: Sequence[Named], *rooms: Sequence[Named]) -> None:
        self.widths = [[width for _, width in group] for group in (given, *rooms)]
        names = [name for group in (given, *rooms) for name, _ in group]
        self.places = {name: place for place, name in enumerate(names)}


class Times(NamedTuple):
    """`out[:, out_start:] = x[:, start : start + depth] @ weight + vector`, or added to what is there.

    Arrays go by number; a vector of -1 is none.
    """

    x: int
    start: int
    depth: int
    weight: int
    transposed: bool
    vector: int
    out: int
    out_start: int
    add: bool


class WeightGradient(NamedTuple):
    """The gradient of a weight: `x[:, start : start + depth]^T @ gradient`, or added to an earlier one."""

    x: int
    start: int
    gradient: int
    weight: int
    add: bool


class Products(NamedTuple):
    """The large products of a run, and arrays whose rows are summed."""

    before: Sequence[Times] = ()
    after: Sequence[Times] = ()
    gradients: Sequence[WeightGradient] = ()
    sums: Sequence[int] = ()


def calls_of(
    step: StepGraph, arrays: Arrays, inputs: Sequence[Name], outputs: Sequence[Name], products: Products
) -> Calls:
    """A run of `step`, whose inputs and outputs are the arrays of these names."""
    encoded = encode(step)
    size = [math.prod(weight) for weight in step.weights]
    multiplied = (
        sum(size[p.weight] for p in products.before),
        sum(size[weight] for weight, _ in encoded.weights),
        sum(size[p.weight] for p in products.after) + sum(size[g.weight] for g in products.gradients),
    )

    def call(kind: type[_engine._Call], loop: Any) -> Any:
        return kind(
            loop=loop,
            given=arrays.widths[0],
            rooms=arrays.widths[1:],
            inputs=[arrays.places[name] for name in inputs],
            outputs=[arrays.places[name] for name in outputs],
            vectors=step.vectors,
            weights=step.weights,
            loop_weights=encoded.weights,
            before=products.before,
            after=products.after,
            gradients=products.gradients,
            sums=products.sums,
        )

    single = call(_engine.CallF32, encoded.driver(False))
    return Calls(single, call(_engine.CallF64, encoded.driver(True)), multiplied)


@dataclass(frozen=True)
class ForwardCall:
    """A forward run.

    Attributes:
        outputs: widths of the step's.
        tape: forward nodes that the backward run will read.
        kept: the arrays of those, and of products of inputs that it will read too, in one room.
        scratch: width of what is of no use after the run.
    """

    calls: Calls
    outputs: tuple[int, ...]
    tape: tuple[int, ...]
    kept: tuple[Named, ...]
    scratch: int

    @property
    def width(self) -> int:
        """Of all that is kept."""
        return sum(width for _, width in self.kept)

    @classmethod
    def of(cls, step: StepGraph, tape: tuple[int, ...] = (), inputs: tuple[int, ...] = ()) -> ForwardCall:
        """Of a step, keeping some of what it computes."""
        first = len(step.inputs) - len(step.hoisted)
        every = [(("input", k), width) for k, width in enumerate(step.inputs)]
        outputs = [(("output", k), step.graph.width(node)) for k, node in enumerate(step.outputs)]
        kept = [(("tape", node), step.graph.width(node)) for node in tape] + [every[k] for k in inputs]
        loose = [named for named in every[first:] if named not in kept]
        arrays = Arrays([*every[:first], *outputs], kept, loose)
        place = arrays.places
        before = [
            Times(
                place["input", h.source],
                h.start,
                h.stop - h.start,
                h.weight,
                False,
                -1 if h.vector is None else h.vector,
                place["input", h.into],
                0,
                False,
            )
            for h in step.hoisted
        ]
        calls = calls_of(
            replace(step, outputs=(*step.outputs, *tape)),
            arrays,
            [name for name, _ in every],
            [*(name for name, _ in outputs), *(("tape", node) for node in tape)],
            Products(before),
        )
        scratch = sum(width for _, width in loose)
        return cls(calls, tuple(width for _, width in outputs), tape, tuple(kept), scratch)
