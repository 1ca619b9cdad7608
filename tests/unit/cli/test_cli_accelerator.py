"""The command line on an NVIDIA GPU: what it makes there is what it makes on the CPU."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from .command_line import Command

pytestmark = pytest.mark.gpu

ON = ["--set", "train.accelerator=cuda"]


@pytest.mark.parametrize("name", ["language", "sentiment"])
def test_train_resume_and_use(
    call: Command, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run = tmp_path / "run"
    first = call("train", f"{name}.toml", "-o", run, *ON, "--set", "train.epochs=1", "--json", "--quiet")
    assert first.code == 0, first.error
    more = call("train", f"{name}.toml", "-o", run, *ON, "--resume", "--json", "--quiet")
    assert more.code == 0, more.error
    assert json.loads(more.out[0])["steps"] == 2 * json.loads(first.out[0])["steps"]

    def said(*asked: Any) -> list[list[dict[str, Any]]]:
        made = []
        for device in ("cpu", "cuda"):
            (tmp_path / "in").write_text("the cät so good")
            with (tmp_path / "in").open() as opened:
                monkeypatch.setattr(sys, "stdin", opened)
                answered = call(*asked, "--device", device)
            assert answered.code == 0, answered.error
            made.append([json.loads(line) for line in answered.out])
        return made

    best = json.loads((run / "metrics.json").read_text())["best"]["metrics"]
    for (metrics,) in said("evaluate", run, "--json"):
        assert metrics == pytest.approx(best, rel=1e-4, abs=1e-4)
    asked = ["predict", run, "the cat", "so good"]
    if name == "language":
        asked = ["sample", run, "--prompt", "the ", "--length", 12, "--beam", 2, "--json"]
        drawn = ["sample", run, "--length", 12, "--seed", 1, "--device", "cuda"]
        assert call(*drawn) == call(*drawn)
    for question in (asked, ["stream", run]):
        on_cpu, on_cuda = said(*question)
        assert on_cpu
        assert same(on_cpu, on_cuda), (on_cpu, on_cuda)


def same(one: Any, other: Any) -> bool:
    """Equal, numbers up to rounding."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == pytest.approx(other, rel=1e-3, abs=1e-4) if isinstance(one, float) else one == other)
