"""The native engine computes with the threads that torch has."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

pytest.importorskip("recurra.engines.native._engine", reason="the native library is not built")

from recurra import scan
from recurra.cells import GRU
from recurra.engines.native import _engine
from recurra.engines.native import team as native_team
from recurra.engines.native.team import torch_team

GNU = pytest.mark.skipif(
    not native_team.MAPS.exists() or "/libgomp" not in native_team.MAPS.read_text(),
    reason="torch is linked to another OpenMP library",
)


@pytest.fixture
def team() -> Iterator[int]:
    found = torch_team()
    yield found
    _engine.use_team(found)


@GNU
def test_it_is_found() -> None:
    assert torch_team() != 0


@pytest.mark.parametrize(
    ("beside", "found"),
    [("/else/scikit_learn.libs/libgomp-1.so.1", True), ("{home}/lib/libgomp-2.so.1", False)],
)
@GNU
def test_another_package_may_bring_its_own(
    beside: str, found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which of two is torch's own is not guessed."""
    line = "7f00-7f01 r-xp 00000000 00:00 1 " + beside.format(home=Path(torch.__file__).parent)
    told = tmp_path / "maps"
    told.write_text(native_team.MAPS.read_text() + line + "\n")
    monkeypatch.setattr(native_team, "MAPS", told)
    assert (torch_team() != 0) == found


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
