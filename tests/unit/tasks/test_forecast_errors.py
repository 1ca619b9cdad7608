"""Errors of forecasts by hand and by their definitions; baselines; steps that surprise."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from recurra.data.series import Windows
from recurra.errors import Fault
from recurra.models.outputs import Gaussian, GaussianMixture, Output, Point, Quantiles
from recurra.models.outputs.gaussian import FLOOR
from recurra.tasks.forecast.baselines import baselines, steps_a_day
from recurra.tasks.forecast.errors import naive_scales, symmetric_errors
from recurra.tasks.forecast.task import ForecastTask
from tests.unit.tasks.test_forecast import model, options, trained, write


def raw_of(deviation: float) -> float:
    """What softplus makes this deviation of."""
    return math.log(math.expm1(deviation - FLOOR))


def crps_by_its_integral(output: Output, raw: torch.Tensor, target: float) -> float:
    """`int (F(y) - [y >= target])^2 dy` over the quantiles' inverse, on a fine grid of y."""
    levels = torch.linspace(0.0005, 0.9995, 2001, dtype=torch.float64).tolist()
    places = output.quantiles(raw, levels)
    below = torch.tensor(levels, dtype=torch.float64)
    grid = torch.linspace(float(places[0]) - 1, float(places[-1]) + 1, 40001, dtype=torch.float64)
    grid = torch.cat([grid, torch.tensor([target], dtype=torch.float64)]).sort().values
    index = torch.searchsorted(places.contiguous(), grid).clamp(1, len(levels) - 1)
    share = ((grid - places[index - 1]) / (places[index] - places[index - 1])).clamp(0, 1)
    chance = below[index - 1] + share * (below[index] - below[index - 1])
    chance = torch.where(grid < places[0], 0.0, torch.where(grid > places[-1], 1.0, chance))
    return float(torch.trapezoid((chance - (grid >= target).double()).square(), grid))


@pytest.mark.parametrize("target", [-2.0, 0.0, 0.3, 4.0])
def test_crps_of_distributions_is_their_integral(target: float) -> None:
    gaussian, mixture = Gaussian(), GaussianMixture(2)
    one = torch.tensor([0.5, raw_of(1.5)], dtype=torch.float64)
    two = torch.tensor([0.2, -0.4, 1.0, 2.0, raw_of(0.5), raw_of(1.2)], dtype=torch.float64)
    truth = torch.tensor(target, dtype=torch.float64)
    for output, raw in ((gaussian, one), (mixture, two)):
        expected = crps_by_its_integral(output, raw, target)
        assert float(output.crps(raw, truth)) == pytest.approx(expected, abs=2e-3)


def test_crps_by_hand() -> None:
    """That of N(0, 1) at its mean is (sqrt 2 - 1) / sqrt pi; of a point, or a median alone, its error."""
    standard = torch.tensor([0.0, raw_of(1.0)], dtype=torch.float64)
    zero = torch.tensor(0.0, dtype=torch.float64)
    assert float(Gaussian().crps(standard, zero)) == pytest.approx((math.sqrt(2) - 1) / math.sqrt(math.pi))
    assert float(Point().crps(torch.tensor([3.0]), torch.tensor(1.0))) == 2.0
    assert float(Quantiles([0.5]).crps(torch.tensor([3.0]), torch.tensor(1.0))) == 2.0
    # pinball losses 0.1 (1 - -1), 0.5 (1 - 0), 0.1 (2 - 1): their mean is 0.8 / 3
    three = Quantiles([0.1, 0.5, 0.9]).crps(torch.tensor([-1.0, 0.0, 2.0]), torch.tensor(1.0))
    assert float(three) == pytest.approx(2 * 0.8 / 3)
    same = torch.tensor([0.0, 0.0, 1.0, -1.0, raw_of(1.0), raw_of(1.0)], dtype=torch.float64)
    assert float(GaussianMixture(2).crps(same, zero)) == pytest.approx(float(Gaussian().crps(standard, zero)))


def test_quantiles_come_to_the_crps_as_levels_fill() -> None:
    levels = [(2 * k + 1) / 1002 for k in range(501)]
    gaussian, target = torch.tensor([0.0, raw_of(1.0)]), torch.tensor(0.7)
    fine = Quantiles(levels).crps(Gaussian().quantiles(gaussian, levels), target)
    assert float(fine) == pytest.approx(float(Gaussian().crps(gaussian, target)), abs=1e-3)


def test_symmetric_errors_by_hand() -> None:
    forecast, truth = torch.tensor([1.0, 0.0, -2.0, 0.0]), torch.tensor([3.0, 0.0, 2.0, 5.0])
    assert symmetric_errors(forecast, truth).tolist() == [1.0, 0.0, 2.0, 2.0]


def test_scaled_errors_by_hand(tmp_path: Path) -> None:
    """Before the first window the series is 0 2 1 5: its steps are 2, 1, 4, seasons of two apart 1, 3."""
    path = tmp_path / "a.csv"
    path.write_text("v\n" + "\n".join(map(str, [0, 2, 1, 5, 9, 8, 7])) + "\n")
    bare = {"targets": ["v"], "time": None, "covariates": [], "season": None, "context": 2, "horizon": 1}
    task = ForecastTask.prepare(options(path, split=(4, 2, 1), **bare), model(hidden=2), seed=0)
    windows = task.data.part("validation")
    assert [origin for _, origin in windows.origins] == [4, 5]
    assert naive_scales(windows, 1, 1).tolist() == [[pytest.approx(7 / 3)]]
    assert naive_scales(windows, 1, 2).tolist() == [[2.0]]
    assert naive_scales(windows, 1, 4).tolist() == [[0.0]]
    scores = task.evaluate()
    # repeating the last value: 5 for 9, and 9 for 8
    assert scores["last_mase"] == pytest.approx((4 + 1) / 2 / (7 / 3))
    assert scores["last_smape"] == pytest.approx((2 * 4 / 14 + 2 * 1 / 17) / 2)


def test_yesterday_stands_beside_where_no_season_does(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv")
    task = ForecastTask.prepare(options(path, season=None), model(output="gaussian"), seed=0)
    scores = task.evaluate()
    assert scores["yesterday_mae"] == pytest.approx(0, abs=1e-5)
    assert scores["last_mae"] > 0.1
    assert {"crps", "coverage", "width", "nll"} <= scores.keys()
    assert not any(name.startswith("season_") for name in scores)
    windows = task.data.part("validation")
    assert steps_a_day(windows) == 24
    short = Windows(windows.series, 12, 6, [(0, 240)])
    assert steps_a_day(short) is None
    history = torch.arange(4.0).reshape(1, 4, 1)
    found = dict(baselines(history, 3, 2, 3))
    assert {name: rows.flatten().tolist() for name, rows in found.items()} == {
        "last_": [3, 3, 3],
        "season_": [2, 3, 2],
    }


@pytest.mark.parametrize("output", ["point", "gaussian"])
def test_a_step_that_was_not_expected_is_found(tmp_path: Path, output: str) -> None:
    path = write(tmp_path / "a.csv")
    task = trained(ForecastTask.prepare(options(path), model(output=output), seed=0))
    finder = task.anomalies(0.99)
    odd = write(
        tmp_path / "b.csv",
        rows=60,
        wave=lambda n: 40.0 if n == 50 else 10 + 3 * math.sin(n / 24 * 2 * math.pi),
    )
    (answer,) = finder.answers([finder.row(str(odd))])
    (table,) = answer["series"]
    assert table["row"] == list(range(25, 61))
    assert table["time"][0] == "2024-01-02 00:00:00"
    worst = max(range(36), key=table["surprise"].__getitem__)
    assert table["row"][worst] in (51, 52)  # the step itself, or the return from it
    assert table["anomalous"][worst]
    assert table["row"][next(k for k, odd in enumerate(table["anomalous"]) if odd)] == 51
    assert table["targets"]["wave"]["value"][26] == 40.0
    rows = finder.table_rows(answer)
    assert list(rows[0]) == ["time", "row", "wave", "wave.forecast", "surprise", "anomalous"]
    assert finder.plain_text(answer).startswith("2024-01-03 02:00:00\t")
    # of ordinary steps about one in a hundred surprises more than the threshold
    (plain,) = finder.answers([finder.row(str(path))])
    assert sum(plain["series"][0]["anomalous"]) < 0.1 * len(plain["series"][0]["anomalous"])
    with pytest.raises(Fault, match="expected a share of ordinary steps between 0 and 1"):
        task.anomalies(1.0)
    with pytest.raises(Fault, match="expected more than context = 24"):
        finder.row(str(write(tmp_path / "c.csv", rows=24)))
