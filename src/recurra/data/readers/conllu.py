"""CoNLL-U, the columns of Universal Dependencies (universaldependencies.org/format.html)."""

from __future__ import annotations

import re
from pathlib import Path

from recurra.data.examples import Examples, Place
from recurra.data.readers.conll import sentence_lines
from recurra.errors import Fault
from recurra.storage.files import read_text
from recurra.storage.text import split_lines

_COLUMNS = {"form": 1, "lemma": 2, "upos": 3, "xpos": 4, "feats": 5, "deprel": 7}
_SKIPPED = re.compile(r"\d+-\d+|\d+\.\d+")


def read_conllu(path: str | Path, *, encoding: str = "utf-8") -> Examples:
    """One example a sentence of syntactic words, each entry a list with one value for each word.

    Columns `form`, `lemma`, `upos`, `xpos`, `feats`, `deprel` hold texts ("_" where the file has none);
    `head` holds the number of the governing word (from 1; 0 for the root; -1 where the file has none). Lines
    of multiword tokens (`3-4`) and of empty nodes (`8.1`) name no syntactic word and are left out.

    Args:
        path: the file.
        encoding: the encoding of the file.
    """
    columns: dict[str, list[list[str] | list[int]]] = {name: [] for name in (*_COLUMNS, "head")}
    places = []
    for block in sentence_lines(split_lines(read_text(path, encoding)), "#"):
        rows: list[list[str]] = []
        numbers = []
        for number, line in block:
            row = line.split("\t")
            if len(row) != 10:
                raise Fault(
                    f"{path}:{number}: {len(row)} columns found, expected the 10 of CoNLL-U, a tab between"
                )
            if _SKIPPED.fullmatch(row[0]):
                continue
            if row[0] != str(len(rows) + 1):
                raise Fault(f"{path}:{number}: word number {row[0]!r} found, expected {len(rows) + 1}")
            rows.append(row)
            numbers.append(number)
        if not rows:
            raise Fault(f"{path}:{block[0][0]}: a sentence without words")
        for name, position in _COLUMNS.items():
            columns[name].append([row[position] for row in rows])
        columns["head"].append(
            [_head(path, number, row[6], len(rows)) for number, row in zip(numbers, rows, strict=True)]
        )
        places.append(Place(str(path), numbers[0], "line", tuple(numbers)))
    if not places:
        raise Fault(f"{path}: no sentence found, comment lines alone")
    return Examples(columns, places, str(path))


def _head(path: str | Path, number: int, head: str, words: int) -> int:
    if head == "_":
        return -1
    if not (head.isascii() and head.isdecimal() and len(head) < 10) or int(head) > words:
        raise Fault(f"{path}:{number}: head {head!r} found, expected a word number from 0 to {words}, or '_'")
    return int(head)
