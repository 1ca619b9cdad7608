"""The native engine computes with the threads that torch has."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import sys
from collections.abc import Iterator

import pytest
import torch

pytest.importorskip("recurra._engine", reason="the native library is not built")

from recurra import _engine
from recurra.cells import GRU
from recurra.engines.native_team import torch_team
from recurra.scan import scan


@pytest.fixture
def team() -> Iterator[int]:
    found = torch_team()
    yield found
    _engine.use_team(found)


@pytest.mark.skipif(sys.platform != "linux", reason="torch is linked to another OpenMP library")
def test_it_is_found() -> None:
    assert torch_team() != 0


def test_numbers_are_those_of_the_engines_own_threads(team: int) -> None:
    torch.set_num_threads(3)
    cell, x = GRU(40, 48), torch.randn(24, 30, 40)
    found = []
    for lent in (team, 0, team):
        _engine.use_team(lent)
        y, _ = scan(cell, x)
        found.append((y, *torch.autograd.grad(y.sum(), list(cell.parameters()))))
    for one, *others in zip(*found, strict=True):
        assert all(torch.equal(one, other) for other in others)


def _found_in_child(found: multiprocessing.connection.Connection) -> None:
    found.send(torch_team())


def test_a_child_uses_its_own() -> None:
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=_found_in_child, args=(there,))
    child.start()
    assert here.poll(120)
    assert here.recv() == 0
    child.join(120)
