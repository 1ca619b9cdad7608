"""Cells of the literature are their own plain loops in every form, and most have a program."""

from __future__ import annotations

from functools import cache

import pytest
import torch

from recurra.cells import Cell
from recurra.loop.plan import plan_of
from recurra.state import named_leaves
from tests.laws.conftest import ENGINES
from tests.laws.loops import assert_same, by_hand, by_scan, random_state
from tests.laws.table import features
from tests.laws.zoo import ZOO

PROGRAMS = 91
"""How many of the zoo have a program: it may rise, never fall."""

LENGTHS = (3, 0, 4, 1)


@cache
def _build(name: str) -> Cell:
    torch.manual_seed(0)
    return ZOO[name]().double().eval()


@pytest.mark.parametrize("name", ZOO)
def test_each_is_its_own_loop(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = _build(name)
    rows = [row.requires_grad_() for row in features(*LENGTHS, size=cell.input_size)]
    state = random_state(cell, len(rows))
    flags = [torch.rand(len(row)) < 0.4 for row in rows]
    inputs = [*rows, *named_leaves(state).values(), *cell.parameters()]
    for reverse, resets in ((False, None), (True, flags)):
        for engine in ENGINES:
            monkeypatch.setenv("RECURRA_ENGINE", engine)
            one, other = (way(cell, rows, state, reverse, resets) for way in (by_scan, by_hand))
            assert_same(one, other, inputs)


def test_how_many_have_a_program() -> None:
    reasons = {name: plan_of(_build(name)).reason for name in ZOO}
    without = {name: reason for name, reason in reasons.items() if reason}
    print(f"{len(ZOO) - len(without)} of {len(ZOO)} cells of the zoo have a program; not:")
    for name, reason in without.items():
        print(f"  {name}: {reason}")
    assert len(ZOO) - len(without) >= PROGRAMS
