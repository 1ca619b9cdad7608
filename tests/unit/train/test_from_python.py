"""Training, measuring and predicting from Python, on tables in memory and on files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import recurra
from recurra.errors import Fault

ROWS = pd.DataFrame(
    {
        "text": ["so good", "very bad", "good film", "bad film"] * 6,
        "label": ["yes", "no", "yes", "no"] * 6,
    }
)
RECIPE: dict[str, Any] = {
    "task": "classify",
    "data": {"tokens": "text", "batch_size": 4, "hold_out": 0.25},
    "model": {"embedding": 6, "hidden": 6},
    "train": {"epochs": 12, "tensorboard": False, "optimiser": {"name": "AdamW", "lr": 0.03}},
}
SERIES = """
task = "forecast"
data = { targets = ["v"], time = "day", context = 6, horizon = 2, batch_size = 4, split = [30, 15, 15] }
model = { hidden = 4 }
train = { epochs = 1, tensorboard = false }
"""


def test_a_frame_is_fitted_measured_and_answered(tmp_path: Path) -> None:
    task = recurra.fit(RECIPE, ROWS, folder=tmp_path / "run", quiet=True)
    answers = list(recurra.predict(task, pl.DataFrame({"text": ["so good", "bad film"]})))
    assert [answer["label"] for answer in answers] == ["yes", "no"]
    assert list(recurra.predict(tmp_path / "run", ["so good", "bad film"])) == answers
    assert recurra.evaluate(tmp_path / "run", ROWS)["accuracy"] == 1.0
    assert recurra.evaluate(task, pl.from_pandas(ROWS))["accuracy"] == 1.0


def test_answers_are_a_table_of_the_same_library(tmp_path: Path) -> None:
    task = recurra.fit(RECIPE, ROWS, folder=tmp_path / "run", quiet=True)
    columns = {"text": ["so good", "bad film"]}
    plain = recurra.predict_table(task, columns)
    assert list(plain) == ["item", "label", "probability", "probabilities.no", "probabilities.yes"]
    assert (plain["item"], plain["label"]) == ([1, 2], ["yes", "no"])
    pandas = recurra.predict_table(task, pd.DataFrame(columns))
    polars = recurra.predict_table(task, pl.DataFrame(columns))
    assert isinstance(pandas, pd.DataFrame)
    assert isinstance(polars, pl.DataFrame)
    assert pandas.to_dict("list") == polars.to_dict(as_series=False) == plain
    assert recurra.predict_table(task, ["so good", "bad film"]) == plain


def test_a_table_and_a_file_of_the_same_rows_train_the_same_model(tmp_path: Path) -> None:
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    of_file = {**RECIPE, "data": {**RECIPE["data"], "train": str(tmp_path / "rows.csv")}}
    recurra.fit(of_file, folder=tmp_path / "a", quiet=True)
    recurra.fit(RECIPE, ROWS, folder=tmp_path / "b", quiet=True)
    texts = list(ROWS["text"])
    assert list(recurra.predict(tmp_path / "a", texts)) == list(recurra.predict(tmp_path / "b", texts))


def test_paths_in_a_mapping_start_from_the_working_directory_and_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    monkeypatch.chdir(tmp_path)
    recurra.fit(
        {**RECIPE, "data": {**RECIPE["data"], "train": "rows.csv"}}, folder=tmp_path / "run", quiet=True
    )
    monkeypatch.chdir("/")
    assert "accuracy" in recurra.evaluate(tmp_path / "run")


def test_a_recipe_in_a_file_takes_tables_too(tmp_path: Path) -> None:
    path = tmp_path / "series.toml"
    path.write_text(SERIES)
    days = pd.date_range("2024-01-01", periods=60, name="day")
    frame = pd.DataFrame({"v": [float(k % 7) for k in range(60)]}, index=days)
    task = recurra.fit(path, frame, folder=tmp_path / "run", quiet=True)
    assert "mse" in recurra.evaluate(task, frame)


def test_a_run_goes_on_with_the_same_table_alone(tmp_path: Path) -> None:
    short = {**RECIPE, "train": {**RECIPE["train"], "epochs": 1}}
    recurra.fit(short, ROWS, folder=tmp_path / "run", quiet=True)
    longer = {**RECIPE, "train": {**RECIPE["train"], "epochs": 2}}
    with pytest.raises(Fault, match="data.train = 'memory:train': its content is not what the run was"):
        recurra.fit(longer, ROWS.iloc[:-1], folder=tmp_path / "run", resume=True, quiet=True)
    recurra.fit(longer, ROWS, folder=tmp_path / "run", resume=True, quiet=True)


def test_what_was_held_out_is_found_again(tmp_path: Path) -> None:
    rows = ROWS.assign(label=["yes", "no", "yes"] * 8)  # not to be learnt: parts differ
    random = {**RECIPE, "data": {**RECIPE["data"], "hold_out_from": "random"}}
    task = recurra.fit(random, rows, folder=tmp_path / "run", quiet=True)
    best = json.loads((tmp_path / "run" / "metrics.json").read_text())["best"]["metrics"]
    measured = recurra.measure(task)
    assert measured.describe == "validation, 6 examples held out of memory:train"
    assert measured.scores == pytest.approx(best)
    assert recurra.evaluate(tmp_path / "run", train=rows) == measured.scores
    assert recurra.measure(task, split="train").count == 18
    changed = rows.assign(label=["no", "yes", "yes"] * 8)
    with pytest.raises(Fault, match="its rows are not those that the run was trained on"):
        recurra.evaluate(tmp_path / "run", train=changed)
    rows.loc[0, "label"] = "no"
    with pytest.raises(Fault, match="its rows are not those that the run was trained on"):
        recurra.evaluate(task)


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    task = recurra.fit(RECIPE, ROWS, folder=tmp_path / "run", quiet=True)
    with pytest.raises(Fault, match="data that was in memory is in no file: give it again"):
        recurra.evaluate(tmp_path / "run")
    with pytest.raises(Fault, match="split = 'dev' found, expected one of train, validation, test"):
        recurra.evaluate(task, split="dev")
    with pytest.raises(Fault, match="the recipe names no test data"):
        recurra.evaluate(task, split="test")
    with pytest.raises(Fault, match="no column 'text'; its columns are: label"):
        recurra.evaluate(task, ROWS[["label"]])
    with pytest.raises(Fault, match="one text found, 'so good', expected a list of items or a table"):
        recurra.predict(task, "so good")


def test_a_table_of_several_series_is_answered_as_one(tmp_path: Path) -> None:
    months = pd.period_range("2015-01", periods=60, freq="M")
    sizes = {"small": 1.0, "large": 1000.0}
    parts = [
        pd.DataFrame({"month": months, "shop": shop, "sales": [size * (5 + n % 12) for n in range(60)]})
        for shop, size in sizes.items()
    ]
    frame = pd.concat(parts).astype({"shop": "category"})
    data = {"time": "month", "series": "shop", "targets": ["sales"], "context": 12, "horizon": 2}
    recipe = {
        "task": "forecast",
        "data": {**data, "scale": "series", "incomplete": "previous"},
        "model": {"cell": "gru", "hidden": 4},
        "train": {"steps": 2},
    }
    task = recurra.fit(recipe, frame, folder=tmp_path / "run", quiet=True)
    assert recurra.evaluate(task, frame)["mse"] > 0
    (answer,) = recurra.predict(task, frame)
    assert [each["series"] for each in answer["forecasts"]] == ["small", "large"]
    assert all(each["time"] == ["2020-01", "2020-02"] for each in answer["forecasts"])
    (small, large) = (each["targets"]["sales"]["forecast"] for each in answer["forecasts"])
    assert large == pytest.approx([1000 * number for number in small], rel=1e-3)
