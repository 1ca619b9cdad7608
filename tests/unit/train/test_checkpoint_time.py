"""A checkpoint every so many minutes, by a clock of the test's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recurra.runs.digests import RESUMABLE
from recurra.train import checkpoint
from recurra.train.options import TrainOptions

from .training import assert_same_run, kill_tiny, resume_tiny, run_tiny


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two minutes between one look at it and the next."""
    now = [0.0]

    def tick() -> float:
        now[0] += 120.0
        return now[0]

    monkeypatch.setattr("recurra.train.loop.monotonic", tick)
    monkeypatch.setattr("recurra.train.saving.monotonic", tick)
    return now


def steps_saved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    steps: list[int] = []
    commit = checkpoint.commit

    def note(folder: Path, serial: int, world: int, plain: Any) -> None:
        steps.append(plain["step"])
        commit(folder, serial, world, plain)

    monkeypatch.setattr(checkpoint, "commit", note)
    return steps


@pytest.mark.parametrize(
    ("minutes", "steps"), [(10, [5, 10, 15, 20]), (4, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]), (600, [20])]
)
def test_no_more_time_than_that_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Any, minutes: int, steps: list[int]
) -> None:
    saved = steps_saved(monkeypatch)
    run_tiny(tmp_path, "train.epochs=4", "train.validate_every=100", f"train.checkpoint_minutes={minutes}")
    assert saved == steps


def test_ten_minutes_unasked(tmp_path: Path, clock: Any) -> None:
    """Killed within the first epoch, nothing validated yet: the run goes on from five steps."""
    assert TrainOptions().checkpoint_minutes == 10
    assert "checkpoint_minutes" in RESUMABLE
    changes = ("train.epochs=2", "data.batches=9")
    kill_tiny(tmp_path, *changes, "data.kill_at=7", name="broken")
    assert json.loads((tmp_path / "broken" / "last" / "state.json").read_text())["step"] == 5
    resume_tiny(tmp_path, *changes, "data.kill_at=7", name="broken")
    run_tiny(tmp_path, *changes, name="whole")
    assert_same_run(tmp_path / "whole", tmp_path / "broken")
