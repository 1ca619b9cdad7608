"""A loop made ready for the native library: encoded forward, and encoded derivatives as they are asked
for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recurra.engines.native.backward_call import BackwardCall, backward_call
from recurra.engines.native.forward_call import ForwardCall
from recurra.lowering.derivative import Derivative, GradientRequest, differentiate
from recurra.lowering.lower import lower
from recurra.program import Loop


@dataclass(frozen=True)
class Needs:
    """Which arguments of a loop need a gradient: one flag for each of its steps, fixed and states."""

    steps: tuple[bool, ...]
    fixed: tuple[bool, ...]
    states: tuple[bool, ...]

    @classmethod
    def of(cls, loop: Loop, flags: Sequence[bool]) -> Needs:
        first, second = len(loop.inputs), len(loop.inputs) + len(loop.fixed)
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
        self._plain = ForwardCall.of(self.step)
        self._derivatives: dict[tuple[Needs, frozenset[int]], Derivative] = {}
        self._forward: dict[Needs, ForwardCall] = {}
        self._backward: dict[tuple[Needs, frozenset[int]], BackwardCall] = {}

    def forward(self, needs: Needs | None) -> ForwardCall:
        """The forward run for some gradients, whichever outputs they come in at."""
        if needs is None:
            return self._plain
        if needs not in self._forward:
            derivative = self._derivative(needs, frozenset(range(len(self.loop.outputs))))
            tape = tuple(node for node in derivative.tape if node not in self.step.outputs)
            hoisted = {h.into for h in self.step.hoisted}
            inputs = tuple(k for kind, k in derivative.sources if kind == "input" and k in hoisted)
            self._forward[needs] = ForwardCall.of(self.step, tape, inputs)
        return self._forward[needs]

    def backward(self, needs: Needs, incoming: frozenset[int]) -> BackwardCall:
        """The backward run when gradients come in at the outputs `incoming`."""
        key = needs, incoming
        if key not in self._backward:
            fixed = needs.fixed
            wanted = needs.steps, [fixed[k] for k in self.matrices], [fixed[k] for k in self.vectors]
            self._backward[key] = backward_call(
                self.step, self.forward(needs), self._derivative(needs, incoming), incoming, wanted
            )
        return self._backward[key]

    def _derivative(self, needs: Needs, incoming: frozenset[int]) -> Derivative:
        key = needs, incoming
        if key not in self._derivatives:
            self._derivatives[key] = differentiate(self.step, self._wanted(needs, incoming))
        return self._derivatives[key]

    def _wanted(self, needs: Needs, incoming: frozenset[int]) -> GradientRequest:
        weights = frozenset(m for m, k in enumerate(self.matrices) if needs.fixed[k])
        vectors = frozenset(v for v, k in enumerate(self.vectors) if needs.fixed[k])
        inputs = {k for k, need in enumerate(needs.steps) if need}
        inputs |= {
            h.into
            for h in self.step.hoisted
            if h.source in inputs or h.weight in weights or h.vector in vectors
        }
        states = frozenset(j for j, need in enumerate(needs.states) if need)
        return GradientRequest(frozenset(inputs), vectors, weights, states, incoming)


def native_plan(loop: Loop) -> NativePlan:
    """What the engine made of a loop: made once, kept with it."""
    kept = vars(loop)
    if "native_plan" not in kept:
        kept["native_plan"] = NativePlan(loop)
    plan: NativePlan = kept["native_plan"]
    return plan
