"""What torch records of a step, on tensors without numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_leaves

from recurra.errors import Fault
from recurra.program.errors import LeavesMarks, Untraceable
from recurra.state import named_leaves, replace_leaves, require_step
from recurra.tracing.aten.step import FOREIGN
from recurra.tracing.decompositions import Spelled, decompositions
from recurra.tracing.parametrized import once_a_run
from recurra.tracing.places import place_of, raised_by_step
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
    expanded = {name: leaf.new_zeros(batch, *leaf.shape[1:]) for name, leaf in leaves.items()}

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
        with torch.no_grad(), Spelled():
            return recorded_graph(functional, (weights, x, *expanded.values()), decompositions())
    except (Fault, LeavesMarks):
        raise
    except Exception as error:  # torch raises many kinds here; each is a reason, never swallowed
        raise Untraceable(reason_of(error, batch)) from error


def draws_for_weights(recorded: fx.GraphModule, batch: int) -> int:
    """How many recorded calls draw random numbers that are no rows."""
    return sum(
        any(isinstance(t, Tensor) and tuple(t.shape[:1]) != (batch,) for t in tree_leaves(node.meta["val"]))
        for node in recorded.graph.nodes
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
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


def reason_of(error: Exception, batch: int) -> str:
    """What went wrong while a step was read over so many rows without numbers, and where."""
    place = place_of(error)
    return f"{_reason(error, batch)}{'' if place is None else f' ({place})'}"


def _reason(error: Exception, batch: int) -> str:
    kind, first = type(error).__name__, first_line(error)
    if any(words in f"{kind} {error}" for words in _SIZES):
        return "the size of a tensor of the step depends on numbers (nonzero, unique, a mask as an index)"
    if any(words in f"{kind} {first}" for words in _NUMBERS):
        return "the step's Python depends on the numbers in its tensors (an `if`, `.item()` or the like)"
    if "autograd.Function" in first or "custom_function_call" in first:
        return "the step defines its own derivative (an autograd.Function)"
    if "FakeTensor" in first:
        return FOREIGN
    first = first[:_LONGEST].replace(str(batch), "batch")
    if raised_by_step(error):
        return f"the step raises {kind} as it is read over {batch} rows that have no numbers: {first}"
    return f"torch could not record the step: {first}"


_SIZES = ("Size-like symbols: u", "DynamicOutputShape")
_NUMBERS = ("DataDependent", "data-dependent", "Data-dependent", "tolist()", "_local_scalar", ".numpy()")
_LONGEST = 200
