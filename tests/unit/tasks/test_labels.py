"""Figures of each label, thresholds, and labels that weigh more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from recurra.errors import Fault
from recurra.tasks.parts.confusions import NONE, Confusion, span_pairs
from recurra.tasks.parts.label_weights import weights_of
from recurra.tasks.parts.metrics import label_confusion, label_figures, label_table
from recurra.tasks.parts.thresholds import Threshold, best_threshold, read_threshold

CONLLEVAL = json.loads((Path(__file__).parents[2] / "data" / "conlleval.json").read_text())


@pytest.mark.parametrize("corpus", CONLLEVAL["corpora"])
def test_figures_of_a_span_label_are_those_of_the_conll_script(
    corpus: dict[str, dict[str, list[float]]],
) -> None:
    confusion = Confusion(
        pair
        for true, predicted in zip(corpus["true"], corpus["predicted"], strict=True)
        for pair in span_pairs(true.split(), predicted.split(), "BIO")
    )
    found = {row.label: [row.precision, row.recall, row.f1, row.support] for row in confusion.scores()}
    assert found == {label: pytest.approx(row) for label, row in corpus["labels"].items()}


def test_a_confusion_of_spans_counts_missed_and_needless_ones() -> None:
    true, predicted = "B-x I-x O B-y B-z", "B-y I-y B-x O B-z"
    confusion = Confusion(span_pairs(true.split(), predicted.split(), "BIO"))
    assert confusion.labels == ["x", "y", "z", NONE]
    assert confusion.matrix() == [[0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [1, 0, 0, 0]]
    assert confusion.mistakes(1) == [(NONE, "x", 1)]


def test_a_matrix_has_true_labels_as_rows() -> None:
    logits = torch.tensor([[3.0, 0.0], [0.0, 3.0], [0.0, 3.0]])
    confusion = label_confusion(("no", "yes"), logits, [0, 0, 1])
    assert (confusion.labels, confusion.matrix()) == (["no", "yes"], [[1, 1], [0, 1]])
    unsure = label_confusion(("no", "yes"), logits, [0, 0, 1], Threshold(0.99))
    assert (unsure.labels, unsure.matrix()) == (["no", "yes", "unsure"], [[0, 0, 2], [0, 0, 1], [0, 0, 0]])
    assert [row.label for row in unsure.scores()] == ["no", "yes"]


def test_thresholds_choose_and_refuse() -> None:
    shares = torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1]])
    assert Threshold(0.6).choose(shares).tolist() == [-1, 2, 1]
    assert Threshold(0.2, 2).choose(shares).tolist() == [2, 2, 1]
    assert Threshold(0.7, 1).choose(shares).tolist() == [0, 2, 1]
    assert read_threshold("0.25", ("a", "b")) == Threshold(0.25)
    assert read_threshold("b=1", ("a", "b")) == Threshold(1.0, 1)
    logits = shares.log()
    assert label_table("abc", logits[0], Threshold(0.6))["label"] == "unsure"
    answered = label_figures(logits, [0, 2, 0], Threshold(0.6))(torch.ones(3, dtype=torch.float64))
    assert (answered["accuracy"], answered["answered"]) == (0.5, pytest.approx(2 / 3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.5", "1.5 found, expected a probability from 0 to 1"),
        ("-0.1", "-0.1 found, expected a probability from 0 to 1"),
        ("nan", "nan found, expected a probability from 0 to 1"),
        ("high", "--threshold 'high': expected a probability from 0 to 1, or one of a label"),
        ("positive=0.4", "no label is called 'positive'"),
    ],
)
def test_what_is_no_threshold_is_told(text: str, message: str) -> None:
    with pytest.raises(Fault, match=message):
        read_threshold(text, ("yes", "no"))


def test_the_best_threshold_is_the_best_of_all() -> None:
    torch.manual_seed(0)
    for _ in range(20):
        shares, true = torch.rand(12).round(decimals=1), torch.rand(12) < 0.4
        true[0] = True
        best = best_threshold(shares, true)

        def f1(least: float, shares: torch.Tensor = shares, true: torch.Tensor = true) -> float:
            answers = shares.double() >= least
            return float(2 * (answers & true).sum() / (answers.sum() + true.sum()))

        assert f1(best.threshold) == pytest.approx(best.f1)
        assert best.f1 == pytest.approx(max(f1(float(least) / 20 + 0.025) for least in range(-1, 20)))


def test_weights_by_counts_and_by_name() -> None:
    counts, kinds = {"a": 6, "b": 2, "c": 0}, {"x": ["a", "c"], "b": ["b"]}
    balanced = weights_of("balanced", counts, kinds)
    assert balanced is not None
    assert balanced.tolist() == pytest.approx([8 / 12, 2.0, 1.0])
    by_name = weights_of({"x": 3.0}, counts, kinds)
    assert by_name is not None
    assert by_name.tolist() == [3.0, 1.0, 3.0]
    assert weights_of(None, counts, kinds) is None
    with pytest.raises(Fault, match="label_weights: no label of the training data is called 'y'"):
        weights_of({"y": 3.0}, counts, kinds)
