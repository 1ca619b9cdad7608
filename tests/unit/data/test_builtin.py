"""Data that needs no file."""

from __future__ import annotations

import math
import sys

import pytest

from recurra.data import BUILTIN, adding, columns, copying, python_manual, read
from recurra.errors import Fault


def test_the_manual_is_plain_prose() -> None:
    text = python_manual()
    assert text == python_manual()
    assert len(text) > 100_000
    assert text.isascii()
    lines = text.split("\n")
    assert lines.pop() == ""
    assert len(set(lines)) == len(lines)
    assert all(len(line) >= 40 and line[0].isupper() and ">>>" not in line for line in lines)
    assert read("builtin:python_manual")["text"] == [text]


def test_a_python_without_manual_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(Fault, match="give a text file instead"):
        python_manual()


def test_adding() -> None:
    found = adding(count=200, length=20, seed=1)
    targets = columns.numbers(found, "target")[:, 0]
    rows = columns.vectors(found, "vectors")
    for row, target in zip(rows, targets, strict=True):
        assert 20 <= len(row) <= 22
        marks = row[:, 1]
        assert marks.sum() == 2
        assert marks[: len(row) // 2].sum() == 1
        assert math.isclose(float((row[:, 0] * marks).sum()), float(target), rel_tol=1e-5)
    assert abs(float(((targets - 1) ** 2).mean()) - 1 / 6) < 0.05
    assert adding(count=200, length=20, seed=1).columns == found.columns
    assert adding(count=200, length=20, seed=2).columns != found.columns


def test_copying() -> None:
    found = read({"builtin": "copying", "count": 20, "symbols": 4, "length": 3, "delay": 5})
    for tokens, tags in zip(
        columns.tokens(found, "tokens"), columns.tags(found, "tags", like="tokens"), strict=True
    ):
        assert len(tokens) == 11
        assert tokens[3:] == ["_"] * 4 + [":"] + ["_"] * 3
        assert tags == ["_"] * 8 + tokens[:3]


def test_options_of_built_in_data() -> None:
    assert set(BUILTIN) == {"python_manual", "adding", "copying", "scenes", "moving_scenes", "relations"}
    with pytest.raises(Fault, match="built-in data 'adding' has no option 'lenght': did you mean 'length'"):
        read({"builtin": "adding", "lenght": 3})
    with pytest.raises(Fault, match="expected at least 1 and 2"):
        adding(length=1)
    with pytest.raises(Fault, match="expected at least 2 and 1"):
        copying(symbols=1)
