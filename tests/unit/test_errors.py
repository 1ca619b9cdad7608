from __future__ import annotations

import random

import pytest

from recurra.errors import Fault, nearest, quoted


def test_fault_is_one_line_and_a_value_error() -> None:
    with pytest.raises(ValueError, match="^data.csv line 3: found 'a b', expected a number$") as raised:
        raise Fault("data.csv line 3:\n  found 'a\tb', expected a number\n")
    assert isinstance(raised.value, Fault)


@pytest.mark.parametrize("unit", ["9", "x y ", "\x1b[2J", "\ud800", "語", "a\n\n", "\\", "'"])
def test_a_fault_is_short_and_can_be_printed_whatever_it_quotes(unit: str) -> None:
    draw = random.Random(repr(unit))
    for _ in range(50):
        value = unit * draw.choice([1, 199, 200, 201, 1000, 50_000])
        said = str(
            Fault(f"a.csv:3: {value} found, {value!r} and {quoted(value)}, expected a number: write one")
        )
        assert len(said) <= 1000
        assert said.startswith("a.csv:3: ")
        assert said.endswith("expected a number: write one")
        assert said.isprintable()
        said.encode()


def test_a_value_is_quoted_as_it_is_and_no_longer_than_needed() -> None:
    nest: list[object] = []
    for _ in range(100_000):
        nest = [nest]
    assert quoted("ab") == "'ab'"
    assert quoted([1, None]) == "[1, None]"
    for value in ("x" * 10**6, b"x" * 10**6, ["x"] * 10**5, 10**150, 10**6000, nest):
        assert 20 < len(quoted(value)) <= 200
    while nest:  # unmade from the outside: Python itself would recurse
        nest = nest.pop()  # type: ignore[assignment]


def test_the_nearest_name_among_many() -> None:
    assert nearest("epoch", ["epochs", "steps"]) == ": did you mean 'epochs'?"
    assert nearest("q", ["b", "a"]) == " (known: a, b)"
    assert len(nearest("q" * 10**6, [f"name{n}" for n in range(10**6)])) < 1000
