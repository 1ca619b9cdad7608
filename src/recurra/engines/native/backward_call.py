"""A backward run as the library knows it beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from recurra.engines.native._engine import GradientProduct, Product
from recurra.engines.native.call import Array, Arrays, Calls, Name, Products, calls_of
from recurra.engines.native.forward_call import ForwardCall
from recurra.lowering.derivative import Derivative
from recurra.lowering.graph import Hoisted, StepGraph


class InputGradient(NamedTuple):
    """How the gradient of one of a loop's inputs comes about.

    Attributes:
        input: which.
        width: its.
        direct: the array that the backward loop makes of it, by its place in `BackwardCall.direct`; None: the
            loop makes none of it.
        in_place: the gradient is that very array, to which products are added. Otherwise it is an array of
            its own, to which that one is added after the run, for it is read elsewhere too.
        products: whether products belong to it.
        covers: whether the first of these writes all its columns, so that an array of its own need not begin
            with zeros.
    """

    input: int
    width: int
    direct: int | None
    in_place: bool
    products: bool
    covers: bool


class NeedsOfStep(NamedTuple):
    """For each of a step's inputs, weights and vectors, whether its gradient is needed."""

    inputs: Sequence[bool]
    weights: Sequence[bool]
    vectors: Sequence[bool]


@dataclass(frozen=True)
class BackwardCall:
    """A backward run.

    Attributes:
        calls: its tensors are the loop's inputs and outputs, the gradients that come in, those of `direct`,
            and those of `inputs` that are arrays of their own; its buffers, the tape and the scratch.
        direct: widths of the loop's outputs that are the gradient of an input, or a part of one, or the norms
            of a state's gradient.
        scratch: width of what is of no use after the run.
        inputs: those that get a gradient.
        weights: which of them get one.
        sums: widths of the sums over all rows and steps.
        totals: widths.
        vectors: for each, the `("sum", s)` and `("total", t)` that its gradient is the sum of.
        weight_gradients: how many products give gradients of weights.
        norms: of each state, the place in `direct` of the norms of its gradient; None: nothing comes back.
    """

    calls: Calls
    direct: tuple[int, ...]
    scratch: int
    inputs: tuple[InputGradient, ...]
    weights: frozenset[int]
    sums: tuple[int, ...]
    totals: tuple[int, ...]
    vectors: tuple[tuple[Name, ...], ...]
    norms: tuple[int | None, ...]
    weight_gradients: int


def backward_call(
    step: StepGraph,
    forward: ForwardCall,
    derivative: Derivative,
    incoming: frozenset[int],
    needs: NeedsOfStep,
) -> BackwardCall:
    """The run of a derivative.

    Args:
        step, forward: of the forward run.
        incoming: the outputs at which a gradient comes in.
        needs: of what the gradients are needed, of the loop's inputs without those of `hoisted`.
    """
    back = derivative.backward
    widths = [back.graph.width(node) for node in back.outputs]
    own = [k for k, need in enumerate(needs.inputs) if need and k in derivative.inputs]
    norms = [o for o in derivative.norms if o is not None]
    direct = list(dict.fromkeys([*(derivative.inputs[k] for k in own), *norms]))
    scratch = [o for o in range(len(widths)) if o not in direct]
    gradients = _input_gradients(step, derivative, needs.inputs, direct)
    tensors: list[Array] = [
        *((("input", k), step.inputs[k]) for k in range(len(needs.inputs))),
        *((("output", k), width) for k, width in enumerate(forward.outputs)),
        *((("gradient", k), forward.outputs[k]) for k in sorted(incoming)),
        *((("back", o), widths[o]) for o in direct),
        *((("of_input", g.input), g.width) for g in gradients if g.products and not g.in_place),
    ]
    arrays = Arrays(tensors, forward.tape, [(("back", o), widths[o]) for o in scratch])
    weight_gradients = _weight_gradients(step, forward, derivative, needs.weights, arrays)
    shares = _vector_shares(step, derivative, needs.vectors)
    outputs = list(dict.fromkeys(output for share in shares for output in share))
    products = Products(
        weight_gradients=weight_gradients,
        sums=[arrays.numbers["back", output] for output in outputs],
        input_gradients=_products_onto_inputs(step, derivative, gradients, direct, arrays),
    )
    vectors: list[tuple[Name, ...]] = [
        (
            *(("sum", outputs.index(output)) for output in share),
            *([("total", derivative.vectors[v])] if v in derivative.vectors else []),
        )
        for v, share in enumerate(shares)
    ]
    return BackwardCall(
        calls_of(back, arrays, derivative.sources, [("back", o) for o in range(len(widths))], products),
        tuple(widths[o] for o in direct),
        sum(widths[o] for o in scratch),
        gradients,
        frozenset(product.weight for product in weight_gradients),
        tuple(widths[o] for o in outputs),
        tuple(map(back.graph.width, back.totals)),
        tuple(vectors),
        tuple(None if o is None else direct.index(o) for o in derivative.norms),
        len(weight_gradients),
    )


def _active(step: StepGraph, derivative: Derivative) -> list[Hoisted]:
    """Products of inputs that a gradient comes back to."""
    return [h for h in step.hoisted if h.into in derivative.inputs]


def _input_gradients(
    step: StepGraph, derivative: Derivative, needs: Sequence[bool], direct: list[int]
) -> tuple[InputGradient, ...]:
    hoisted = _active(step, derivative)
    readers = {derivative.inputs[h.into] for h in hoisted}  # outputs that something else reads
    gradients = []
    for k, need in enumerate(needs):
        products = [h for h in hoisted if h.source == k]
        output = derivative.inputs.get(k)
        if not need or (output is None and not products):
            continue
        in_place = output is not None and output not in readers
        if output is not None:
            readers.add(output)
        covers = bool(products) and products[0].stop - products[0].start == step.inputs[k]
        place = None if output is None else direct.index(output)
        gradients.append(InputGradient(k, step.inputs[k], place, in_place, bool(products), covers))
    return tuple(gradients)


def _products_onto_inputs(
    step: StepGraph,
    derivative: Derivative,
    gradients: Sequence[InputGradient],
    direct: Sequence[int],
    arrays: Arrays,
) -> list[Product]:
    """Products that belong to gradients of inputs."""
    by_input = {g.input: g for g in gradients}
    filled = {g.input for g in gradients if g.in_place or not g.covers}
    products = []
    for h in _active(step, derivative):
        g = by_input.get(h.source)
        if g is None:
            continue
        out: Name = ("of_input", g.input)
        if g.in_place and g.direct is not None:
            out = ("back", direct[g.direct])
        products.append(
            Product(
                x=arrays.numbers["back", derivative.inputs[h.into]],
                start=0,
                depth=step.weights[h.weight][1],
                weight=h.weight,
                transposed=True,
                vector=-1,
                out=arrays.numbers[out],
                out_start=h.start,
                add=g.input in filled,
            )
        )
        filled.add(g.input)
    return products


def _weight_gradients(
    step: StepGraph,
    forward: ForwardCall,
    derivative: Derivative,
    needs: Sequence[bool],
    arrays: Arrays,
) -> list[GradientProduct]:
    shares = [(_array_of(step, forward, s.rows), 0, s.output, s.weight) for s in derivative.weights]
    shares += [
        (("input", h.source), h.start, derivative.inputs[h.into], h.weight)
        for h in _active(step, derivative)
        if needs[h.weight]
    ]
    products: list[GradientProduct] = []
    for name, start, output, weight in shares:
        again = any(product.weight == weight for product in products)
        x, gradient = arrays.numbers[name], arrays.numbers["back", output]
        products.append(GradientProduct(x, start, gradient, weight, add=again))
    return products


def _vector_shares(step: StepGraph, derivative: Derivative, needs: Sequence[bool]) -> list[list[int]]:
    """For each vector the outputs of the backward step whose sums belong to its gradient."""
    shares: list[list[int]] = [[] for _ in needs]
    for h in _active(step, derivative):
        if h.vector is not None and needs[h.vector]:
            shares[h.vector].append(derivative.inputs[h.into])
    for v, outputs in derivative.bias.items():
        shares[v] += outputs
    return shares


def _array_of(step: StepGraph, forward: ForwardCall, node: int) -> Name:
    """Where a forward node's rows are, over all of time."""
    if node in forward.nodes:
        return "tape", node
    if node in step.outputs:
        return "output", step.outputs.index(node)
    return "input", step.graph[node].attrs[0]
