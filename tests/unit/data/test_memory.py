"""Tables that a program has in memory."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from recurra.data import read
from recurra.data.memory import lending, memory_digest, table_examples
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
        (
            pd.DataFrame({"t": [pd.Timestamp("2024", tz="UTC"), pd.Timestamp("2024", tz="Asia/Tokyo"), "x"]}),
            "table: a column can't be read",
        ),
        (pd.DataFrame({"a": [object(), object()]}), "table: a column can't be read"),
    ],
)
def test_what_is_no_table_is_told_in_one_line(table: Any, message: str) -> None:
    with pytest.raises(Fault, match=message):
        table_examples(table, "table")
