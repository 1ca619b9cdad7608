"""The types of a run's results where types are mixed, or autocast chooses some: those of the plain loop."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recurra.engines.eager import EagerEngine
from recurra.engines.native.plan import native_plan
from recurra.errors import Fault
from recurra.program import Loop

_STEPS = 3
"""After so many the types of states change no more."""


def result_types(
    loop: Loop, tensors: Sequence[Tensor], batch_sizes: Sequence[int], reverse: bool
) -> tuple[torch.dtype, ...]:
    """Of the loop's outputs and states, as a short run of the eager engine has them; found once for a loop.

    Args:
        tensors: inputs, fixed, states.

    Raises:
        Fault: torch can't compute with such types.
    """
    plan = native_plan(loop)
    steps, rows = min(len(batch_sizes), _STEPS), len(tensors[-1])
    idle = not steps or batch_sizes[0] < rows  # rows that keep their first state
    low = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
    kinds = tuple(t.dtype for t in tensors)
    key = kinds, low, steps, idle, reverse
    if key not in plan.result_types:
        inputs, fixed, states = plan.split(tensors)
        with torch.no_grad():
            try:
                outputs, finals = EagerEngine().run(
                    loop,
                    [t.new_zeros(steps, t.shape[1]) for t in inputs],
                    [t.detach() for t in fixed],  # of which autocast keeps no copies
                    [t.new_zeros(1 + idle, t.shape[1]) for t in states],
                    (1,) * steps,
                    reverse,
                )
            except RuntimeError as error:
                names = sorted({str(kind).removeprefix("torch.") for kind in kinds})
                why = str(error).splitlines()[0][:200]
                raise Fault(
                    f"a step got numbers of {' and '.join(names)}, which torch can't compute with ({why}): "
                    f"convert x, the state and the weights to one type"
                ) from None
        plan.result_types[key] = tuple(t.dtype for t in (*outputs, *finals))
    return plan.result_types[key]
