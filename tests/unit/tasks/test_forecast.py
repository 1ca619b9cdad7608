"""The forecast task: what it may know, what it learns, what it says, and what it refuses."""

from __future__ import annotations

import csv
import json
import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import torch

from recurra.errors import Fault
from recurra.models.frames import Scaling
from recurra.storage.models import load_model, save_model
from recurra.tasks.forecast.direction import Directions, interval
from recurra.tasks.forecast.model import ForecastModelOptions
from recurra.tasks.forecast.options import ForecastOptions
from recurra.tasks.forecast.task import ForecastTask
from tests.unit.tasks.fitting import fit, reloaded

START = datetime(2024, 1, 1)


def write(path: Path, rows: int = 240, altered_from: int | None = None, **changes: Any) -> Path:
    """Hours of a wave of 24, a second one twice as fast, and a plan that is known ahead."""
    header = ["time", "wave", "double", "plan"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for n in range(rows):
            factor = 50.0 if altered_from is not None and n >= altered_from else 1.0
            cells = {
                "time": START + timedelta(hours=n),
                "wave": factor * (10 + 3 * math.sin(2 * math.pi * n / 24)),
                "double": factor * (5 + math.sin(2 * math.pi * n / 12)),
                "plan": n % 5,
            }
            cells.update({key: value(n) for key, value in changes.items()})
            writer.writerow([cells[name] for name in header])
    return path


def options(path: Path, **changes: Any) -> ForecastOptions:
    given: dict[str, Any] = {
        "train": str(path),
        "time": "time",
        "targets": ["wave"],
        "covariates": ["double"],
        "split": (0.6, 0.2, 0.2),
        "context": 24,
        "horizon": 6,
        "season": 24,
        "batch_size": 16,
    }
    return ForecastOptions(**{**given, **changes})


def model(**changes: Any) -> ForecastModelOptions:
    return ForecastModelOptions(**{"cell": "gru", "hidden": 16, **changes})


def trained(task: ForecastTask, epochs: int = 6) -> ForecastTask:
    fit(task, epochs)
    return task


def test_nothing_after_the_training_part_is_known(tmp_path: Path) -> None:
    plain, altered = (
        ForecastTask.prepare(options(write(tmp_path / name, altered_from=at)), model(anchor=anchor), seed=0)
        for anchor in ("last",)
        for name, at in (("a.csv", None), ("b.csv", 144))
    )
    for name, held in plain.model.state_dict().items():
        assert torch.equal(held, altered.model.state_dict()[name]), name
    assert torch.equal(plain.majority, altered.majority)
    for one, other in zip(plain.batches(0), altered.batches(0), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert plain.evaluate()["mse"] != altered.evaluate()["mse"]


def test_a_forecast_does_not_see_what_comes(tmp_path: Path) -> None:
    task = ForecastTask.prepare(options(write(tmp_path / "a.csv")), model(), seed=0)
    context, future, known = task.data.part("validation").take([0])
    before = task.model.mean(task.model(context, known))
    future.mul_(100)
    assert torch.equal(before, task.model.mean(task.model(context, known)))


@pytest.mark.parametrize("ahead", ["recurrent", "direct"])
def test_it_learns_a_wave_better_than_repeating_the_last_value(tmp_path: Path, ahead: str) -> None:
    task = ForecastTask.prepare(options(write(tmp_path / "a.csv")), model(ahead=ahead), seed=0)
    found = trained(task).evaluate()
    assert found["mse"] < 0.2 * found["last_mse"]
    assert found["season_mse"] == pytest.approx(0, abs=1e-9)
    figures = ("mse", "mae", "smape")  # a wave that repeats itself gives nothing to scale an error by
    assert set(found) == {"loss", *(f"{who}{one}" for who in ("", "last_", "season_") for one in figures)}


def test_windows_that_never_leave_their_anchor_can_be_scaled() -> None:
    frame = Scaling(1, 1, "last")
    context, future = torch.ones(2, 4, 1), torch.ones(2, 3, 1)
    frame.learn(torch.tensor([[1.0], [1.0], [5.0]]), context, future)
    features, memo = frame.enter(context, 3)
    assert bool(features.isfinite().all())
    torch.testing.assert_close(frame.outside(frame.inside(future, memo), memo), future)


def test_errors_are_in_deviations_of_the_training_part(tmp_path: Path) -> None:
    task = ForecastTask.prepare(options(write(tmp_path / "a.csv")), model(), seed=0)
    windows = task.data.part("validation")
    context, future, known = windows.take(range(len(windows)))
    rows = torch.tensor([10 + 3 * math.sin(2 * math.pi * n / 24) for n in range(144)])
    with torch.no_grad():
        told = task.model.mean(task.model(context, known))
    wanted = ((told[..., 0] - future[..., 0]) / rows.std(correction=0)).square().mean()
    assert task.evaluate()["mse"] == pytest.approx(float(wanted), rel=1e-4)


@pytest.mark.parametrize("output", ["quantiles", "gaussian", "mixture"])
def test_intervals_hold_about_their_share(tmp_path: Path, output: str) -> None:
    noise = torch.randn(400).tolist()
    path = write(tmp_path / "a.csv", 400, wave=lambda n: 10 + math.sin(n / 4) + noise[n])
    asked = options(path, covariates=[], horizon=2, context=8, season=None)
    task = ForecastTask.prepare(asked, model(output=output, anchor="none"), seed=0)
    found = trained(task, 12).evaluate()
    assert 0.6 < found["coverage"] < 0.95
    assert ("nll" in found) == (output != "quantiles")


def test_a_log_density_is_that_of_the_standardised_values(tmp_path: Path) -> None:
    asked = options(write(tmp_path / "a.csv"))
    task = ForecastTask.prepare(asked, model(output="gaussian", anchor="last"), seed=0)
    found = task.evaluate()
    assert found["nll"] == pytest.approx(found["loss"] + math.log(float(task.model.frame.change)))


def test_directions_are_scored_beside_their_baselines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", wave=lambda n: 100 + n + (n % 3 == 0) * 5)
    asked = options(path, horizon=1, direction=True, logarithms=["wave"])
    task = ForecastTask.prepare(asked, model(differences=True), seed=0)
    found = trained(task).evaluate()
    assert found["hit_rate"] > 0.95
    assert found["hit_rate_majority"] == pytest.approx(2 / 3, abs=0.02)
    assert found["hit_rate_low"] <= found["hit_rate"] <= found["hit_rate_high"]
    assert found["changes"] == 48


def test_directions_are_counted() -> None:
    signs = Directions(torch.tensor([1.0, -1.0]))
    signs.add(0.0, torch.tensor([1.0, 1.0]), torch.tensor([2.0, -1.0]), torch.tensor([-1.0, -1.0]))
    signs.add(1.0, torch.tensor([1.0, 1.0]), torch.tensor([0.0, 3.0]), torch.tensor([1.0, 1.0]))
    found = signs.scores()
    assert (found["hit_rate"], found["hit_rate_majority"], found["changes"]) == (
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
        3,
    )
    assert found["hit_rate_persistence"] == pytest.approx(2 / 3)


def test_the_interval_is_wilsons_and_widens_where_targets_move_together() -> None:
    hits = [1.0] * 60 + [0.0] * 40
    low, high = interval([[hit] for hit in hits])
    assert (low, high) == (pytest.approx(0.502, abs=0.002), pytest.approx(0.691, abs=0.002))
    wide = interval([[hit] * 4 for hit in hits])
    assert wide[1] - wide[0] == pytest.approx(high - low, abs=0.005)


def test_known_columns_and_the_calendar_reach_ahead(tmp_path: Path) -> None:
    asked = options(write(tmp_path / "a.csv"), known=["plan"], calendar=["hour", "weekday"])
    task = ForecastTask.prepare(asked, model(), seed=0)
    assert task.data.part("train").take([0])[2].shape == (1, 30, 5)
    with pytest.raises(Fault, match="expected 6 with plan"):
        list(task.predict([str(tmp_path / "a.csv")]))
    lines = (tmp_path / "a.csv").read_text().splitlines()
    lines += [f"{START + timedelta(hours=240 + n)},,,{n % 5}" for n in range(6)]
    (tmp_path / "b.csv").write_text("\n".join(lines) + "\n")
    (found,) = task.predict([str(tmp_path / "b.csv")])
    assert found["forecasts"][0]["time"][0] == "2024-01-11 00:00:00"
    assert len(found["forecasts"][0]["targets"]["wave"]["forecast"]) == 6


def test_prediction_goes_on_after_the_last_row(tmp_path: Path) -> None:
    task = ForecastTask.prepare(options(write(tmp_path / "a.csv")), model(output="gaussian"), seed=0)
    (found,) = trained(task, 16).predict([str(tmp_path / "a.csv")])
    told = found["forecasts"][0]["targets"]["wave"]
    wanted = [10 + 3 * math.sin(2 * math.pi * n / 24) for n in range(240, 246)]
    assert told["forecast"] == pytest.approx(wanted, abs=1.2)
    assert told["direction"] == "up"
    assert all(low < high for low, high in zip(told["low"], told["high"], strict=True))
    assert found["forecasts"][0]["time"] == [f"2024-01-11 0{h}:00:00" for h in range(6)]


def test_a_table_is_predicted_as_a_file_is(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 40)
    task = ForecastTask.prepare(options(path, context=4, horizon=2), model(), seed=0)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    one, other = task.predict([str(path), columns])
    assert one == other


def test_a_restored_task_answers_alike(tmp_path: Path) -> None:
    asked = options(write(tmp_path / "a.csv"), direction=True)
    task = ForecastTask.prepare(asked, model(output="mixture", differences=True, anchor="mean"), seed=0)
    save_model(task.model, tmp_path / "run")
    task.save_assets(tmp_path / "run")
    again = ForecastTask.restore(asked, model(), load_model(tmp_path / "run"), tmp_path / "run")
    assert again.evaluate() == task.evaluate()
    assert again.evaluate("test") == task.evaluate("test")
    assert list(again.predict([str(tmp_path / "a.csv")])) == list(task.predict([str(tmp_path / "a.csv")]))


def test_plots_are_written(tmp_path: Path) -> None:
    task = ForecastTask.prepare(options(write(tmp_path / "a.csv")), model(output="quantiles"), seed=0)
    task.picture(None, tmp_path / "plot.png", count=2)
    short = ForecastTask.prepare(options(tmp_path / "a.csv", horizon=1), model(output="gaussian"), seed=0)
    short.picture(None, tmp_path / "short.png", data="test", count=2)
    for name in ("plot.png", "short.png"):
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(Fault, match="expected one of .png"):
        task.picture(None, tmp_path / "plot.jpeg")


def test_check_tells_sizes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", double=lambda n: 7)
    lines = ForecastTask.prepare(options(path), model(), seed=0).check()
    assert "train: 115 windows" in lines
    assert any("'double' is constant" in line for line in lines)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"targets": ["wav"]}, "no column 'wav'.*did you mean 'wave'"),
        ({"targets": ["wave", "double"]}, "'double' is named twice"),
        ({"logarithms": ["plan"]}, "logarithms: column 'plan' is neither"),
        ({"horizon": 300}, "no room for context \\+ horizon = 24 \\+ 300 steps .*240 rows in all"),
        ({"horizon": 60}, "validation part of .*: no room for horizon = 60"),
        ({"split": (0.9, 0.9, 0.1)}, "split ="),
        ({"calendar": ["hour"], "gaps": "allow"}, "calendar needs evenly spaced"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Fault, match=why):
        ForecastTask.prepare(options(write(tmp_path / "a.csv"), **changes), model(), seed=0)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ({"wave": lambda n: 4.5}, "column 'wave' is constant \\(4.5\\) in its 144 training rows"),
        ({"wave": lambda n: "nan" if n == 7 else n}, "a.csv:9: column 'wave': 'nan' found"),
        ({"wave": lambda n: n - 20}, "a.csv:2: column 'wave': -20 found, expected a number above 0"),
        ({"time": lambda n: START + timedelta(hours=n + (n > 9))}, "a.csv:12: .*1 time stamp is missing"),
        ({"time": lambda n: START + timedelta(hours=n - (n == 9))}, "a.csv:11: .* found twice"),
    ],
)
def test_bad_rows_are_told(tmp_path: Path, rows: dict[str, Any], why: str) -> None:
    with pytest.raises(Fault, match=why):
        ForecastTask.prepare(options(write(tmp_path / "a.csv", **rows), logarithms=["wave"]), model(), seed=0)


def test_too_short_an_input_is_told(tmp_path: Path) -> None:
    task = ForecastTask.prepare(options(write(tmp_path / "a.csv")), model(), seed=0)
    write(tmp_path / "b.csv", 5)
    with pytest.raises(Fault, match="ends 5 rows after .* expected at least context = 24"):
        list(task.predict([str(tmp_path / "b.csv")]))
    with pytest.raises(Fault, match="expected a file, or a table"):
        list(task.predict([7]))


def lines(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n")
    return path


def european(rows: int, first: datetime = datetime(2024, 10, 20)) -> list[str]:
    stamps = (first + timedelta(hours=n) for n in range(rows))
    return [
        "time;wave",
        *(f"{time:%d.%m.%Y %H:%M};1.{200 + n % 24},{n % 10}" for n, time in enumerate(stamps)),
    ]


def test_what_is_asked_is_read_as_the_training_data_was(tmp_path: Path) -> None:
    train = lines(tmp_path / "a.csv", *european(240))
    asked = options(train, covariates=[], context=4, horizon=2, season=None)
    task = ForecastTask.prepare(asked, model(), seed=0)
    assert any("steps of 1 hour" in line for line in task.check())
    rows = lines(tmp_path / "b.csv", "time;wave", *(f"03.04.2024 0{n}:00;1.20{n}" for n in range(5)))
    for each in (task, reloaded(task, asked, model(), tmp_path / "run")):
        (answer,) = each.predict([str(rows)])
        told = answer["forecasts"][0]
        assert told["time"] == ["03.04.2024 05:00", "03.04.2024 06:00"]
        assert all(1100 < value < 1300 for value in told["targets"]["wave"]["forecast"])
    days = lines(tmp_path / "c.csv", "time;wave", *(f"0{n}.04.2024 07:30;1,5" for n in range(1, 9)))
    with pytest.raises(Fault, match="23 time stamps are missing"):
        list(task.predict([str(days)]))
    minutes = lines(tmp_path / "d.csv", "time;wave", *(f"03.04.2024 00:0{n};1,5" for n in range(9)))
    with pytest.raises(Fault, match="rows 1 minute apart found, expected 1 hour as in training"):
        list(task.predict([str(minutes)]))


def test_a_run_without_a_format_reads_as_the_file_shows(tmp_path: Path) -> None:
    asked = options(write(tmp_path / "a.csv"))
    task = ForecastTask.prepare(asked, model(), seed=0)
    save_model(task.model, tmp_path / "run")
    task.save_assets(tmp_path / "run")
    assets = tmp_path / "run" / "forecast.json"
    table = json.loads(assets.read_text())
    del table["format"]
    assets.write_text(json.dumps(table))
    again = ForecastTask.restore(asked, model(), load_model(tmp_path / "run"), tmp_path / "run")
    assert list(again.predict([str(tmp_path / "a.csv")])) == list(task.predict([str(tmp_path / "a.csv")]))
    for wrong in ([], {}, {"decimal": 7, "day_first": None, "calendar": True, "step": None}):
        assets.write_text(json.dumps({**table, "format": wrong}))
        with pytest.raises(Fault, match="forecast.json: holds no format of a table"):
            ForecastTask.restore(asked, model(), load_model(tmp_path / "run"), tmp_path / "run")


def test_incomplete_rows_are_told_or_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", wave=lambda n: "NA" if n in (100, 101, 150) else n % 7)
    with pytest.raises(Fault, match="a.csv:102: .*3 entries are so in all.* or set incomplete = 'skip'"):
        ForecastTask.prepare(options(path), model(), seed=0)
    with pytest.raises(Fault, match="2 time stamps are missing"):
        ForecastTask.prepare(options(path, incomplete="skip"), model(), seed=0)
    asked = options(path, incomplete="skip", gaps="split", context=4, horizon=2)
    told = ForecastTask.prepare(asked, model(), seed=0).check()
    assert "3 of 240 rows lack a number and are left out" in told
    assert any("series: 3 of 237 rows" in line for line in told)


def test_a_suspicious_number_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", wave=lambda n: -999 if n % 50 == 9 else n % 7)
    told = ForecastTask.prepare(options(path), model(), seed=0).check()
    assert any("column 'wave': -999 stands 5 times" in line for line in told)


def test_rows_known_ahead_stand_at_the_times_of_the_forecast(tmp_path: Path) -> None:
    asked = options(write(tmp_path / "a.csv"), known=["plan"])
    task = ForecastTask.prepare(asked, model(), seed=0)
    rows = (tmp_path / "a.csv").read_text().splitlines()
    late = [f"{START + timedelta(hours=241 + n)},,,{n % 5}" for n in range(6)]
    with pytest.raises(
        Fault, match="b.csv:242: time stamp .*01:00:00 found in a row known ahead, expected .*00:00"
    ):
        list(task.predict([str(lines(tmp_path / "b.csv", *rows, *late))]))
    rows[100] = rows[100].replace(rows[100].split(",")[1], "", 1).replace(rows[100].split(",")[2], "", 1)
    with pytest.raises(Fault, match="b.csv:101: column 'wave': '' found"):
        list(task.predict([str(lines(tmp_path / "b.csv", *rows))]))


def test_the_calendar_goes_by_the_clock_of_the_zone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", time=lambda n: (START + timedelta(hours=n)).isoformat() + "Z")
    plain, local = (
        ForecastTask.prepare(options(path, calendar=["hour"], zone=zone), model(), seed=0)
        for zone in (None, "Asia/Tokyo")
    )
    assert torch.equal(plain.data.part("train").take([9])[2], local.data.part("train").take([0])[2])
    for task in (plain, local):
        (found,) = task.predict([str(path)])
        assert found["forecasts"][0]["time"][0] == "2024-01-11T00:00:00Z"


def test_a_zone_is_a_real_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv")
    with pytest.raises(ValueError, match="did you mean 'America/New_York'"):
        options(path, zone="America/NewYork")
    with pytest.raises(ValueError, match="zone needs a column of time stamps"):
        options(path, zone="Europe/Berlin", time=None)


def test_times_end_with_the_year_9999(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", time=lambda n: datetime(9999, 12, 31, 23) - timedelta(hours=239 - n))
    task = ForecastTask.prepare(options(path), model(), seed=0)
    with pytest.raises(Fault, match="6 steps of 1 hour after 9999-12-31 23:00:00 lie beyond the year 9999"):
        list(task.predict([str(path)]))


def shops(path: Path, size: float = 1.0, holes: int = 0) -> Path:
    """Two shops' sales by month, those of the second `size` times and `holes` numbers fewer."""
    rows = ["month,shop,sales"]
    for n in range(96):
        month = f"{2016 + n // 12}-{n % 12 + 1:02}"
        wave = math.sin(2 * math.pi * n / 12)
        rows.append(f"{month},north,{20 + 3 * wave + 0.1 * n:.6f}")
        sales = "" if n % 9 == 5 and n < 9 * holes else f"{size * (5 + wave):.6f}"
        rows.append(f"{month},south,{sales}")
    path.write_text("\n".join(rows) + "\n")
    return path


def shop_options(path: Path, **changes: Any) -> ForecastOptions:
    given = {"time": "month", "series": "shop", "targets": ["sales"], "covariates": [], "season": None}
    return options(path, **{**given, "context": 12, "horizon": 3, **changes})


@pytest.mark.parametrize("anchor", ["none", "last", "mean"])
def test_a_series_scaled_by_its_own_may_be_measured_in_any_unit(tmp_path: Path, anchor: str) -> None:
    answers = []
    for name, size in (("a.csv", 1.0), ("b.csv", 4096.0)):
        asked = shop_options(shops(tmp_path / name, size), scale="series")
        task = ForecastTask.prepare(asked, model(hidden=4, anchor=anchor), seed=0)
        fit(task, 1)
        (found,) = task.predict([str(tmp_path / name)])
        answers.append({each["series"]: each["targets"]["sales"]["forecast"] for each in found["forecasts"]})
    small, large = answers
    assert set(small) == {"north", "south"}
    assert large["north"] == pytest.approx(small["north"], rel=1e-3)
    assert large["south"] == pytest.approx([4096 * number for number in small["south"]], rel=1e-3)


def test_a_restored_task_knows_the_sizes_of_series(tmp_path: Path) -> None:
    path = shops(tmp_path / "a.csv", 100.0, holes=3)
    asked = shop_options(path, scale="series", incomplete="previous", masks=True)
    network = model(hidden=4)
    task = ForecastTask.prepare(asked, network, seed=0)
    end = tmp_path / "end.csv"
    lines = path.read_text().splitlines()
    end.write_text("\n".join([lines[0], *lines[-40:]]) + "\n")
    again = reloaded(task, asked, network, tmp_path)
    assert list(again.predict([str(end)])) == list(task.predict([str(end)]))
    assert again.evaluate(str(end)) == task.evaluate(str(end))
    assert set(again.data.sizes) == {"north", "south"}


def test_forecasts_are_not_scored_on_what_is_made_up(tmp_path: Path) -> None:
    path = shops(tmp_path / "a.csv", holes=10)
    with pytest.raises(Fault, match="a.csv:13: .*10 times.* or 'previous' or 'linear'"):
        ForecastTask.prepare(shop_options(path), model(), seed=0)
    tasks = {
        way: ForecastTask.prepare(shop_options(path, incomplete=way), model(hidden=4), seed=0)
        for way in ("previous", "linear", "mean", "zero")
    }
    for way, task in tasks.items():
        whole = {name: task.data.part(name) for name in ("train", "validation")}
        assert any("10 numbers ('sales' 10 times (" in line and way in line for line in task.check())
        blanks = [series.blanks for series in whole["validation"].series]
        for number, at in whole["validation"].origins:
            assert not bool(blanks[number][at : at + 3].any())
            assert way != "linear" or not bool(blanks[number][at - 1].any())
        assert all(way != "linear" or not bool(blanks[k][at - 1].any()) for k, at in whole["train"].origins)
    assert len(tasks["mean"].data.part("train")) > len(tasks["linear"].data.part("train"))


def test_made_up_numbers_are_told_with_the_forecast(tmp_path: Path) -> None:
    path = shops(tmp_path / "a.csv", holes=10)
    task = ForecastTask.prepare(shop_options(path, incomplete="mean"), model(hidden=4), seed=0)
    (found,) = task.predict([str(path)])
    assert [each.get("missing") for each in found["forecasts"]] == [None, 1]
    assert [each["time"] for each in found["forecasts"]] == [["2024-01", "2024-02", "2024-03"]] * 2


def test_options_that_need_made_up_numbers_say_so(tmp_path: Path) -> None:
    for changes in ({"masks": True}, {"gaps": "fill"}):
        with pytest.raises(ValueError, match="needs numbers that are made up: set incomplete"):
            shop_options(tmp_path / "a.csv", **changes)
