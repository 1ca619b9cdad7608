"""What every task measures: which data, figures that are ratios over examples, their units and intervals."""

from __future__ import annotations

import math

import pytest
import torch

from recurra.errors import Fault
from tests.laws.table_tasks import TASKS
from tests.laws.test_tasks import name, prepared

__all__ = ["name"]
ONE_TEXT = ("language_model", "language_model of subwords")


def test_figures_of_examples_are_ratios_with_units_and_intervals(name: str) -> None:
    task = prepared(name)
    measurement = task.measure()
    scores = measurement.scores
    assert scores == dict(task.evaluate())
    assert measurement.describe.startswith("validation, ")
    units = {metric: task.unit(metric) for metric in scores}
    assert None not in units.values(), units
    best = units[task.score.metric]
    assert best is not None
    assert best.larger_is_better is task.score.larger_is_better
    assert task.score.unit == "" or best.name
    weights = torch.full((measurement.count,), 3.0, dtype=torch.float64)
    thrice = dict(measurement.figures(weights))
    assert thrice == pytest.approx({metric: scores[metric] for metric in thrice}, rel=1e-9)
    assert {**thrice, **measurement.constants}.keys() == scores.keys()
    if name in ONE_TEXT or measurement.count < 2:
        with pytest.raises(Fault, match="leave out the bootstrap"):
            measurement.intervals(5)
        return
    if measurement.groups is not None and len(set(measurement.groups)) < 2:
        with pytest.raises(Fault, match="there are no two here"):
            measurement.intervals(5)
        return
    intervals = measurement.intervals(20, seed=1)
    assert intervals == measurement.intervals(20, seed=1)
    assert intervals.keys() == thrice.keys()
    assert all(low <= high or math.isnan(low) for low, high in intervals.values())


def test_every_part_is_measured_by_its_name(name: str) -> None:
    task = prepared(name)
    assert task.measure("train").describe.startswith("train, ")
    other = task.measure(TASKS[name].held_out)
    if TASKS[name].held_out not in ("test", "train"):
        assert other.describe.startswith("other data, ")
        assert TASKS[name].held_out in other.source
