"""A run over time is the plain loop over a cell's step, row by row, in value and in every gradient."""

from __future__ import annotations

import pytest
import torch

from recurra import scan
from recurra.loop.plan import plan_of
from recurra.state import map_state, named_leaves
from tests.laws.loops import assert_same, by_hand, by_scan, random_state
from tests.laws.table import CELLS, REGISTERED, TRACED, UNTRACED, build, features

LENGTHS = (3, 0, 5, 1, 5, 2)


@pytest.mark.parametrize("way", ["forward", "reverse", "resets", "reverse resets"])
@pytest.mark.parametrize("name", CELLS)
def test_ragged_rows(name: str, way: str, engine: str) -> None:
    cell = build(name)
    rows = [row.requires_grad_() for row in features(*LENGTHS, size=cell.input_size)]
    state = random_state(cell, len(rows))
    flags = [torch.rand(len(row)) < 0.4 for row in rows] if "resets" in way else None
    given = (rows, state, "reverse" in way, flags)
    inputs = [*rows, *named_leaves(state).values(), *cell.parameters()]
    assert_same(by_scan(cell, *given), by_hand(cell, *given), inputs)


@pytest.mark.parametrize("name", CELLS)
def test_dense_rows_from_the_first_state(name: str, engine: str) -> None:
    cell = build(name)
    x = torch.stack(features(4, 4, 4, size=cell.input_size)).requires_grad_()
    y, state = scan(cell, x)
    start = cell.initial_state(3)
    assert_same((list(y), state), by_hand(cell, list(x), start), [x, *cell.parameters()])


@pytest.mark.parametrize("name", [*REGISTERED, *TRACED])
def test_steps_that_have_programs(name: str) -> None:
    plan = plan_of(build(name))
    assert plan.reason == ""
    assert plan.program is not None


@pytest.mark.parametrize("name", UNTRACED)
def test_steps_that_have_none_say_why(name: str) -> None:
    plan = plan_of(build(name))
    assert plan.program is None
    assert UNTRACED[name][1] in plan.reason
    assert "\n" not in plan.reason
    assert len(plan.reason) < 250


@pytest.mark.parametrize("name", REGISTERED)
def test_training_with_noise_is_traced_too(name: str) -> None:
    cell = build(name).train()
    assert plan_of(cell).program is not None
    y, _ = scan(cell, torch.stack(features(4, 4)))
    assert y.isfinite().all()


def test_work_on_the_input_alone_leaves_the_loop() -> None:
    program = plan_of(build("lstm")).program
    assert program is not None
    inside = [program.values[n].op for n in program.loop.body]
    assert inside.count("product") == 1
    outward = plan_of(build("outward")).program
    assert outward is not None
    after = [outward.values[n].op for n in outward.of_part("after")]
    assert "log_softmax" in after
    assert "product" in after


def test_a_state_of_another_kind_of_tree_is_taken_by_its_names(engine: str) -> None:
    cell = build("keeping")
    x = torch.stack(features(3, 3))
    state = random_state(cell, 2)
    wanted = scan(cell, x, state)[0]
    assert torch.equal(scan(cell, x, {"h": state.h})[0], wanted)
    assert torch.equal(scan(cell, x, map_state(lambda leaf: leaf.clone(), state))[0], wanted)
