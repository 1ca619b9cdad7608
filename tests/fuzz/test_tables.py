"""Tables of times and numbers, written in many ways, then altered: read rightly, or refused in one line."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import torch

from recurra.data import read
from recurra.data.series import read_series
from recurra.errors import Fault

FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%d.%m.%Y %H:%M", "%Y%m%dT%H%M%S", "%m/%d/%Y %I:%M %p")
STRANGE = (
    *(
        "",
        "NA",
        "n/a",
        "-",
        "?",
        "NaN",
        "inf",
        "-999",
        "1.234",
        "1,234",
        "1.234,5",
        "1,234.5",
        "1_000",
        "0x1",
    ),
    *("1e999", "٣", "−5", "1 000", "9" * 400, "1e-400", "1.2.3", "true", "\u202e", "'", '"', ";", ",", "\t"),
    *("2024-02-30", "2024-13-01", "20240101", "31.12.2024", "03/04/2024", "24:00", "2024-W53", "2024-366"),
    *("0001-01-01", "9999-12-31 23:59:59", "2024-01-01T00:00:00+25:00", "2024-01-01T00:00:00Z"),
    *("10000-01-01", "0000-01-01", "2024-10-27 02:30"),
)


def number(value: float, decimal: str, grouped: bool) -> str:
    text = f"{value:,.2f}" if grouped else f"{value:.2f}"
    return text.translate(str.maketrans(",.", ".,")) if decimal == "," else text


def table(random: random.Random) -> tuple[list[list[str]], dict[str, Any]]:
    """Rows with a heading, and what they mean."""
    decimal, step = random.choice(".,"), timedelta(minutes=random.choice([1, 15, 60, 1440]))
    start = datetime(random.randint(1980, 2060), random.randint(1, 12), random.randint(13, 28))
    form, grouped = random.choice(FORMS), random.random() < 0.3
    times = [start + k * step for k in range(random.randint(3, 30))]
    values = [[round(random.uniform(-5e4, 5e4), 2) + 0.01 for _ in range(2)] for _ in times]
    rows = [
        [time.strftime(form), *(number(value, decimal, grouped) for value in row)]
        for time, row in zip(times, values, strict=True)
    ]
    ahead = [(times[-1] + k * step).strftime(form) for k in (1, 2)]
    return [["time", "a", "b"], *rows], {"values": values, "ahead": ahead}


def write(path: Path, rows: list[list[str]], mark: str) -> None:
    def cell(text: str) -> str:
        return f'"{text.replace(chr(34), chr(34) * 2)}"' if mark in text or '"' in text else text

    path.write_text("\n".join(mark.join(map(cell, row)) for row in rows) + "\n", encoding="utf-8")


def answer(path: Path, **options: Any) -> tuple[torch.Tensor, list[Any]]:
    series, step = read_series(read(path), ["a", "b"], time="time", **options)
    clock = series[-1].clock
    last = series[-1].times[-1]
    ahead = [] if step is None else [clock.text(step.ahead(last, k, clock)) for k in (1, 2)]
    return torch.cat([each.values for each in series]), ahead


def altered(rows: list[list[str]], random: random.Random) -> tuple[list[list[str]], set[int]]:
    """The rows with some cells changed, and the numbers of those rows."""
    rows, changed = [list(row) for row in rows], set()
    for _ in range(random.randint(1, 4)):
        row, column = random.randrange(1, len(rows)), random.randrange(3)
        cell = rows[row][column]
        changed.add(row - 1)
        place = random.randrange(len(cell) + 1)
        change = random.randrange(4)
        if change == 0:
            rows[row][column] = random.choice(STRANGE)
        elif change == 1:
            rows[row][column] = cell[:place] + random.choice("0123456789.,-+:TZ/ W") + cell[place:]
        elif change == 2:
            rows[row][column] = cell[:place] + cell[place + 1 :]
        else:
            rows[row], rows[-1] = rows[-1], rows[row]
            changed.add(len(rows) - 2)
    return rows, changed


def test_tables(rounds: Iterator[random.Random], tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    for numbers in rounds:
        rows, meaning = table(numbers)
        write(path, rows, numbers.choice(",;\t"))
        values, ahead = answer(path)
        wanted = [pytest.approx(row, rel=1e-6) for row in meaning["values"]]  # they are float32
        assert values.tolist() == wanted
        assert ahead == meaning["ahead"]
        for _ in range(20):
            others, changed = altered(rows, numbers)
            write(path, others, numbers.choice(",;\t"))
            line = ""
            try:
                values, _ = answer(path, gaps=numbers.choice(["error", "split", "allow"]))
            except Fault as fault:
                line = str(fault)
            if line:
                assert len(line) < 1000
                assert "\n" not in line
                continue
            assert bool(values.isfinite().all())
            assert all(k in changed or values[k].tolist() == row for k, row in enumerate(wanted))
