"""Questions about single sentences, in the layout of QAMR (Michael et al., 2018)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recurra.data.examples import Examples, Place
from recurra.errors import Fault, quoted
from recurra.storage.files import read_text
from recurra.storage.text import split_lines, whole_number


def read_qamr(path: str | Path, *, sentences: str = "wiki-sentences.tsv") -> Examples:
    """Columns as those of `squad`: `passage`, a sentence with blanks between its words; `question`;
    `answers`, texts, of whoever wrote the question and of those who answered it; `spans`, for each answer
    its runs of words as `[start, end]`, characters of the passage; `title`, the document, and `id`, the
    sentence.

    A row is sentence, target words, writer, number, target word, question, and then the numbers of the words
    of each answer, those of a validator after a colon.

    Args:
        path: the questions. sentences: rows of sentence and text; its name starts from the folder of the
            questions, and its `.gz` may be left out.
    """
    lines = split_lines(read_text(path))
    texts = _sentences(Path(path).parent / Path(sentences).expanduser())
    columns: dict[str, list[Any]] = {
        name: [] for name in ("passage", "question", "answers", "spans", "title", "id")
    }
    places = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place, fields = Place(str(path), number), line.split("\t")
        if len(fields) < 7:
            raise Fault(
                f"{place}: {len(fields)} columns found, expected at least 7, question and answer last"
            )
        if fields[0] not in texts:
            raise Fault(f"{place}: sentence {quoted(fields[0])} is not in {sentences}")
        words = texts[fields[0]]
        answers = [
            _words(field, words, place) for field in (fields[6], *(f.split(":")[-1] for f in fields[7:]))
        ]
        spans = [_runs(answer, words) for answer in answers]
        row = (
            " ".join(words),
            fields[5],
            [" ".join(words[k] for k in answer) for answer in answers],
            spans,
            fields[0].rpartition(":")[0].rpartition(":")[0],
            fields[0],
        )
        for column, content in zip(columns, row, strict=True):
            columns[column].append(content)
        places.append(place)
    if not places:
        raise Fault(f"{path}: no question found")
    return Examples(columns, places, str(path))


def _sentences(path: Path) -> dict[str, list[str]]:
    packed = path.with_name(f"{path.name}.gz")
    path = packed if packed.exists() and not path.exists() else path
    texts = {}
    for number, line in enumerate(split_lines(read_text(path)), 1):
        identity, tab, text = line.partition("\t")
        if not tab or not text.split():
            raise Fault(f"{path}:{number}: {quoted(line)} found, expected a sentence's name, a tab and words")
        texts[identity] = text.split()
    return texts


def _words(field: str, words: list[str], place: Place) -> list[int]:
    """The numbers of an answer's words, in order."""
    numbers = [number for entry in field.split() if (number := whole_number(entry)) is not None]
    if not numbers or len(numbers) < len(field.split()) or max(numbers) >= len(words):
        raise Fault(
            f"{place}: the answer {quoted(field)} lies outside its sentence of {len(words)} words: expected "
            f"numbers of words from 0"
        )
    return sorted(set(numbers))


def _runs(answer: list[int], words: list[str]) -> list[list[int]]:
    """Each run of neighbouring words as `[start, end]` in the sentence's text."""
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word) + 1)
    runs: list[list[int]] = []
    for k in answer:
        start, end = starts[k], starts[k] + len(words[k])
        if runs and runs[-1][1] + 1 == start:
            runs[-1][1] = end
        else:
            runs.append([start, end])
    return runs
