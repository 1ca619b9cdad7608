"""A loop made ready for the native library: lowered once, encoded forward, and derivatives as they are
needed.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Sequence
from typing import NamedTuple, TypeVar

import torch

from recurra.engines.native.backward_call import BackwardCall, NeedsOfStep, backward_call
from recurra.engines.native.forward_call import ForwardCall
from recurra.lowering.derivative import Derivative, GradientRequest, differentiate
from recurra.lowering.graph import StepGraph
from recurra.lowering.lower import lower
from recurra.program import Loop, Untraceable

Argument = TypeVar("Argument")


class Needs(NamedTuple):
    """Which arguments of a loop need a gradient: one flag for each of its inputs, fixed and states."""

    inputs: tuple[bool, ...]
    fixed: tuple[bool, ...]
    states: tuple[bool, ...]


class NativePlan:
    """Everything that is made from one loop, each made once. It does not hold the loop, which it dies with.

    Attributes:
        step: the loop in primitives.
        outputs: how many the loop has.
        inputs: widths of the loop's inputs.
        matrices, vectors: positions in `loop.fixed` of the step's weights and vectors.
        vector_shapes: of those.
        text: see `text_of`; None until that is called.
        result_types: see the function of that name.
        watched: whether backward runs give the norms of states' gradients too.
    """

    def __init__(self, loop: Loop, watched: bool = False) -> None:
        self._prepare(loop, lower(loop, watched), len(loop.inputs), watched)

    def _prepare(self, loop: Loop, step: StepGraph, inputs: int, watched: bool) -> None:
        """`inputs`: how many the step has without those of its hoisted products."""
        self.watched = watched
        self.step = step
        ends = (*self.step.outputs, *self.step.next_states)
        if 0 in (*self.step.states, *map(self.step.graph.width, self.step.graph.ancestors(ends))):
            raise Untraceable("a value of the step has no numbers, its width is 0")
        self.outputs = len(loop.outputs)
        self.text: str | None = None
        self.result_types: dict[Hashable, tuple[torch.dtype, ...]] = {}
        kinds = [len(loop.values[number].shape) == 2 for number in loop.fixed]
        self.matrices = [k for k, matrix in enumerate(kinds) if matrix]
        self.vectors = [k for k, matrix in enumerate(kinds) if not matrix]
        self.inputs = self.step.inputs[:inputs]
        self.vector_shapes = [(width,) for width in self.step.vectors]
        self._first_fixed = inputs
        self._first_state = inputs + len(loop.fixed)
        self._plain: ForwardCall | None = None
        self._derivatives: dict[tuple[Needs, frozenset[int]], Derivative] = {}
        self._forward: dict[Needs, ForwardCall] = {}
        self._backward: dict[tuple[Needs, frozenset[int]], BackwardCall] = {}

    def split(
        self, arguments: Sequence[Argument]
    ) -> tuple[Sequence[Argument], Sequence[Argument], Sequence[Argument]]:
        """What there is for each of the loop's arguments, in one row -> of inputs, of fixed, of states."""
        first, second = self._first_fixed, self._first_state
        return arguments[:first], arguments[first:second], arguments[second:]

    def needs(self, flags: Sequence[bool]) -> Needs:
        """From one flag for each of the loop's arguments, in one row."""
        return Needs(*map(tuple, self.split(flags)))

    def forward(self, needs: Needs | None) -> ForwardCall:
        """The forward run for some gradients, whichever outputs they come in at; None: for none."""
        if needs is None:
            if self._plain is None:
                self._plain = ForwardCall.of(self.step)
            return self._plain
        if needs not in self._forward:
            derivative = self._derivative(needs, frozenset(range(self.outputs)))
            nodes = tuple(node for node in derivative.tape if node not in self.step.outputs)
            reads = {k for kind, k in derivative.sources if kind == "input"}
            rows = (self.step.graph[share.rows] for share in derivative.weights)
            reads |= {node.attrs[0] for node in rows if node.op == "input"}
            inputs = tuple(h.into for h in self.step.hoisted if h.into in reads)
            self._forward[needs] = ForwardCall.of(self.step, nodes, inputs)
        return self._forward[needs]

    def backward(self, needs: Needs, incoming: frozenset[int]) -> BackwardCall:
        """The backward run when gradients come in at the outputs `incoming`."""
        key = needs, incoming
        if key not in self._backward:
            fixed = needs.fixed
            of_step = NeedsOfStep(
                needs.inputs, [fixed[k] for k in self.matrices], [fixed[k] for k in self.vectors]
            )
            self._backward[key] = backward_call(
                self.step, self.forward(needs), self._derivative(needs, incoming), incoming, of_step
            )
        return self._backward[key]

    def _derivative(self, needs: Needs, incoming: frozenset[int]) -> Derivative:
        key = needs, incoming
        if key not in self._derivatives:
            self._derivatives[key] = differentiate(self.step, self._leaves(needs, incoming))
        return self._derivatives[key]

    def _leaves(self, needs: Needs, incoming: frozenset[int]) -> GradientRequest:
        weights = frozenset(m for m, k in enumerate(self.matrices) if needs.fixed[k])
        vectors = frozenset(v for v, k in enumerate(self.vectors) if needs.fixed[k])
        inputs = {k for k, need in enumerate(needs.inputs) if need}
        inputs |= {
            h.into
            for h in self.step.hoisted
            if h.source in inputs or h.weight in weights or h.vector in vectors
        }
        states = frozenset(j for j, need in enumerate(needs.states) if need)
        return GradientRequest(frozenset(inputs), vectors, weights, states, incoming, self.watched)


_PLANS: dict[tuple[int, bool], NativePlan | str] = {}
"""By the `id` of a loop, and whether it is watched, for as long as the loop lives: equal loops need not be
compared, number by number, to be found.
"""


def plan_or_refusal(loop: Loop, watched: bool = False) -> NativePlan | str:
    """What the engine makes of a loop, or why it can't run it, in words. Made once, gone with the loop."""
    key = id(loop), watched
    plan = _PLANS.get(key)
    if plan is None:
        plan = _PLANS[key] = _make(loop, watched)
        weakref.finalize(loop, _PLANS.pop, key, None).atexit = False
    return plan


def native_plan(loop: Loop, watched: bool = False) -> NativePlan:
    """The plan of a loop that is not refused.

    Raises:
        Untraceable: it is.
    """
    plan = plan_or_refusal(loop, watched)
    if isinstance(plan, str):
        raise Untraceable(plan)
    return plan


def _make(loop: Loop, watched: bool) -> NativePlan | str:
    try:
        plan = NativePlan(loop, watched)
    except Untraceable as error:
        return str(error)
    return plan if loop.states else "nothing is carried from step to step"
