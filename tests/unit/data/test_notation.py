"""Numbers as people write them: points, commas, thousands, and what stands for none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recurra.data import Examples, Place, columns, read
from recurra.data.notation import Notation, decimal_mark, number_text, plain
from recurra.data.sentinels import sentinel_notes
from recurra.errors import Fault


def table(notation: Notation = Notation(), **entries: list[Any]) -> Examples:  # noqa: B008
    count = len(next(iter(entries.values())))
    return Examples(entries, [Place("n.csv", k + 2) for k in range(count)], "n.csv", notation)


def numbers(*entries: Any, **notation: Any) -> list[float]:
    return columns.numbers(table(Notation(**notation), a=list(entries)), "a").flatten().tolist()


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1), st.integers(0, 4), st.sampled_from(".,"))
def test_numbers_in_either_notation_are_read(values: list[int], places: int, decimal: str) -> None:
    swap = str.maketrans(",.", ".,")
    texts = [f"{value / 10**places:,.{places}f}" for value in values]
    texts = [text.translate(swap) if decimal == "," else text for text in texts]
    for text, value in zip(texts, values, strict=True):
        assert float(plain(text, decimal) or "nan") == pytest.approx(value / 10**places)
    shown = decimal_mark(texts)
    assert shown in (decimal, "either", None)


@pytest.mark.parametrize(
    ("entries", "values"),
    [
        (["3,5", "2"], [3.5, 2]),
        (["3,5", "1.234"], [3.5, 1234]),
        (["1.234", "2.5"], [1.234, 2.5]),
        (["1.234", "2.345"], [1.234, 2.345]),
        (["1.234.567", "1,5"], [1234567, 1.5]),
        (["1,234,567", "1.5"], [1234567, 1.5]),
        (["1,234.5", "1,234"], [1234.5, 1234]),
        (["1 234,5", "1\u202f234,5"], [1234.5, 1234.5]),
        (["1'234.5", "\u22125", "+.5", "1e3", "7."], [1234.5, -5, 0.5, 1000, 7]),
        (["0,125", "0,250"], [0.125, 0.25]),
        ([1, 2.5, " 3 "], [1, 2.5, 3]),
    ],
)
def test_a_column_shows_its_notation(entries: list[Any], values: list[float]) -> None:
    assert numbers(*entries) == pytest.approx(values)


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        (["1,234", "2,345"], "n.csv:2: .*may mean 1.234 as well as 1234: set decimal = ',' or '.'"),
        (["1.5", "3,5"], "n.csv:3: .*'3,5' has a decimal comma, but other numbers .* a decimal point"),
        (["1_000"], "'1_000' found, expected a number"),
        (["1.2.3"], "expected a number"),
        (["12.34.567,8"], "expected a number"),
        ([True], "True found, expected a number"),
        (["inf"], "'inf' found, expected a finite number"),
        (["1e999"], "expected a finite number"),
    ],
)
def test_what_is_no_number_is_told(entries: list[Any], why: str) -> None:
    with pytest.raises(Fault, match=why):
        numbers(*entries)


def test_a_recipe_may_say_how_numbers_are_written() -> None:
    assert numbers("1,234", decimal=",") == pytest.approx([1.234])
    assert numbers("1,234", decimal=".") == [1234]
    with pytest.raises(Fault, match="'3.55' found, expected a number with a decimal comma"):
        numbers("3.55", decimal=",")


def test_points_are_thousands_beside_decimal_commas() -> None:
    examples = table(a=["1.234", "5.678"], b=["3,5", "4"], c=["x,y", "z"])
    assert columns.numbers(examples, "a").flatten().tolist() == [1234, 5678]


@pytest.mark.parametrize("entry", ["", "NA", "n/a", "-", "?", "NaN", "null", None, float("nan")])
def test_missing_values_are_told_together(entry: Any) -> None:
    examples = table(a=["1", entry, "3", entry, entry, entry], b=["1", "2", "3", entry, "5", "6"])
    with pytest.raises(
        Fault, match=r"n.csv:3: .*5 entries are so in all: 'a' 4 times \(n.csv:3, .*, \.\.\.\), 'b' 1"
    ):
        columns.numbers(examples, "a", "b")


def test_a_source_lists_what_means_no_value(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a;b\n1,5;x\n-999,0;y\n")
    plain_table = read("a.csv", base=tmp_path)
    assert columns.numbers(plain_table, "a").flatten().tolist() == [1.5, -999]
    with pytest.raises(Fault, match="a.csv:3: .*'-999,0' found, expected a finite number"):
        columns.numbers(read("a.csv", base=tmp_path, missing=["-999,0"]), "a")
    with pytest.raises(Fault, match="a.csv:3: "):
        columns.numbers(read("a.csv", base=tmp_path, missing=-999), "a")
    for wrong in ({"decimal": ";"}, {"day_first": 1}, {"missing": [True]}):
        with pytest.raises(Fault, match=f"{next(iter(wrong))} = "):
            read("a.csv", base=tmp_path, **wrong)


def test_notation_stays_with_examples() -> None:
    examples = table(Notation(decimal=","), a=["1,234", "2"])
    for each in (examples.take([0]), examples.with_column("b", ["x", "y"])):
        assert each.notation == examples.notation


def test_vectors_of_text_follow_the_same_rules() -> None:
    rows = columns.vectors(table(a=["1,5 2,5", "3 4"]), "a")
    assert torch.cat(rows).flatten().tolist() == [1.5, 2.5, 3, 4]
    with pytest.raises(Fault, match=r"3 entries are so in all: 'a' 3 times"):
        columns.vectors(table(a=["1 NA", "3", "x", None]), "a")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("semicolons.csv", "time;y\n27.10.2024;3,5\n"),
        ("tabs.csv", "time\ty\n27.10.2024\t3,5\n"),
        ("quoted.csv", 'time,y\n27.10.2024,"3,5"\n'),
    ],
)
def test_a_delimiter_is_seen(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read(name, base=tmp_path).columns == {"time": ["27.10.2024"], "y": ["3,5"]}


def test_a_semicolon_within_text_is_no_delimiter(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\none; two\nthree\n")
    assert read("a.csv", base=tmp_path)["text"] == ["one; two", "three"]
    (tmp_path / "b.csv").write_text("a;b,c\n1;2,3\n")
    assert list(read("b.csv", base=tmp_path).columns) == ["a;b", "c"]
    (tmp_path / "c.csv").write_text("27.10.2024;3,5;x\n28.10.2024;4,5;x\n")
    assert read("c.csv", base=tmp_path, names=["time", "y", "z"])["y"] == ["3,5", "4,5"]


def test_lines_of_numbers_have_a_decimal_mark(tmp_path: Path) -> None:
    (tmp_path / "a.data").write_text("1,5 2,5 yes\n")
    rows = read("a.data", base=tmp_path, format="numbers", delimiter=" ", decimal=",")
    assert rows["vectors"] == [[[1.5], [2.5]]]
    with pytest.raises(Fault, match="a.data:1: '1,5' found, expected a number with a decimal point"):
        read("a.data", base=tmp_path, format="numbers", delimiter=" ")


@pytest.mark.parametrize("entry", [object(), [1], {}, "x", b"1", True, 1 + 2j])
def test_other_things_are_no_numbers(entry: Any) -> None:
    assert number_text(entry) is None


def column(*values: float) -> list[str]:
    return sentinel_notes(["column 'a'"], torch.tensor(values)[:, None])


def test_numbers_that_seem_to_mean_no_value_are_remarked_on() -> None:
    usual = [float(k % 17) for k in range(60)]
    (note,) = column(*usual, -999, -999)
    assert "'a': -999 stands 2 times" in note
    assert "0 to 16" in note
    assert "missing = ['-999']" in note
    assert len(column(*usual, -999, -9999, -9999)) == 2
    assert len(column(*[990 + x for x in usual], 0, 0, 0)) == 1
    assert len(column(*[x + 0.5 for x in usual], 9999)) == 1


@pytest.mark.parametrize(
    "values",
    [
        [float(k % 17) for k in range(60)],
        [0.0, 1.0] * 30,
        [*[0.0] * 50, *(200.0 + k for k in range(10))],
        [*(float(k) for k in range(50)), 400.0],
        [7.0] * 9,
        [-1.0, 0.0, 1.0],
        [99.0, 98.0, 97.0, 96.0],
    ],
)
def test_usual_numbers_are_not(values: list[float]) -> None:
    assert column(*values) == []
