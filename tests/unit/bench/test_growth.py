"""How the cost of a training step grows: every kind along every axis, and the power of a known growth."""

from __future__ import annotations

import pytest

from recurra.bench import growth
from recurra.bench.growth import KINDS, Grown, Size, growth_table, measure_growth


def test_every_kind_trains_at_its_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"steps": (2, 4), "hidden": (4, 8), "rows": (1, 2), "vocabulary": (10, 20)}
    monkeypatch.setattr(growth, "AXES", small)
    monkeypatch.setattr(
        growth, "medians", lambda calls: {name: (call(), float(name))[1] for name, call in calls.items()}
    )
    monkeypatch.setattr(growth, "Size", lambda: Size(2, 3, 4, 10))
    found = [*measure_growth(1, lambda line: None)]
    assert {(case.kind, case.axis) for case in found} == {
        (kind, axis) for kind, (_, axes) in KINDS.items() for axis in axes
    }
    assert all(case.exponent == pytest.approx(1) for case in found if case.exponent is not None)
    assert sum(case.exponent is None for case in found) == len(found) / 2


def test_the_table_tells_the_power_over_all_sizes() -> None:
    cases = [
        Grown("a layer", "hidden", Size(hidden=hidden), 2, seconds, None)
        for hidden, seconds in ((64, 0.001), (128, 0.003), (256, 0.016))
    ]
    assert growth_table(cases)[-1] == "| a layer | hidden | 64: 1.0, 128: 3.0, 256: 16.0 | 2.00 |"
