"""A backward run as the library knows it beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from recurra.engines.native.forward_call import (
    Arrays,
    Calls,
    ForwardCall,
    Name,
    Products,
    Times,
    WeightGradient,
    calls_of,
)
from recurra.lowering.derivative import Derivative
from recurra.lowering.graph import Hoisted, StepGraph


class StepGradient(NamedTuple):
    """How the gradient of one of a loop's steps comes about.

    Attributes:
        alone: the array that the backward loop makes of it, by its place in `BackwardCall.alone`; None: none.
        taken: it is that array, to which products may be added. Else that array is read elsewhere too.
        products: there are products; where none of it is taken, the first fills it...
        whole: ...all over.
    """

    step: int
    width: int
    alone: int | None
    taken: bool
    products: bool
    whole: bool


@dataclass(frozen=True)
class BackwardCall:
    """A backward run.

    Attributes:
        alone: widths of what the loop makes that is the gradient of a step, or a part of one.
        scratch: width of what is of no use after the run.
        weights: which of them get a gradient.
        sums: widths of the sums over all rows and steps.
        totals: widths.
        vectors: for each, the `("sum", s)` and `("total", t)` that its gradient consists of.
    """

    calls: Calls
    alone: tuple[int, ...]
    scratch: int
    steps: tuple[StepGradient, ...]
    weights: frozenset[int]
    sums: tuple[int, ...]
    totals: tuple[int, ...]
    vectors: tuple[tuple[Name, ...], ...]


def backward_call(
    step: StepGraph,
    forward: ForwardCall,
    derivative: Derivative,
    incoming: frozenset[int],
    wanted: tuple[Sequence[bool], Sequence[bool], Sequence[bool]],
) -> BackwardCall:
    """The run of a derivative.

    Args:
        step, forward: of the forward run.
        incoming: the outputs at which a gradient comes in.
        wanted: for each of the loop's steps, the weights and the vectors, whether its gradient is asked for.
    """
    steps, weights, vectors = wanted
    back = derivative.backward
    made = [back.graph.width(node) for node in back.outputs]
    asked = [k for k, want in enumerate(steps) if want and k in derivative.inputs]
    alone = list(dict.fromkeys(derivative.inputs[k] for k in asked))
    loose = [o for o in range(len(made)) if o not in alone]
    gradients = _step_gradients(step, derivative, steps, alone)
    given = [
        *((("input", k), step.inputs[k]) for k in range(len(steps))),
        *((("output", k), width) for k, width in enumerate(forward.outputs)),
        *((("gradient", k), forward.outputs[k]) for k in sorted(incoming)),
        *((("made", o), made[o]) for o in alone),
        *((("step", g.step), g.width) for g in gradients if g.products and not g.taken),
    ]
    arrays = Arrays(given, forward.kept, [(("made", o), made[o]) for o in loose])
    of_weights = _weight_gradients(step, forward, derivative, weights, arrays)
    parts: list[list[int]] = [[] for _ in vectors]  # of vectors: outputs whose sums belong to them
    for h in _active(step, derivative):
        if h.vector is not None and vectors[h.vector]:
            parts[h.vector].append(derivative.inputs[h.into])
    for v, outputs in derivative.bias.items():
        parts[v] += outputs
    summed = list(dict.fromkeys(output for outputs in parts for output in outputs))
    products = Products(
        after=_onto_steps(step, derivative, gradients, alone, arrays),
        gradients=of_weights,
        sums=[arrays.places["made", output] for output in summed],
    )
    names = [
        (
            *(("sum", summed.index(output)) for output in outputs),
            *([("total", derivative.vectors[v])] if v in derivative.vectors else []),
        )
        for v, outputs in enumerate(parts)
    ]
    return BackwardCall(
        calls_of(back, arrays, derivative.sources, [("made", o) for o in range(len(made))], products),
        tuple(made[o] for o in alone),
        sum(made[o] for o in loose),
        gradients,
        frozenset(g.weight for g in of_weights),
        tuple(made[o] for o in summed),
        tuple(map(back.graph.width, back.totals)),
        tuple(names),
    )


def _active(step: StepGraph, derivative: Derivative) -> list[Hoisted]:
    """Products of inputs that a gradient comes back to."""
    return [h for h in step.hoisted if h.into in derivative.inputs]


def _weight_gradients(
    step: StepGraph,
    forward: ForwardCall,
    derivative: Derivative,
    weights: Sequence[bool],
    arrays: Arrays,
) -> list[WeightGradient]:
    shares = [(_held(step, forward, s.rows), 0, s.output, s.weight) for s in derivative.weights]
    shares += [
        (("input", h.source), h.start, derivative.inputs[h.into], h.weight)
        for h in _active(step, derivative)
        if weights[h.weight]
    ]
    seen: set[int] = set()
    found = []
    for x, start, output, weight in shares:
        gradient = arrays.places["made", output]
        found.append(WeightGradient(arrays.places[x], start, gradient, weight, weight in seen))
        seen.add(weight)
    return found


def _onto_steps(
    step: StepGraph,
    derivative: Derivative,
    gradients: Sequence[StepGradient],
    alone: Sequence[int],
    arrays: Arrays,
) -> list[Times]:
    """Products that belong to gradients of steps."""
    by_step = {g.step: g for g in gradients}
    begun = {g.step for g in gradients if g.taken or not g.whole}
    found = []
    for h in _active(step, derivative):
        g = by_step.get(h.source)
        if g is None:
            continue
        to = ("made", alone[g.alone]) if g.taken and g.alone is not None else ("step", g.step)
        gradient, depth = arrays.places["made", derivative.inputs[h.into]], step.weights[h.weight][1]
        found.append(
            Times(gradient, 0, depth, h.weight, True, -1, arrays.places[to], h.start, g.step in begun)
        )
        begun.add(g.step)
    return found


def _step_gradients(
    step: StepGraph, derivative: Derivative, steps: Sequence[bool], alone: list[int]
) -> tuple[StepGradient, ...]:
    hoisted = _active(step, derivative)
    read = {derivative.inputs[h.into] for h in hoisted}
    found = []
    for k, wanted in enumerate(steps):
        products = [h for h in hoisted if h.source == k]
        output = derivative.inputs.get(k)
        if not wanted or (output is None and not products):
            continue
        taken = output is not None and output not in read
        if output is not None:
            read.add(output)
        whole = bool(products) and products[0].stop - products[0].start == step.inputs[k]
        place = None if output is None else alone.index(output)
        found.append(StepGradient(k, step.inputs[k], place, taken, bool(products), whole))
    return tuple(found)


def _held(step: StepGraph, forward: ForwardCall, node: int) -> Name:
    """Where a forward node's rows are, over all of time."""
    if node in forward.tape:
        return "tape", node
    if node in step.outputs:
        return "output", step.outputs.index(node)
    return "input", step.graph[node].attrs[0]
