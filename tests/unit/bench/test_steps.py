"""The benchmark of steps runs every case beside its peers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from recurra.bench import steps
from recurra.bench.onnx_step import onnx_call
from recurra.bench.report import step_reaches, step_table
from recurra.bench.run import run_bench
from recurra.errors import Fault

pytest.importorskip("onnxruntime", reason="a peer of the benchmark is not installed")
pytest.importorskip("recurra.engines.native._engine", reason="the native library is not installed")


def _once(calls: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Runs each and gives times that can be told apart."""
    for call in calls.values():
        call()
        call()
    return {name: 1e-6 * (k + 1) for k, name in enumerate(calls)}


def test_every_case_runs_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "medians", _once)
    monkeypatch.setattr(steps, "WIDTHS", (128,))
    monkeypatch.setattr(steps, "ROWS", (1, 2))
    monkeypatch.setattr(steps, "BLOCKED", (1, 2))
    told: list[str] = []
    measured = list(steps.measure_steps(1, told.append))
    assert len(measured) == len(told) == 8
    assert measured[0].gain("onnx runtime") == pytest.approx(2.0)
    assert "| lstm | 128 | 1 | 100 | 1 | 0.01 | 0.02 | 0.03 | 0.04 | 0.05 |" in step_table(measured)
    found = {reach.what: (reach.found, reach.holds) for reach in step_reaches(measured)}
    assert found == {
        "one streamed step, LSTM 128, against ONNX Runtime": ("2.00", False),
        "a step in a block of 100, against ONNX Runtime's streamed step": ("200.00", True),
        "the same, against ONNX Runtime over all 100 steps": ("2.00", False),
    }


def test_a_part_is_measured_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "medians", _once)
    monkeypatch.setattr(steps, "WIDTHS", (128,))
    monkeypatch.setattr(steps, "ROWS", (1,))
    found = run_bench(parts=("steps",))
    assert found["steps"]
    assert not found["training"]
    assert not found["memory"]
    assert set(found["tables"]) == {"reaches", "steps (microseconds)"}
    assert found["machine"]["level"] != "no native library"
    with pytest.raises(Fault, match="'speed' is no part of the benchmark, expected some of training, steps"):
        run_bench(parts=("speed",))


def test_a_missing_peer_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(Fault, match="needs onnxruntime: pip install 'recurra\\[bench\\]'"):
        onnx_call("lstm", 8, 1, 1)
