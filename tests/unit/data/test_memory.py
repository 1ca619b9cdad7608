"""Tables that a program has in memory."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from recurra.data import columns, read
from recurra.data.memory import lending, memory_digest, table_examples
from recurra.data.series import read_series
from recurra.errors import Fault

COLUMNS = {"text": ["a b", "c", "d e"], "label": ["x", "y", None], "value": [1.5, None, -2.0], "n": [1, 2, 3]}


class Dataset:
    """As the library `datasets` has them."""

    column_names = tuple(COLUMNS)

    def to_dict(self) -> dict[str, list[Any]]:
        return COLUMNS


MAKERS: dict[str, Callable[[], Any]] = {
    "mapping": lambda: COLUMNS,
    "rows": lambda: [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)],
    "pandas": lambda: pd.DataFrame(COLUMNS),
    "pandas, filtered": lambda: pd.concat([pd.DataFrame(COLUMNS)] * 2).iloc[3:],
    "pandas, nullable": lambda: pd.DataFrame(COLUMNS).convert_dtypes(),
    "pandas, categories": lambda: pd.DataFrame(COLUMNS).astype({"label": "category"}),
    "polars": lambda: pl.DataFrame(COLUMNS),
    "polars, lazy": lambda: pl.DataFrame(COLUMNS).lazy(),
    "polars, categories": lambda: pl.DataFrame(COLUMNS).with_columns(pl.col("label").cast(pl.Categorical)),
    "pyarrow": lambda: pa.table(COLUMNS),
    "datasets": Dataset,
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_every_kind_of_table_is_the_same_table(make: Callable[[], Any]) -> None:
    examples = table_examples(make(), "table")
    assert examples.columns == COLUMNS
    assert [str(place) for place in examples.places] == ["table: row 1", "table: row 2", "table: row 3"]


def test_recipes_read_a_lent_table_as_they_read_a_file() -> None:
    with lending({"train": pl.DataFrame(COLUMNS)}):
        examples = read({"path": "memory:train", "drop": {"text": ["c"]}, "relabel": {"text": {"a b": "z"}}})
        digest = memory_digest("train")
    assert examples["text"] == ["z", "d e"]
    with lending({"train": pd.DataFrame(COLUMNS)}):
        assert memory_digest("train") == digest
    with lending({"train": {**COLUMNS, "n": [1, 2, 4]}}):
        assert memory_digest("train") != digest
    with pytest.raises(Fault, match="memory:train: no table is lent under this name: data that was"):
        read("memory:train")


def test_an_index_with_a_name_is_a_column() -> None:
    days = pd.date_range("2024-01-01", periods=3, name="time")
    examples = table_examples(pd.DataFrame({"v": [1, 2, 3]}, index=days), "table")
    assert list(examples.columns) == ["time", "v"]
    moment = examples["time"][0]
    assert moment == datetime.datetime(2024, 1, 1) or str(moment).startswith("2024-01-01")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"a": [1], "b": [1, 2]}, r"columns of different lengths: \{'a': 1, 'b': 2\}"),
        ({"a": "text"}, "column 'a' is 'text', expected a list of entries"),
        ({}, "a table of 0 rows"),
        ([], "a table of 0 rows"),
        (pd.DataFrame({"a": []}), "a table of 0 rows"),
        ([{"a": 1}, 7], "row 2 is 7, expected a table of columns"),
        (7, "a builtins.int found .*, expected a DataFrame"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "table: .*'a'"),
        (
            pd.DataFrame({"v": [1, 2]}, index=pd.date_range("2024", periods=2)),
            r"its index holds times and has no name: name it, as in frame.rename_axis\('time'\)",
        ),
        (pd.DataFrame({"a": ["x", object()]}), "table: a column can't be read: row 2: column 'a': <object"),
        (pd.DataFrame([[1, 2]], columns=["1", 1]), "table: two columns are called '1'"),
        (
            pd.DataFrame({"a": [1]}, index=pd.Index([3], name="a")),
            "table: two columns are called 'a', one of them the index",
        ),
        (
            pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])),
            "table: columns of 2 levels found, expected one name each",
        ),
    ],
)
def test_what_is_no_table_is_told_in_one_line(table: Any, message: str) -> None:
    with pytest.raises(Fault, match=message):
        table_examples(table, "table")


def test_an_index_that_is_no_range_and_has_no_name_is_left_out() -> None:
    examples = table_examples(pd.DataFrame({"v": [1, 2, 3]}, index=[7, 3, 7]), "table")
    assert examples.columns == {"v": [1, 2, 3]}
    assert [place.number for place in examples.places] == [1, 2, 3]
    index = pd.MultiIndex.from_tuples([("x", 5), ("y", 6)], names=["who", None])
    assert table_examples(pd.DataFrame({"v": [1, 2]}, index=index), "table").columns == {
        "who": ["x", "y"],
        "v": [1, 2],
    }


def test_categories_and_missing_values_are_what_they_stand_for() -> None:
    frame = pd.DataFrame(
        {
            "category": pd.Categorical(["x", None, "y"]),
            "number": pd.array([1, None, 3], dtype="Int64"),
            "truth": pd.array([True, None, False], dtype="boolean"),
            "sparse": pd.arrays.SparseArray([0.0, 0.0, 2.0]),
            "mixed": [1, "x", float("nan")],
            "rows": [[1, 2], np.array([3.0]), None],
        }
    )
    assert table_examples(frame, "table").columns == {
        "category": ["x", None, "y"],
        "number": [1, None, 3],
        "truth": [True, None, False],
        "sparse": [0.0, 0.0, 2.0],
        "mixed": [1, "x", None],
        "rows": [[1, 2], [3.0], None],
    }
    with pytest.raises(Fault, match="table: row 2: column 'mixed': 'x' found, expected a number"):
        columns.numbers(table_examples(frame, "table"), "mixed")


@pytest.mark.parametrize(
    ("frequency", "text"),
    [("M", "2024-01"), ("Q", "2024Q1"), ("D", "2024-01-01"), ("W", "2024-01-01"), ("h", "2024-01-01 00:00")],
)
def test_periods_are_read_as_times(frequency: str, text: str) -> None:
    periods = pd.period_range("2024-01-01", periods=4, freq=frequency, name="time")
    examples = table_examples(pd.DataFrame({"v": [1, 2, 3, 4]}, index=periods), "table")
    assert examples["time"][0] == text
    (series,), step = read_series(examples, ["v"], time="time")
    assert len(series.values) == 4
    assert step is not None


def test_times_of_one_zone_are_compared_in_utc_and_of_several_are_told() -> None:
    hours = pd.date_range("2024-10-27", periods=5, freq="h", tz="Europe/Berlin")  # one of them comes twice
    (series,), _ = read_series(
        table_examples(pd.DataFrame({"t": hours, "v": range(5)}), "table"), ["v"], time="t"
    )
    gaps = {int(b.instant - a.instant) for a, b in zip(series.times, series.times[1:], strict=False)}
    assert gaps == {3600 * 10**9}
    zones = [pd.Timestamp("2024-01-01", tz="Europe/Berlin"), pd.Timestamp("2024-01-02", tz="Asia/Tokyo")]
    for stamps, why in (
        (zones, r"table: row 2: column 't': .*a series of several zones; set zone"),
        ([zones[0], pd.Timestamp("2024-01-02")], "table: row 2: column 't': .*one of them has no UTC offset"),
    ):
        mixed = table_examples(pd.DataFrame({"t": stamps, "v": [1, 2]}), "table")
        with pytest.raises(Fault, match=why):
            read_series(mixed, ["v"], time="t")
