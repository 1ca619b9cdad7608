"""A planned loop's runs, tensors in and out, each one call of the library: memory for what the run makes,
the call, and what the memory then holds.

The backward run reads what the forward run got and made, and its tape: `Saved`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from recurra.engines.base import StateNorms
from recurra.engines.native.backward_call import BackwardCall, InputGradient
from recurra.engines.native.border import NOWHERE, Border, dense
from recurra.engines.native.library import empty_as
from recurra.engines.native.memory import empty_rows
from recurra.engines.native.plan import NativePlan, Needs
from recurra.timing import BACK_LOOP, BACK_PRODUCTS, BEFORE, LOOP, spent


@dataclass
class Saved:
    """What a forward run leaves for the backward run.

    Attributes:
        inputs, fixed, states: the loop's arguments.
        outputs: the loop's own.
        tape: the memory of what else was kept, `[N, width]`, if anything was.
    """

    inputs: Sequence[Tensor]
    fixed: Sequence[Tensor]
    states: Sequence[Tensor]
    outputs: Sequence[Tensor]
    tape: Sequence[Tensor]

    @classmethod
    def of(cls, plan: NativePlan, tensors: Sequence[Tensor], results: Sequence[Tensor]) -> Saved:
        """From a loop's arguments in one row, and its outputs followed by the tape."""
        return cls(*plan.split(tensors), results[: plan.outputs], results[plan.outputs :])


def forward(
    plan: NativePlan,
    needs: Needs | None,
    batch_sizes: Sequence[int],
    reverse: bool,
    tensors: Sequence[Tensor],
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Outputs, final states, and the tape for gradients that `needs` asks for, if it takes one.

    Args:
        tensors: inputs, fixed, states.

    Raises:
        Fault: one of another type, shape or kind than the plan says.
    """
    inputs, fixed, states = plan.split(tensors)
    call, like, step = plan.forward(needs), states[0], plan.step
    count, rows = sum(batch_sizes), like.shape[0]
    border = Border(like.dtype)
    # what comes in, before memory is made for what goes out
    arrays = border.rows("input", inputs, count, plan.inputs)
    initial = border.rows("state", states, rows, step.states)
    weights = border.matrices("weight", [fixed[k] for k in plan.matrices], step.weights)
    vectors = border.whole("vector", [fixed[k] for k in plan.vectors], plan.vector_shapes)
    outputs = [like.new_empty(count, width) for width in call.outputs]
    finals = [like.new_empty(rows, width) for width in step.states]
    width = call.width
    buffers = [empty_rows(like, count, width), empty_rows(like, count, call.scratch)]
    seconds = call.calls.of(like.dtype).run(
        rows=rows,
        batch_sizes=batch_sizes,
        reverse=reverse,
        tensors=[*arrays, *border.fresh_rows(outputs)],
        buffers=border.fresh(buffers),
        initial=initial,
        weights=weights,
        vectors=vectors,
        finals=border.fresh(finals),
        totals=[],
        gradients=[],
        sums=[],
        threads=torch.get_num_threads(),
    )
    spent((BEFORE, LOOP, LOOP), seconds, call.calls.multiplied, count)
    return outputs, finals, buffers[:1] if width else []


def backward(
    plan: NativePlan,
    needs: Needs,
    batch_sizes: Sequence[int],
    reverse: bool,
    saved: Saved,
    outputs: Sequence[Tensor | None],
    finals: Sequence[Tensor | None],
    norms: StateNorms | None = None,
) -> list[Tensor | None]:
    """Gradients of inputs, fixed, states, in one row; None where none is needed.

    Args:
        batch_sizes, reverse: of the forward run.
        outputs, finals: gradients that come in; None: none does.
        norms: told the norms of states' gradients, of a plan that is watched.

    Raises:
        Fault: a tensor of another type, shape or kind than the plan says.
    """
    call = plan.backward(needs, frozenset(k for k, g in enumerate(outputs) if g is not None))
    like, count, step, run = saved.states[0], sum(batch_sizes), plan.step, plan.forward(needs)
    rows = like.shape[0]
    border = Border(like.dtype)
    # what comes in, before memory is made for what goes out
    incoming = [dense(g) for g in outputs if g is not None]
    initial = [
        like.new_zeros(rows, width) if g is None else dense(g)
        for g, width in zip(finals, step.states, strict=True)
    ]
    matrices = [saved.fixed[k] for k in plan.matrices]
    arrays = [
        *border.rows("input", saved.inputs, count, plan.inputs),
        *border.rows("output", saved.outputs, count, run.outputs),
        *border.rows(
            "gradient of output",
            incoming,
            count,
            [width for g, width in zip(outputs, run.outputs, strict=True) if g is not None],
        ),
    ]
    states = border.rows("gradient of state", initial, rows, step.states)
    weights = border.matrices("weight", matrices, step.weights)
    vectors = border.whole("vector", [saved.fixed[k] for k in plan.vectors], plan.vector_shapes)
    tape = border.whole("tape", saved.tape, [(count, run.width)] if run.width else [])
    # tensors
    direct = [like.new_empty(count, width) for width in call.direct]
    of_inputs = [start_gradient(g, direct, like, count) for g in call.inputs]
    own = [t for g, t in zip(call.inputs, of_inputs, strict=True) if t is not None and not g.in_place]
    scratch = empty_rows(like, count, call.scratch)
    # the loop, whose states are gradients
    of_states = [like.new_empty(rows, width) for width in step.states]
    totals = [like.new_empty(width) for width in call.totals]
    # weights and vectors
    of_matrices = [empty_as(t) if m in call.weights else None for m, t in enumerate(matrices)]
    sums = [like.new_empty(width) for width in call.sums]
    seconds = call.calls.of(like.dtype).run(
        rows=rows,
        batch_sizes=batch_sizes,
        reverse=not reverse,
        tensors=[*arrays, *border.fresh_rows(direct), *border.fresh_rows(own)],
        buffers=[*(tape or [NOWHERE]), *border.fresh([scratch])],
        initial=states,
        weights=weights,
        vectors=vectors,
        finals=border.fresh(of_states),
        totals=border.fresh(totals),
        gradients=border.fresh_matrices(of_matrices),
        sums=border.fresh(sums),
        threads=torch.get_num_threads(),
    )
    if norms is not None:
        for state, place in enumerate(call.norms):
            if place is not None:
                norms.of_steps(state, direct[place].squeeze(1))
    spent((BACK_PRODUCTS, BACK_LOOP, BACK_PRODUCTS), seconds, call.calls.multiplied, count)
    of_fixed: list[Tensor | None] = [None] * len(saved.fixed)
    for k, gradient in zip(plan.matrices, of_matrices, strict=True):
        of_fixed[k] = gradient
    for k, gradient in zip(plan.vectors, gradients_of_vectors(call, sums, totals), strict=True):
        of_fixed[k] = gradient
    gradients: list[Tensor | None] = [None] * len(saved.inputs)
    for g, t in zip(call.inputs, of_inputs, strict=True):
        gradients[g.input] = finish_gradient(g, t, direct)
    return [
        *gradients,
        *of_fixed,
        *(g if need else None for g, need in zip(of_states, needs.states, strict=True)),
    ]


def start_gradient(g: InputGradient, direct: Sequence[Tensor], like: Tensor, count: int) -> Tensor | None:
    """What products are added to, or fill; None: there are none, nor an array that is the gradient itself."""
    if g.in_place:
        assert g.direct is not None
        return direct[g.direct]
    if not g.products:
        return None
    return like.new_empty(count, g.width) if g.covers else like.new_zeros(count, g.width)


def finish_gradient(g: InputGradient, products: Tensor | None, direct: Sequence[Tensor]) -> Tensor:
    """The gradient of an input, when the run is over."""
    if products is None:
        assert g.direct is not None
        return direct[g.direct].clone()
    return products if g.in_place or g.direct is None else products.add_(direct[g.direct])


def gradients_of_vectors(
    call: BackwardCall, sums: Sequence[Tensor], totals: Sequence[Tensor]
) -> list[Tensor | None]:
    gradients: list[Tensor | None] = []
    for names in call.vectors:
        parts = [(sums if kind == "sum" else totals)[k] for kind, k in names]
        # two vectors may share a sum: each gets its own memory
        whole = parts[0].clone() if len(parts) == 1 else torch.stack(parts).sum(0) if parts else None
        gradients.append(whole)
    return gradients
