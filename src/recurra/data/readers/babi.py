"""Short stories with questions about them, in the layout of bAbI (Weston et al., 2015)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from recurra.data.archive import archive_files
from recurra.data.examples import Examples, Place
from recurra.errors import Fault, quoted
from recurra.storage.files import read_text
from recurra.storage.text import decode_text, split_lines, whole_number

_ARCHIVE = re.compile(r"\.(tar|tgz|tar\.gz)$")
_NAME = re.compile(r"qa(\d{1,9})_.*_(train|test)\.txt")


def read_babi(path: str | Path, *, task: int | None = None, part: str = "train") -> Examples:
    """Columns `story`, the sentences before a question; `question`; `answer` (several, as "milk,football",
    are one); `support`, the numbers in the story, from 0, of the sentences that the answer follows from;
    `task`, its number as text; and `number`, one for each story.

    A line is `ID text`, or `ID question TAB answer TAB IDs`; an ID of 1 begins a new story.

    Args:
        path: a text file, or a tar archive, gzipped or not, of files called `qaN_NAME_PART.txt`.
        task: which N of an archive; None: all of them, one after another.
        part: "train" or "test", of an archive.
    """
    columns: dict[str, list[Any]] = {
        name: [] for name in ("story", "question", "answer", "support", "task", "number")
    }
    places: list[Place] = []
    number = 0
    for where, name, text in _texts(path, task, part):
        for row, place, begins in _questions(text, where):
            number += begins
            for column, entry in zip(columns, (*row, name, str(number)), strict=True):
                columns[column].append(entry)
            places.append(place)
    if not places:
        raise Fault(f"{path}: no question found: expected lines of ID, question, tab and answer")
    return Examples(columns, places, str(path))


def _texts(path: str | Path, task: int | None, part: str) -> Iterator[tuple[str, str, str]]:
    """Name of a text in messages, number of its task, and the text."""
    if not _ARCHIVE.search(str(path).lower()):
        match = _NAME.fullmatch(Path(path).name.removesuffix(".gz"))
        yield str(path), match[1] if match else "", read_text(path)
        return
    files = {}
    for name, data in archive_files(path).items():
        match = _NAME.fullmatch(PurePosixPath(name).name)
        if match and match[2] == part and task in (None, int(match[1])):
            files[int(match[1])] = (name, data)
    if not files:
        which = "" if task is None else f"{task}"
        raise Fault(f"{path}: no file qa{which or 'N'}_NAME_{part}.txt in the archive")
    for number, (name, data) in sorted(files.items()):
        where = f"{path}/{name}"
        yield where, str(number), decode_text(data, where)


Row = tuple[list[str], str, str, list[int]]


def _questions(text: str, where: str) -> Iterator[tuple[Row, Place, bool]]:
    """Story, question, answer and support of each question; where it stands; whether a story begins with
    it.
    """
    story: list[str] = []
    numbers: dict[int | None, int] = {}  # ID -> sentence of the story
    last, begins = 0, True
    for line, content in enumerate(split_lines(text), 1):
        if not content.strip():
            continue
        place = Place(where, line)
        first, _, rest = content.partition(" ")
        identity = whole_number(first)
        if identity is None or not rest.strip():
            raise Fault(f"{place}: {quoted(content)} found, expected a number, a blank and a sentence")
        if identity == 1:
            story, numbers, begins = [], {}, True
        elif identity <= last:
            raise Fault(
                f"{place}: number {identity} after {last}: expected a larger one, or 1 for a new story"
            )
        last = identity
        question, *answer = rest.split("\t")
        if not answer:
            numbers[identity] = len(story)
            story = [*story, question.strip()]
            continue
        if not answer[0].strip() or not any(map(str.isalnum, question)):
            lack = "answer" if not answer[0].strip() else "words"
            raise Fault(f"{place}: a question without {lack}: expected a question, a tab and an answer")
        support = []
        for entry in " ".join(answer[1:]).split():
            sentence = numbers.get(whole_number(entry))
            if sentence is None:
                raise Fault(
                    f"{place}: supported by line {quoted(entry)}, which is no sentence of this story before "
                    f"the question"
                )
            support.append(sentence)
        yield (story, question.strip(), answer[0].strip(), support), place, begins
        begins = False
