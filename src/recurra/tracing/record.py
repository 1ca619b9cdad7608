"""What torch records of a step, on tensors without numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from recurra.errors import Fault
from recurra.program.errors import LeavesMarks, Untraceable
from recurra.state import named_leaves, replace_leaves, require_step
from recurra.tracing.aten.step import FOREIGN
from recurra.tracing.parametrized import once_a_run
from recurra.tracing.recorder import recorded_graph
from recurra.tracing.side_effects import StepOf, unmarked


class StepExample(NamedTuple):
    """A step, and what it is recorded with.

    Attributes:
        module: has `step`.
        weights: name -> parameter or buffer, or what stands in for it.
        input_size: width of x.
        state: a state of any number of rows.
        like: a tensor of the type and device of rows.
    """

    module: nn.Module
    weights: dict[str, Tensor]
    input_size: int
    state: Any
    like: Tensor


def record(example: StepExample, batch: int, steps: int = 1) -> fx.GraphModule:
    """The first steps of a run over `batch` rows: `(weights, x, *states) -> (y, *next states)`.

    Parametrized weights are worked out once a run.

    Raises:
        Untraceable: torch could not record it, with the reason in words.
    """
    module, weights, input_size, state, like = example
    leaves = named_leaves(state)
    x = torch.zeros(batch, input_size, dtype=like.dtype, device=like.device)
    expanded = {name: leaf.new_zeros(batch, leaf.shape[1]) for name, leaf in leaves.items()}

    def run(weights: dict[str, Tensor], x: Tensor, *leaf_values: Tensor) -> tuple[Tensor, ...]:
        start = replace_leaves(state, dict(zip(leaves, leaf_values, strict=True)))
        next_state, by_path = start, {f"module.{name}": weight for name, weight in weights.items()}
        with once_a_run(module):
            for _ in range(steps):
                results = torch.func.functional_call(_Unmarked(module), by_path, (x, next_state))
                y, next_state = require_step(results, batch, start, type(module).__name__)
        return (y, *named_leaves(next_state).values())

    functional = torch.func.functionalize(run, remove="mutations")
    try:
        with torch.no_grad():
            return recorded_graph(functional, (weights, x, *expanded.values()))
    except (Fault, LeavesMarks):
        raise
    except Exception as error:  # torch raises many kinds here; each is a reason, never swallowed
        raise Untraceable(_reason(error, batch)) from error


def draws_for_weights(recorded: fx.GraphModule, batch: int) -> int:
    """How many recorded calls draw random numbers that are no rows."""
    return sum(
        torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
        and tuple(node.meta["val"].shape[:1]) != (batch,)
        for node in recorded.graph.nodes
    )


def first_line(error: Exception) -> str:
    """The first line of an error's message that says anything; its type where none does."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


class _Unmarked(StepOf):
    """Refuses a step that changes its module's attributes."""

    def forward(self, x: Tensor, state: Any) -> Any:
        with unmarked(self.module) as changes:
            results = super().forward(x, state)
        if changes:
            raise LeavesMarks(frozenset(changes))
        return results


def _reason(error: Exception, batch: int) -> str:
    first = first_line(error)
    if "data-dependent" in first.lower() or "DataDependent" in type(error).__name__:
        return "the step's Python depends on the numbers in its tensors (an `if`, `.item()` or the like)"
    if "autograd.Function" in first:
        return "the step defines its own derivative (an autograd.Function)"
    if "FakeTensor" in first:
        return FOREIGN
    return f"torch could not record the step: {first.replace(str(batch), 'batch')}"
