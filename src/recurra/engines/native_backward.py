"""Gradients of a loop: the backward run, and the large products before and after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from recurra.engines.native_forward import split
from recurra.engines.native_plan import NativePlan, Needs
from recurra.engines.native_run import column_sums, matrix_product, run_ready, weight_gradient
from recurra.timing import BACK_LOOP, part


@dataclass
class Saved:
    """What the forward run leaves for the backward run.

    Attributes:
        steps, fixed, states: the loop's arguments.
        outputs: the loop's own.
        tape: forward node -> its rows.
        inputs: hoisted input -> its rows.
    """

    steps: Sequence[Tensor]
    fixed: Sequence[Tensor]
    states: Sequence[Tensor]
    outputs: Sequence[Tensor]
    tape: dict[int, Tensor]
    inputs: dict[int, Tensor]

    @classmethod
    def of(cls, plan: NativePlan, needs: Needs, tensors: Sequence[Tensor], kept: Sequence[Tensor]) -> Saved:
        """From a loop's arguments, its outputs and what `forward` kept."""
        taped = plan.taped(needs)
        count, tape = len(plan.loop.outputs), len(taped.tape)
        return cls(
            *split(plan, tensors),
            kept[:count],
            dict(zip(taped.tape, kept[count : count + tape], strict=True)),
            dict(zip(taped.inputs, kept[count + tape :], strict=True)),
        )

    def source(self, kind: str, number: int) -> Tensor:
        """One input of the backward run: see `Derivative.sources`."""
        if kind == "tape":
            return self.tape[number]
        if kind == "output":
            return self.outputs[number]
        return self.inputs[number] if number in self.inputs else self.steps[number]


def backward(
    plan: NativePlan,
    needs: Needs,
    batch_sizes: Sequence[int],
    reverse: bool,
    saved: Saved,
    outputs: Sequence[Tensor | None],
    finals: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Gradients of steps, fixed, states.

    Args:
        outputs, finals: gradients that come in; None: none.
    """
    incoming = {k: g for k, g in enumerate(outputs) if g is not None}
    derivative, ready = plan.backward(needs, frozenset(incoming))
    after = [torch.zeros_like(s) if g is None else g for s, g in zip(saved.states, finals, strict=True)]
    matrices = [saved.fixed[k] for k in plan.matrices]
    with part(BACK_LOOP):
        made, initial, totals = run_ready(
            ready,
            batch_sizes,
            not reverse,
            [incoming[k] if kind == "gradient" else saved.source(kind, k) for kind, k in derivative.sources],
            after,
            matrices,
            [saved.fixed[k] for k in plan.vectors],
        )
    sums: dict[int, Tensor] = {}

    def summed(output: int) -> Tensor:
        if output not in sums:
            sums[output] = column_sums(made[output])
        return sums[output]

    steps: list[Tensor | None] = [None] * len(saved.steps)
    weights: list[Tensor | None] = [None] * len(matrices)
    vectors: list[list[Tensor]] = [[] for _ in plan.vectors]
    for k, need in enumerate(needs.steps):
        if need and k in derivative.inputs:
            steps[k] = made[derivative.inputs[k]].clone()
    for share in derivative.weights:
        rows = _rows(plan, share.rows, saved)
        weights[share.weight] = weight_gradient(
            rows, made[share.output], matrices[share.weight], weights[share.weight]
        )
    for h in plan.step.hoisted:
        if h.into not in derivative.inputs:
            continue
        output = derivative.inputs[h.into]
        if needs.fixed[plan.matrices[h.weight]]:
            x = saved.steps[h.source][:, h.start : h.stop]
            weights[h.weight] = weight_gradient(x, made[output], matrices[h.weight], weights[h.weight])
        if needs.steps[h.source]:
            steps[h.source] = _add_product(
                steps[h.source], saved.steps[h.source], h.start, h.stop, made[output], matrices[h.weight]
            )
        if h.vector is not None and needs.fixed[plan.vectors[h.vector]]:
            vectors[h.vector].append(summed(output))
    for v, k in enumerate(plan.vectors):
        if needs.fixed[k]:
            vectors[v] += [summed(output) for output in derivative.bias.get(v, ())]
            if v in derivative.vectors:
                vectors[v].append(totals[derivative.vectors[v]])
    fixed: list[Tensor | None] = [None] * len(saved.fixed)
    for m, k in enumerate(plan.matrices):
        fixed[k] = weights[m]
    for v, k in enumerate(plan.vectors):
        if vectors[v]:
            # two vectors may share a sum: each gets its own memory
            fixed[k] = vectors[v][0].clone() if len(vectors[v]) == 1 else torch.stack(vectors[v]).sum(0)
    states = [g if need else None for g, need in zip(initial, needs.states, strict=True)]
    return [*steps, *fixed, *states]


def _rows(plan: NativePlan, node: int, saved: Saved) -> Tensor:
    """A forward node's rows over all of time."""
    if node in saved.tape:
        return saved.tape[node]
    if node in plan.step.outputs:
        return saved.outputs[plan.step.outputs.index(node)]
    return saved.source("input", plan.step.graph[node].attrs[0])


def _add_product(
    held: Tensor | None, x: Tensor, start: int, stop: int, gradient: Tensor, weight: Tensor
) -> Tensor:
    """`held[:, start:stop] += gradient @ weight^T`, beginning with zeros where nothing is held."""
    whole = stop - start == x.shape[1]
    out = held
    if out is None:
        out = gradient.new_empty(x.shape) if whole else gradient.new_zeros(x.shape)
    matrix_product(gradient, weight.t(), None, out[:, start:stop], held is not None or not whole)
    return out
