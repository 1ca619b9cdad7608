"""The comparison of cells: its problems, its table, its file, and bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from recurra.cells import VanillaRNN
from recurra.errors import Fault
from recurra.inspect.comparison import CELLS, compare
from recurra.inspect.practice import backward_curve, reach, score, train
from recurra.inspect.problems import PROBLEMS, LastAnswer, problem_named


@pytest.mark.parametrize("steps", [10, 37])
def test_adding_sums_one_number_of_each_half(steps: int) -> None:
    x, targets = problem_named("adding").batch(200, steps, torch.Generator().manual_seed(0))
    marks = x[..., 1]
    assert x.shape == (200, steps, 2)
    assert bool((marks[:, : steps // 2].sum(1) == 1).all())
    assert bool((marks[:, steps // 2 :].sum(1) == 1).all())
    assert torch.allclose((x[..., 0] * marks).sum(1), targets)
    assert float((targets - 1).square().mean()) == pytest.approx(1 / 6, rel=0.3)


@pytest.mark.parametrize("steps", [10, 37])
def test_temporal_order_asks_for_two_letters_of_the_first_half(steps: int) -> None:
    x, targets = problem_named("temporal_order").batch(200, steps, torch.Generator().manual_seed(0))
    symbols = x.argmax(-1)
    assert bool((x.sum(-1) == 1).all())
    for row, target in zip(symbols.tolist(), targets.tolist(), strict=True):
        places = [t for t, symbol in enumerate(row) if symbol < 2]
        assert len(places) == 2
        assert places[0] < 0.2 * steps + 1
        assert 0.4 * steps - 1 <= places[1] < 0.5 * steps + 1
        assert 2 * row[places[0]] + row[places[1]] == target
    assert set(targets.tolist()) == {0, 1, 2, 3}


def test_a_training_is_measured() -> None:
    torch.manual_seed(0)
    problem = PROBLEMS["adding"]
    model = LastAnswer(VanillaRNN(2, 8), 1)
    start = score(model, problem, 10)[0]
    laps = train(model, problem, 10, 60, rate=1e-2)
    assert len(laps) == 60
    assert score(model, problem, 10)[0] < start
    assert len(train(model, problem, 10, 60, stop=lambda number: number == 3)) == 3
    assert len(train(model, problem, 10, 60, rate=float("inf"), clip=None)) < 60
    assert reach(torch.tensor([1.0, 0.5, 0.009, 0.02, 0.001])) == 3
    assert reach(torch.tensor([float("nan")] * 3)) == 0
    assert float(backward_curve(model.layer.cell, torch.zeros(2, 3, 2))[0]) == 1.0


def test_a_comparison_is_resumed_from_its_file(tmp_path: Path) -> None:
    file, lines = tmp_path / "comparison.json", []
    small = {"updates": 2, "seeds": 1, "file": file}
    first = compare([10], cells=["vanilla"], **small, progress=lines.append)
    assert (len(first.trainings), first.total, len(lines)) == (2, 2, 2)
    both = compare([12, 10], cells=["vanilla", "lstm"], **small, progress=lines.append)
    assert [each.steps for each in both.trainings] == [10] * 4 + [12] * 4
    assert both.trainings[0] == first.trainings[0]
    assert len(lines) == 8
    assert str(both) == "8 of 8 trainings"
    columns, rows = both.table()
    assert columns[:3] == ("problem", "steps", "cell")
    assert len(rows) == 8
    assert all(len(row) == len(columns) for row in rows)
    assert json.loads(json.dumps(both.to_dict(), allow_nan=False))["total"] == 8
    over = compare([50], cells=["gru"], minutes=0, **small)
    assert (len(over.trainings), over.total) == (0, 2)
    assert "run it again" in str(over)
    with pytest.raises(Fault, match="other settings"):
        compare([10], updates=3, file=file)
    content = json.loads(file.read_text())
    content["trainings"][0]["steps"] = "ten"
    file.write_text(json.dumps(content))
    with pytest.raises(Fault, match=r"training 1: steps = 'ten' found"):
        compare([10], **small)


def test_bad_input_is_one_line() -> None:
    with pytest.raises(Fault, match="steps = 3: expected 10 to 10,000"):
        compare([50, 3])
    with pytest.raises(Fault, match="no cell of the comparison is called 'lstmm'"):
        compare([10], cells=["lstmm"])
    with pytest.raises(Fault, match="no problem is called 'addin'"):
        compare([10], problems=["addin"])
    assert set(CELLS) == {"vanilla", "simplified_gru", "gru", "lstm"}
