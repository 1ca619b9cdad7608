"""Answers as lines: JSON, tables, text, or a task's own format."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from recurra.errors import Fault, quoted
from recurra.tasks.base import Answering

Write = Callable[[int, Mapping[str, Any]], str]
"""The text, line ends included, of the answer to an item, by its number from 1; an answer that is none has
`error` alone."""

_MARKS = {"csv": ",", "tsv": "\t"}


def writer(name: str | None, task: Answering, unicode: bool) -> Write:
    """Of a format by its name: jsonl (the default), csv, tsv, text, or one of the task's own.

    Args:
        unicode: whether what is written can have every character.

    Raises:
        Fault: the task has no such format.
    """
    if name in (None, "jsonl"):
        return lambda number, answer: json.dumps(answer, ensure_ascii=not unicode) + "\n"
    if name in _MARKS:
        return TableWriter(task, _MARKS[name])
    if name == "text":
        return _as_text(task.plain_text)
    if name in task.formats:
        return _as_text(task.formats[name])
    names = [*task.formats, "jsonl", "csv", "tsv", "text"]
    raise Fault(
        f"--as {quoted(name)}: a {task.name} model writes --as {', '.join(names[:-1])} or {names[-1]}"
    )


class TableWriter:
    """Rows under a line of names, those of the first answer; `item` is the number of the item, from 1. An
    item without an answer has a row with its number alone.
    """

    def __init__(self, task: Answering, mark: str) -> None:
        self._task, self._mark = task, mark
        self._names: list[str] | None = None
        self._waiting: list[int] = []

    def __call__(self, number: int, answer: Mapping[str, Any]) -> str:
        if answer.keys() == {"error"}:
            if self._names is None:
                self._waiting.append(number)
                return ""
            return self._line([number, *([""] * len(self._names))])
        rows = self._task.table_rows(answer)
        text = ""
        if self._names is None and rows:
            self._names = list(rows[0])
            text = self._line(["item", *self._names])
            text += "".join(self._line([one, *([""] * len(self._names))]) for one in self._waiting)
        for row in rows:
            if list(row) != self._names:
                raise Fault(
                    f"item {number}: an answer with the columns {quoted(list(row))} found, expected those of "
                    f"the first answer, {quoted(self._names)}: write --as jsonl"
                )
            text += self._line([number, *row.values()])
        return text

    def _line(self, cells: list[Any]) -> str:
        line = io.StringIO()
        csv.writer(line, delimiter=self._mark, lineterminator="\n").writerow(
            ["" if cell is None else cell for cell in cells]
        )
        return line.getvalue()


def stdout_has_unicode() -> bool:
    """Whether standard output takes every character."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return bool(encoding.lower().startswith("utf"))


def _as_text(text: Callable[[Mapping[str, Any]], str]) -> Write:
    """An error is a line that begins with "#"."""
    return lambda number, answer: f"# {answer['error']}\n" if answer.keys() == {"error"} else text(answer)
