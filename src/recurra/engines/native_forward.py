"""A loop's forward run: large products first, then the loop itself."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from recurra.engines.native_memory import empty_rows
from recurra.engines.native_plan import NativePlan, Needs
from recurra.engines.native_run import matrix_product, run_ready
from recurra.timing import BEFORE, part


def split(plan: NativePlan, tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """A loop's arguments in one row -> steps, fixed, states."""
    first = len(plan.loop.steps)
    second = first + len(plan.loop.fixed)
    return list(tensors[:first]), list(tensors[first:second]), list(tensors[second:])


def forward(
    plan: NativePlan,
    needs: Needs | None,
    batch_sizes: Sequence[int],
    reverse: bool,
    tensors: Sequence[Tensor],
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Outputs, final states, and what the backward run needs: the tape, then hoisted inputs."""
    steps, fixed, states = split(plan, tensors)
    matrices, vectors = [fixed[k] for k in plan.matrices], [fixed[k] for k in plan.vectors]
    for h in plan.step.hoisted:
        made = empty_rows(states[0], len(steps[h.source]), matrices[h.weight].shape[1])
        bias = None if h.vector is None else vectors[h.vector].contiguous()
        with part(BEFORE):
            matrix_product(steps[h.source][:, h.start : h.stop], matrices[h.weight], bias, made)
        steps.append(made)
    taped = None if needs is None else plan.taped(needs)
    ready = plan.plain if taped is None else taped.forward
    count = len(plan.loop.outputs)
    outputs, finals, _ = run_ready(ready, batch_sizes, reverse, steps, states, matrices, vectors, count)
    kept = [steps[k] for k in taped.inputs] if taped else []
    return outputs[:count], finals, [*outputs[count:], *kept]
