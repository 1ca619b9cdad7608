"""Weights, intervals and units of figures."""

from __future__ import annotations

import math

import pytest
import torch

from recurra.errors import Fault
from recurra.tasks.parts.measurement import Selection, ordinals, ratios, together
from recurra.tasks.parts.metrics import SpanCounts, label_figures, span_figures
from recurra.tasks.parts.units import unit_of


def test_an_interval_is_that_of_the_binomial_distribution() -> None:
    """Of 400 examples, 300 right: the standard error is 2.165 %, and 1.96 of them make half an interval."""
    figures = ratios({"accuracy": ([1.0] * 300 + [0.0] * 100, None)})
    measured = Selection(None, "validation", "rows.csv", True).measured(400, "examples", figures)
    low, high = measured.intervals(2000, seed=3)["accuracy"]
    assert low == pytest.approx(0.75 - 1.96 * 0.02165, abs=0.004)
    assert high == pytest.approx(0.75 + 1.96 * 0.02165, abs=0.004)
    assert measured.describe == "validation, 400 examples held out of rows.csv"


def test_a_figure_that_is_the_same_in_every_example_has_no_width() -> None:
    measured = Selection(None, "", "x").measured(3, "sentences", ratios({"exact": ([1, 1, 1], None)}))
    assert measured.intervals(50) == {"exact": (1.0, 1.0)}
    assert measured.describe == "other data, 3 sentences of x"


def test_examples_of_a_group_are_drawn_together() -> None:
    """Two groups of 50, one all right, one all wrong: a draw has 0, 50 or 100 % right."""
    figures = ratios({"accuracy": ([1.0] * 50 + [0.0] * 50, None)})
    groups = ordinals(["a"] * 50 + ["b"] * 50)
    measured = Selection(None, "test", "x").measured(
        100, "windows", figures, groups=groups, group_unit="paths"
    )
    assert measured.intervals(200)["accuracy"] == (0.0, 1.0)
    alone = Selection(None, "test", "x").measured(
        100, "windows", figures, groups=[0] * 100, group_unit="paths"
    )
    with pytest.raises(Fault, match=r"there are no two here \(1 path\)"):
        alone.intervals(10)


def test_label_figures_are_those_counted_by_hand_and_weights_repeat_examples() -> None:
    outputs = torch.eye(3)[[0, 1, 2, 2]] * 20
    figures = label_figures(outputs, [0, 1, 1, 2])
    once = figures(torch.ones(4, dtype=torch.float64))
    assert once["accuracy"] == 0.75
    # 0: 1; 1: precision 1, recall 1/2; 2: precision 1/2, recall 1
    assert once["macro_f1"] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    repeated = label_figures(outputs[[0, 2, 2]], [0, 1, 1])
    weights = torch.tensor([1, 0, 2, 0], dtype=torch.float64)
    assert figures(weights) == pytest.approx(repeated(torch.ones(3, dtype=torch.float64)))


def test_parts_together_and_nothing_of_nothing() -> None:
    spans = span_figures([SpanCounts(0, 0, 0)])
    both = together(spans, ratios({"a": ([2.0], [4.0])}))
    assert both(torch.ones(1, dtype=torch.float64)) == {"f1": 0, "precision": 0, "recall": 0, "a": 0.5}


def test_a_draw_without_a_group_says_nothing_of_it() -> None:
    """One of 20 examples is of the group, and right: every draw that has it says 100 %."""
    group = torch.tensor([1.0] + [0.0] * 19)
    figures = ratios({"accuracy_by_7": (group, group)})
    measured = Selection(None, "test", "x").measured(20, "pairs", figures)
    assert measured.intervals(100) == {"accuracy_by_7": (1.0, 1.0)}
    assert math.isnan(figures(1 - group.double())["accuracy_by_7"])


@pytest.mark.parametrize(
    ("metric", "unit"),
    [
        ("accuracy", "percent"),
        ("season_mae", "units of the data"),
        ("nll_after_first", "nats a step"),
        ("accuracy_by_5", "percent"),
        ("upos_accuracy", "percent"),
        ("above_shuffled", "percent"),
    ],
)
def test_units_of_longer_names(metric: str, unit: str) -> None:
    found = unit_of(metric)
    assert found is not None
    assert found.name == unit
    assert unit_of("zebra") is None
