"""What leaves the loop changes nothing: for steps that no one wrote, and in first and second derivatives."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from recurra import scan
from recurra.loop.plan import plan_of
from recurra.ragged import Ragged
from recurra.state import named_leaves, replace_leaves
from tests.laws.generated import CHAINS, Chained, Generated, choose_gradients
from tests.laws.loops import assert_same, by_hand, by_scan, random_state
from tests.laws.table import features
from tests.laws.user_cells import Both

SEEDS = range(40)
LENGTHS = (3, 0, 1, 4)


@cache
def generated(seed: int, smooth: bool = False) -> Generated:
    torch.manual_seed(seed)
    return Generated(seed, smooth).double()


@pytest.mark.parametrize("seed", SEEDS)
def test_random_steps(seed: int, engine: str) -> None:
    cell = generated(seed)
    plan = plan_of(cell)
    assert plan.program is not None, plan.reason
    rows = features(*LENGTHS, size=cell.input_size)
    state = random_state(cell, len(rows))
    flags = [torch.rand(len(row)) < 0.3 for row in rows] if seed % 2 else None
    arguments = (rows, state, seed % 3 == 0, flags)
    inputs = [*rows, *named_leaves(state).values(), *cell.parameters()]
    for form in range(2):
        choose_gradients(inputs, Random(2 * seed + form))
        try:
            assert_same(by_scan(cell, *arguments), by_hand(cell, *arguments), inputs)
        except AssertionError as error:
            error.add_note(
                f"{cell.text}\ngradients of {[k for k, t in enumerate(inputs) if t.requires_grad]}"
            )
            raise
    cell.requires_grad_()


@pytest.mark.parametrize("name", CHAINS)
def test_products_one_behind_the_other_whatever_needs_a_gradient(name: str, engine: str) -> None:
    cell = Chained(name).double()
    rows = features(3, 0, 1, 2)
    state = random_state(cell, len(rows))
    parts = [rows, list(state), [cell.a], [cell.b]]
    for needs in product((True, False), repeat=len(parts)):
        for part, need in zip(parts, needs, strict=True):
            for tensor in part:
                tensor.requires_grad_(need)
        inputs = [tensor for part in parts for tensor in part]
        assert_same(by_scan(cell, rows, state), by_hand(cell, rows, state), inputs)


def test_every_part_is_met() -> None:
    operations = set()
    for seed in SEEDS:
        program = plan_of(generated(seed)).program
        assert program is not None
        numbers = (n for part in ("once", "before", "inside", "after") for n in program.of_part(part))
        operations |= {
            (program.parts[n], program.values[n].op) for n in numbers if not program.values[n].is_leaf
        }
    for part in ("before", "inside", "after"):
        assert {(part, op) for op in ("product", "add", "mul", "cat", "tanh")} <= operations
    assert {op for part, op in operations} >= {"layer_norm", "sum", "maximum", "where", "detach"}


@pytest.mark.parametrize("seed", range(6))
def test_first_and_second_derivatives(seed: int, engine: str) -> None:
    cell = generated(seed, smooth=True)
    rows = [row.requires_grad_() for row in features(2, 0, 3, size=cell.input_size)]
    state = random_state(cell, len(rows))
    leaves = named_leaves(state)

    def run(*tensors: Tensor) -> tuple[Any, ...]:
        start = replace_leaves(state, dict(zip(leaves, tensors[: len(leaves)], strict=True)))
        x = Ragged.from_list(tensors[len(leaves) :][: len(rows)])
        y, final = scan(cell, x, start)
        return tuple(t for t in (y.data, *named_leaves(final).values()) if t.requires_grad)

    inputs = (*leaves.values(), *rows, *cell.parameters())  # weights are changed where they are
    assert gradcheck(run, inputs, fast_mode=True)
    assert gradgradcheck(run, inputs, fast_mode=True)


def test_a_width_that_is_the_number_of_rows_traced_with() -> None:
    class Wide(Both):
        def more(self, hidden_size: int) -> None:
            self.left, self.right = nn.Linear(hidden_size, 100), nn.Linear(hidden_size, 111)
            self.back = nn.Parameter(torch.randn(hidden_size))

        def new(self, total: Tensor, h: Tensor) -> Tensor:
            joined = torch.cat([self.left(total), self.right(h)], -1)  # 211 wide
            return torch.tanh(joined.mean(-1, keepdim=True) * self.back + total)

    assert plan_of(Wide(3, 4)).reason == ""


def test_rows_that_reach_each_other_are_told() -> None:
    class Mixing(Both):
        def new(self, total: Tensor, h: Tensor) -> Tensor:
            return torch.tanh(total - total.mean(0))

    reason = plan_of(Mixing(3, 4)).reason
    assert reason.startswith("aten.mean over other dimensions than a row's (")


@pytest.mark.parametrize(
    "mix", [lambda t: t.sum() * t, lambda t: t.flip(0), lambda t: t.T @ t, lambda t: t[:1] * t]
)
def test_no_mixing_of_rows_is_taken_for_a_program(mix: Callable[[Tensor], Tensor]) -> None:
    class Mixing(Both):
        def new(self, total: Tensor, h: Tensor) -> Tensor:
            mixed = mix(total)
            return torch.tanh(total + mixed.mean(0))

    assert plan_of(Mixing(3, 4)).program is None
