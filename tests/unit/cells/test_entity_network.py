"""The entity network's step against its equation, number by number."""

from __future__ import annotations

import pytest
import torch

from recurra import scan
from recurra.cells import EntityNetwork
from recurra.cells.entity_network import EntityState
from recurra.errors import Fault
from recurra.loop.plan import plan_of


def test_a_step_is_the_equation() -> None:
    torch.manual_seed(0)
    cell = EntityNetwork(3, 3).double()
    with torch.no_grad():
        cell.slope.copy_(torch.tensor([0.5, 1.0, -0.2]))
    x, h, key = torch.randn(3, 1, 3).double().unbind()
    y, state = cell.step(x, EntityState(h, key))
    gate = 1 / (1 + torch.exp(-(x @ h.T + x @ key.T)))
    v = h @ cell.hidden.weight.T + key @ cell.key.weight.T + x @ cell.input.weight.T
    candidate = torch.where(v > 0, v, cell.slope * v)
    expected = h + gate * candidate
    torch.testing.assert_close(y, expected / expected.norm(), rtol=1e-6, atol=1e-8)
    assert torch.equal(state.key, key)
    assert torch.equal(state.h, y)


def test_slots_are_rows_that_differ_by_their_keys_alone() -> None:
    torch.manual_seed(0)
    cell = EntityNetwork(4, 4)
    story = torch.randn(1, 5, 4).expand(3, 5, 4)
    keys = torch.randn(3, 4)
    keys[2] = keys[0]
    y, state = scan(cell, story.contiguous(), EntityState(keys, keys))
    assert not torch.allclose(y[0], y[1], atol=1e-3)
    torch.testing.assert_close(y[0], y[2])
    torch.testing.assert_close(state.h.norm(dim=-1), torch.ones(3))
    torch.testing.assert_close(state.key, keys)


def test_it_is_a_program() -> None:
    assert plan_of(EntityNetwork(4, 4)).program is not None


def test_widths_that_differ_are_refused() -> None:
    with pytest.raises(
        Fault, match=r"compares what it reads, 3 numbers, with what it knows, 4: make them equal"
    ):
        EntityNetwork(3, 4)
