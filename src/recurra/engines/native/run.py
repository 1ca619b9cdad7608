"""A planned loop's runs, tensors in and out, each one call of the library: memory for what the run makes,
the call, and what the memory then holds.

The backward run reads what the forward run got and made, and its tape: `Saved`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from recurra.engines.native.backward_call import BackwardCall, InputGradient
from recurra.engines.native.library import addresses, empty_as, matrices_of, rows_of, rowwise
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
    """
    inputs, fixed, states = plan.split(tensors)
    call, like, count = plan.forward(needs), states[0], sum(batch_sizes)
    outputs = [like.new_empty(count, width) for width in call.outputs]
    finals = [like.new_empty(t.shape) for t in states]
    arrays = [rowwise(t) for t in (*inputs, *outputs)]
    initial = [rowwise(t) for t in states]
    vectors = [fixed[k].contiguous() for k in plan.vectors]
    width = call.width
    tape, scratch = empty_rows(like, count, width), empty_rows(like, count, call.scratch)
    seconds = call.calls.of(like.dtype).run(
        rows=len(like),
        batch_sizes=batch_sizes,
        reverse=reverse,
        tensors=rows_of(arrays),
        buffers=addresses([tape, scratch]),
        initial=rows_of(initial),
        weights=matrices_of([fixed[k] for k in plan.matrices]),
        vectors=addresses(vectors),
        finals=addresses(finals),
        totals=[],
        gradients=[],
        sums=[],
        threads=torch.get_num_threads(),
    )
    spent((BEFORE, LOOP, LOOP), seconds, call.calls.multiplied, count)
    return outputs, finals, [tape] if width else []


def backward(
    plan: NativePlan,
    needs: Needs,
    batch_sizes: Sequence[int],
    reverse: bool,
    saved: Saved,
    outputs: Sequence[Tensor | None],
    finals: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Gradients of inputs, fixed, states, in one row; None where none is needed.

    Args:
        batch_sizes, reverse: of the forward run.
        outputs, finals: gradients that come in; None: none does.
    """
    call = plan.backward(needs, frozenset(k for k, g in enumerate(outputs) if g is not None))
    like, count = saved.states[0], sum(batch_sizes)
    # tensors
    incoming = [g for g in outputs if g is not None]
    direct = [like.new_empty(count, width) for width in call.direct]
    of_inputs = [_start(g, direct, like, count) for g in call.inputs]
    own = [t for g, t in zip(call.inputs, of_inputs, strict=True) if t is not None and not g.in_place]
    arrays = [rowwise(t) for t in (*saved.inputs, *saved.outputs, *incoming, *direct, *own)]
    tape = saved.tape[0] if saved.tape else like  # no array lies in it then
    scratch = empty_rows(like, count, call.scratch)
    # the loop, whose states are gradients
    states = [
        rowwise(torch.zeros_like(s) if g is None else g) for s, g in zip(saved.states, finals, strict=True)
    ]
    of_states = [like.new_empty(t.shape) for t in states]
    totals = [like.new_empty(width) for width in call.totals]
    # weights and vectors
    matrices = [saved.fixed[k] for k in plan.matrices]
    vectors = [saved.fixed[k].contiguous() for k in plan.vectors]
    of_matrices = [empty_as(t) if m in call.weights else None for m, t in enumerate(matrices)]
    sums = [like.new_empty(width) for width in call.sums]
    seconds = call.calls.of(like.dtype).run(
        rows=len(like),
        batch_sizes=batch_sizes,
        reverse=not reverse,
        tensors=rows_of(arrays),
        buffers=addresses([tape, scratch]),
        initial=rows_of(states),
        weights=matrices_of(matrices),
        vectors=addresses(vectors),
        finals=addresses(of_states),
        totals=addresses(totals),
        gradients=matrices_of(of_matrices),
        sums=addresses(sums),
        threads=torch.get_num_threads(),
    )
    spent((BACK_PRODUCTS, BACK_LOOP, BACK_PRODUCTS), seconds, call.calls.multiplied, count)
    of_fixed: list[Tensor | None] = [None] * len(saved.fixed)
    for k, gradient in zip(plan.matrices, of_matrices, strict=True):
        of_fixed[k] = gradient
    for k, gradient in zip(plan.vectors, _of_vectors(call, sums, totals), strict=True):
        of_fixed[k] = gradient
    gradients: list[Tensor | None] = [None] * len(saved.inputs)
    for g, t in zip(call.inputs, of_inputs, strict=True):
        gradients[g.input] = _finish(g, t, direct)
    return [
        *gradients,
        *of_fixed,
        *(g if need else None for g, need in zip(of_states, needs.states, strict=True)),
    ]


def _start(g: InputGradient, direct: Sequence[Tensor], like: Tensor, count: int) -> Tensor | None:
    """What products are added to, or fill; None: there are none, nor an array that is the gradient itself."""
    if g.in_place:
        assert g.direct is not None
        return direct[g.direct]
    if not g.products:
        return None
    return like.new_empty(count, g.width) if g.covers else like.new_zeros(count, g.width)


def _finish(g: InputGradient, products: Tensor | None, direct: Sequence[Tensor]) -> Tensor:
    """The gradient of an input, when the run is over."""
    if products is None:
        assert g.direct is not None
        return direct[g.direct].clone()
    return products if g.in_place or g.direct is None else products.add_(direct[g.direct])


def _of_vectors(call: BackwardCall, sums: Sequence[Tensor], totals: Sequence[Tensor]) -> list[Tensor | None]:
    gradients: list[Tensor | None] = []
    for names in call.vectors:
        parts = [(sums if kind == "sum" else totals)[k] for kind, k in names]
        # two vectors may share a sum: each gets its own memory
        whole = parts[0].clone() if len(parts) == 1 else torch.stack(parts).sum(0) if parts else None
        gradients.append(whole)
    return gradients
