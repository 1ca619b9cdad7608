"""Tables as text: comma-separated and tab-separated values."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from recurra.data.examples import Examples, Place
from recurra.errors import Fault
from recurra.storage.files import read_text
from recurra.storage.text import split_lines

_DELIMITERS = (",", ";", "\t")
_HEAD = 2**17  # characters in which the first two rows lie


def read_csv(
    path: str | Path,
    *,
    names: Sequence[str] | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
) -> Examples:
    """Comma-separated values (RFC 4180: quoted entries may hold delimiters and line breaks).

    Args:
        path: the file.
        names: the columns of a file that has no header line; without it the first line is the header.
        delimiter: one character between entries; None: a comma, or a semicolon or tab where the first line
            has columns by that alone.
        encoding: the encoding of the file.
    """
    if delimiter is not None and len(delimiter) != 1:
        raise Fault(f"{path}: delimiter {delimiter!r} found, expected one character")
    text = read_text(path, encoding)
    return _table(path, _csv_rows(path, text, delimiter or _delimiter(text, names)), names)


def read_tsv(path: str | Path, *, names: Sequence[str] | None = None, encoding: str = "utf-8") -> Examples:
    """Tab-separated values: a tab always ends an entry, a line always ends a row, quotes mean nothing.

    Args:
        path: the file.
        names: the columns of a file that has no header line; without it the first line is the header.
        encoding: the encoding of the file.
    """
    lines = split_lines(read_text(path, encoding))
    return _table(path, ((n, line.split("\t")) for n, line in enumerate(lines, 1) if line), names)


def _delimiter(text: str, names: Sequence[str] | None) -> str:
    """What the first line shows, where the second one has as many columns."""
    head, sizes = text[:_HEAD], dict[str, set[int]]()
    if not any(mark in head for mark in _DELIMITERS[1:]):
        return ","
    for mark in _DELIMITERS:
        rows = csv.reader(io.StringIO(head, newline=""), delimiter=mark)
        try:
            sizes[mark] = {len(row) for row in islice((row for row in rows if row), 2)}
        except csv.Error:  # told when the rows are read
            return ","
    if names is not None:
        return next((mark for mark, counts in sizes.items() if counts == {len(names)}), ",")
    if 1 not in sizes[","]:
        return ","
    return next((mark for mark, counts in sizes.items() if len(counts) == 1 and counts != {1}), ",")


def _csv_rows(path: str | Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    limit = csv.field_size_limit(sys.maxsize)  # an entry may hold a long sequence
    # the module takes a carriage return for a line end, which it is here only where there are no others
    end = "\n" if "\n" in text else "\r"
    lines = (line.removeprefix("\ufeff") for line in io.StringIO(text, newline=end))
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in rows:
            if row:
                yield line, row
            line = rows.line_num + 1
    except csv.Error as error:
        stray = "a carriage return within an entry" if "new-line" in str(error) else str(error)
        raise Fault(f"{path}:{line}: not a row of comma-separated values: {stray}") from None
    finally:
        csv.field_size_limit(limit)


def _table(path: str | Path, rows: Iterable[tuple[int, list[str]]], names: Sequence[str] | None) -> Examples:
    rows = iter(rows)
    if names is None:
        line, header = next(rows)
    else:
        line, header = 0, list(names)
    double = sorted({name for name in header if header.count(name) > 1})
    if double:
        raise Fault(f"{path}:{line}: column name {double[0]!r} found twice, expected different names")
    columns: list[list[str]] = [[] for _ in header]
    places = []
    for line, row in rows:
        if len(row) != len(header):
            raise Fault(
                f"{path}:{line}: {len(row)} columns found, expected {len(header)} ({', '.join(header)})"
            )
        for entries, entry in zip(columns, row, strict=True):
            entries.append(entry)
        places.append(Place(str(path), line))
    if not places:
        raise Fault(f"{path}: no example after the header line ({', '.join(header)})")
    return Examples(dict(zip(header, columns, strict=True)), places, str(path))
