"""A loop made ready for the native library: encoded forward, and encoded derivatives as they are asked
for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from recurra.engines.native_encode import encode
from recurra.program import Loop
from recurra.program.derivative import Derivative, Wanted, differentiate
from recurra.program.graph import StepGraph
from recurra.program.lower import lower


@dataclass(frozen=True)
class Ready:
    """An encoded step with its library objects, for float32 and float64.

    Attributes:
        weights: `(weight, transposed)` in the order of the library's weights.
        widths: of the outputs.
        totals: widths of the totals.
    """

    drivers: tuple[Any, Any]
    weights: tuple[tuple[int, bool], ...]
    widths: tuple[int, ...]
    totals: tuple[int, ...]

    @classmethod
    def of(cls, step: StepGraph) -> Ready:
        made = encode(step)
        drivers = made.driver(False), made.driver(True)
        return cls(drivers, tuple(made.weights), tuple(made.outputs), tuple(made.totals))


@dataclass(frozen=True)
class Taped:
    """A forward run that saves what one set of gradients needs.

    Attributes:
        tape: forward nodes saved after the loop's own outputs, in order.
        inputs: hoisted inputs that the backward run reads, in order.
    """

    forward: Ready
    tape: tuple[int, ...]
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Needs:
    """Which arguments of a loop need a gradient: one flag for each of its steps, fixed and states."""

    steps: tuple[bool, ...]
    fixed: tuple[bool, ...]
    states: tuple[bool, ...]

    @classmethod
    def of(cls, loop: Loop, flags: Sequence[bool]) -> Needs:
        first, second = len(loop.steps), len(loop.steps) + len(loop.fixed)
        return cls(tuple(flags[:first]), tuple(flags[first:second]), tuple(flags[second:]))


class NativePlan:
    """Everything made from one loop, each made once.

    Attributes:
        matrices, vectors: positions in `loop.fixed` of the step's weights and vectors.
    """

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.step = lower(loop)
        kinds = [len(loop.values[number].shape) == 2 for number in loop.fixed]
        self.matrices = [k for k, matrix in enumerate(kinds) if matrix]
        self.vectors = [k for k, matrix in enumerate(kinds) if not matrix]
        self.plain = Ready.of(self.step)
        self._taped: dict[Needs, Taped] = {}
        self._backward: dict[tuple[Needs, frozenset[int]], tuple[Derivative, Ready]] = {}

    def taped(self, needs: Needs) -> Taped:
        """The forward run for some gradients, whichever outputs they come in at."""
        if needs not in self._taped:
            derivative, _ = self.backward(needs, frozenset(range(len(self.loop.outputs))))
            tape = tuple(node for node in derivative.tape if node not in self.step.outputs)
            hoisted = {h.into for h in self.step.hoisted}
            inputs = tuple(k for kind, k in derivative.sources if kind == "input" and k in hoisted)
            step = replace(self.step, outputs=(*self.step.outputs, *tape))
            self._taped[needs] = Taped(Ready.of(step), tape, inputs)
        return self._taped[needs]

    def backward(self, needs: Needs, incoming: frozenset[int]) -> tuple[Derivative, Ready]:
        """The backward run when gradients come in at the outputs `incoming`."""
        key = needs, incoming
        if key not in self._backward:
            made = differentiate(self.step, self._wanted(needs, incoming))
            self._backward[key] = (made, Ready.of(made.backward))
        return self._backward[key]

    def _wanted(self, needs: Needs, incoming: frozenset[int]) -> Wanted:
        weights = frozenset(m for m, k in enumerate(self.matrices) if needs.fixed[k])
        vectors = frozenset(v for v, k in enumerate(self.vectors) if needs.fixed[k])
        inputs = {k for k, need in enumerate(needs.steps) if need}
        inputs |= {
            h.into
            for h in self.step.hoisted
            if h.source in inputs or h.weight in weights or h.vector in vectors
        }
        states = frozenset(j for j, need in enumerate(needs.states) if need)
        return Wanted(frozenset(inputs), vectors, weights, states, incoming)


def native_plan(loop: Loop) -> NativePlan:
    """What the engine made of a loop: made once, kept with it."""
    kept = vars(loop)
    if "native_plan" not in kept:
        kept["native_plan"] = NativePlan(loop)
    plan: NativePlan = kept["native_plan"]
    return plan
