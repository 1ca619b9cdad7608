"""The benchmark of memory: a process of its own tells its peak."""

from __future__ import annotations

import pytest

from recurra.bench.memory import Long, measure_memory, memory_table
from recurra.bench.report import memory_reaches


def test_checkpoints_take_less_memory_than_the_whole_run() -> None:
    pytest.importorskip("recurra.engines.native.engine", reason="the native library is not built")
    case = Long(rows=4, steps=3000, width=64, every=50)
    (found,) = measure_memory(1, lambda line: None, ("lstm",), case)
    array = case.rows * case.steps * case.width * 4
    assert found.kept["without"] > 5 * array  # the gates at least, and their gradients
    assert found.kept["with"] < found.kept["without"] / 2
    assert found.peak["with"] > 3 * array
    assert set(found.seconds) == {"with", "without"}
    assert "| lstm | 4, 3000, 64 | 50 |" in memory_table([found])[-1]
    (reach,) = memory_reaches([found])
    assert reach.holds == (found.share() <= 1 / 8 and found.slower() <= 1.4)
