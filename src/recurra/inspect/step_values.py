"""Every value of a cell's step at the states of a run, by its program, and what it hands straight on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

import recurra.loop
import recurra.program
import recurra.tracing  # noqa: F401
from recurra.inspect.visits import Walk
from recurra.loop.plan import Plan, plan_of
from recurra.loop.run import prepare
from recurra.program.interpret import flat_rows, run_rows
from recurra.program.value import ancestors
from recurra.state import map_state, named_leaves
from recurra.tracing.trace import fixed_leaves

SQUASHING = ("sigmoid", "tanh")


class StepValues:
    """A program's values at every place of a run.

    Attributes:
        program: of the cell's step.
        tensors: number of a value -> `[N, width]`, or a fixed one.
    """

    def __init__(self, walk: Walk, plan: Plan) -> None:
        program = plan.program
        assert program is not None
        self.program = program
        self._moving = walk.moving
        values = program.values
        with torch.no_grad():
            self.tensors: dict[int, Any] = {
                **prepare(plan, fixed_leaves(walk.cell), None).fixed,
                program.x: walk.x,
            }
            leaves = named_leaves(walk.states)
            self.tensors.update({number: flat_rows(leaves[name]) for name, number in program.states.items()})
            for part in ("before", "inside", "after"):
                numbers = [n for n in program.of_part(part) if not values[n].is_leaf]
                run_rows(values, numbers, self.tensors, len(walk.x), walk.x)

    @property
    def squashed(self) -> list[int]:
        """Numbers of the values that are a sigmoid or a tanh of something, in the order of the step."""
        values = self.program.values
        return [n for n in sorted(self.program.live) if values[n].op in SQUASHING and not values[n].fixed]

    def carries(self) -> dict[str, Tensor]:
        """Leaf -> `[N, width]`: the share of each number of a state that its next value takes over as it is.

        It is the derivative along the road that passes no weight and no squashing function: f of an LSTM's c
        (`f * c + i * g`), z of a GRU's h. A leaf without such a road is left out.
        """
        shares = {}
        for name in self._moving:
            start, end = self.program.states[name], self.program.next_states[name]
            carry = self._slopes(start)[end]
            if carry is not None:
                width = self.program.values[start].width
                rows = len(self.tensors[self.program.x])
                shares[name] = carry.expand(rows, width)
        return shares

    def carrying(self, name: str) -> list[int]:
        """Numbers of the sigmoids that a leaf's carry is made of."""
        start, end = self.program.states[name], self.program.next_states[name]
        slopes, values = self._slopes(start), self.program.values
        stop = frozenset(
            n for n, value in enumerate(values) if value.op in SQUASHING or value.op == "product"
        )
        on_road = ancestors(lambda n: [a for a in values[n].args if slopes[a] is not None], [end])
        partners = [
            arg
            for n in on_road
            if values[n].op in ("mul", "lerp") and slopes[n] is not None
            for arg in values[n].args
            if slopes[arg] is None
        ]
        sources = ancestors(lambda n: values[n].args, partners, stop)
        return sorted(n for n in sources if values[n].op == "sigmoid")

    def _slopes(self, start: int) -> list[Tensor | None]:
        """For every value, its derivative by its own number of the state `start`; None: there is no road."""
        slopes: list[Tensor | None] = []
        one = torch.ones_like(self.tensors[start])
        for number, value in enumerate(self.program.values):
            if number == start:
                slopes.append(one)
            elif value.fixed or value.is_leaf or number not in self.program.live:
                slopes.append(None)
            else:
                args = [(slopes[a], self.tensors[a]) for a in value.args]
                slopes.append(
                    _slope(value.op, value.attrs, args) if any(s is not None for s, _ in args) else None
                )
        return slopes


def _slope(op: str, attrs: tuple[Any, ...], args: list[tuple[Tensor | None, Any]]) -> Tensor | None:
    (first, a), *rest = args
    if op in ("add_scalar", "add", "sub") and len(args) == 1:
        return first
    if op == "add":
        return _sum(first, rest[0][0])
    if op == "sub":
        return _sum(first, _times(rest[0][0], -1.0))
    if op == "neg" or op == "rsub_scalar":
        return _times(first, -1.0)
    if op == "mul_scalar":
        return _times(first, attrs[0])
    if op == "mul":
        return _sum(_times(first, rest[0][1]), _times(rest[0][0], a))
    if op == "lerp":
        (second, b), (weight, w) = rest
        straight = _sum(_times(first, 1 - w), _times(second, w))
        return _sum(straight, _times(weight, b - a))
    if op == "where":
        (second, b), (third, c) = rest
        zero = torch.zeros_like(b + c)
        return torch.where(a.bool(), zero if second is None else second, zero if third is None else third)
    return None


def _times(slope: Tensor | None, factor: Any) -> Tensor | None:
    return None if slope is None else slope * factor


def _sum(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def step_values(walk: Walk) -> StepValues | None:
    """None where the step has no program."""
    program = walk.visit.program
    if program is None:
        return None
    if not any(value.attrs and torch.float32 in value.attrs for value in program.values):
        # the copy in double is of the same step: nothing to be traced anew
        weights = tuple(fixed_leaves(walk.cell))
        return StepValues(walk, Plan(program, "", map_state(lambda leaf: leaf[:0], walk.states), weights))
    plan = plan_of(walk.cell)
    return None if plan.program is None else StepValues(walk, plan)


def recurrent_weights(values: StepValues) -> Iterator[tuple[str, Tensor]]:
    """Name and `[width, width]` of every square weight that multiplies a state, or what is made of it number
    by number; of a wide one (all gates side by side) each square by itself, `hidden.weight 2 of 4`.
    """
    program, tensors = values.program, values.tensors
    products = frozenset(n for n, value in enumerate(program.values) if value.op == "product")
    for number in sorted(products & program.live):
        row, weight = program.values[number].args[:2]
        matrix = tensors[weight]
        width = program.values[row].width
        stop = products - {number}
        reach = ancestors(lambda n: program.values[n].args, [row], stop)
        states = {program.states[name] for name in values._moving}
        same = {n for n in states & reach if program.values[n].width == width}
        if not same or matrix.dim() != 2 or matrix.shape[1] % width:
            continue
        leaves = ancestors(lambda n: program.values[n].args, [weight])
        names = [str(program.values[n].attrs[0]) for n in sorted(leaves) if program.values[n].op == "fixed"]
        name = names[0] if names else "a weight"
        blocks = torch.split(matrix, width, 1)
        for k, block in enumerate(blocks):
            yield (f"{name} {k + 1} of {len(blocks)}" if len(blocks) > 1 else name), block
