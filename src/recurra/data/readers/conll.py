"""Columns of the CoNLL shared tasks: a token a line, an empty line between sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from recurra.data.examples import Examples, Place
from recurra.errors import Fault
from recurra.storage.files import read_text
from recurra.storage.text import split_lines

_BLANKS = re.compile(r"[ \t]+")


def read_conll(
    path: str | Path,
    *,
    names: Sequence[str] | None = None,
    comment: str | None = None,
    encoding: str = "utf-8",
) -> Examples:
    """One example a sentence; each entry is the list of that column's values, one for each token.

    A file whose first token line holds a tab is cut at every tab, another one at runs of blanks.

    Args:
        path: the file.
        names: the columns by position; `"_"` leaves one out. Two columns are `token` and `tag` without it.
        comment: lines that start with this are left out ("#", or "-DOCSTART-"). None takes every line, as a
            token may start with any character.
        encoding: the encoding of the file.
    """
    blocks = list(sentence_lines(split_lines(read_text(path, encoding)), comment))
    if not blocks:
        raise Fault(f"{path}: no sentence found, comment lines alone")
    number, first = blocks[0][0]
    tabs = "\t" in first
    header = _default_names(f"{path}:{number}", _entries(first, tabs)) if names is None else list(names)
    sentences = []
    for block in blocks:
        rows = [_entries(line, tabs) for _, line in block]
        for (number, _), row in zip(block, rows, strict=True):
            if len(row) != len(header):
                listed = ", ".join(header)
                raise Fault(f"{path}:{number}: {len(row)} columns found, expected {len(header)} ({listed})")
        sentences.append(rows)
    columns = {
        name: [[row[k] for row in rows] for rows in sentences] for k, name in enumerate(header) if name != "_"
    }
    places = [Place(str(path), block[0][0], "line", tuple(n for n, _ in block)) for block in blocks]
    return Examples(columns, places, str(path))


def sentence_lines(lines: Sequence[str], comment: str | None) -> Iterator[list[tuple[int, str]]]:
    """The numbered lines of each sentence, comments left out; a line of blanks ends a sentence."""
    block: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        if comment is not None and line.startswith(comment):
            continue
        if line.strip(" \t"):
            block.append((number, line))
        elif block:
            yield block
            block = []
    if block:
        yield block


def _entries(line: str, tabs: bool) -> list[str]:
    return line.split("\t") if tabs else _BLANKS.split(line.strip(" \t"))


def _default_names(where: str, row: list[str]) -> list[str]:
    if len(row) != 2:
        raise Fault(f'{where}: {len(row)} columns found: name them, as in names = ["token", "pos", "tag"]')
    return ["token", "tag"]
