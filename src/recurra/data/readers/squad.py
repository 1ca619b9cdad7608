"""Questions answered by a piece of their passage, in the JSON of SQuAD 1.1 (Rajpurkar et al., 2016)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from recurra.data.examples import Examples, Place
from recurra.errors import Fault, quoted
from recurra.storage.files import read_text
from recurra.storage.text import parse_json, split_lines


def read_squad(
    path: str | Path,
    *,
    articles: tuple[int, int] | None = None,
    misplaced: Literal["error", "keep"] = "error",
) -> Examples:
    """Columns `passage`, `question`, `answers`, a list of texts, and `spans`, for each of them a list of
    `[start, end]`, characters of the passage; `title` of the article, and `id` of the question.

    Args:
        path: the file.
        articles: only those from one number to below another, counted from 0, as `[0, 40]`; None: all.
        misplaced: what to do with an answer that does not stand where the file says (as in transcripts of
            speech, where it is to be found by its text alone): "error" names it, "keep" leaves it without a
            place.
    """
    document = parse_json("\n".join(split_lines(read_text(path))), str(path))
    listed = document.get("data") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise Fault(f"{path}: no list 'data' found, expected the articles of SQuAD's layout")
    first, last = (0, len(listed)) if articles is None else articles
    if not 0 <= first < last <= len(listed):
        raise Fault(f"{path}: articles = [{first}, {last}] found, expected numbers from 0 to {len(listed)}")
    columns: dict[str, list[Any]] = {
        name: [] for name in ("passage", "question", "answers", "spans", "title", "id")
    }
    places: list[Place] = []
    try:
        for article in listed[first:last]:
            for passage, entry in _entries(article):
                place = Place(f"{path}: {article['title']}", len(places) + 1, "question")
                answers = [str(answer["text"]) for answer in entry["answers"]]
                starts = [int(answer["answer_start"]) for answer in entry["answers"]]
                spans = [
                    _span(passage, text, start, place, misplaced)
                    for text, start in zip(answers, starts, strict=True)
                ]
                row = passage, entry["question"], answers, spans, article["title"], entry["id"]
                for column, content in zip(columns, row, strict=True):
                    columns[column].append(content)
                places.append(place)
    except Fault:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Fault(
            f"{path}: after {len(places)} questions: {type(error).__name__}: {error}: expected articles with "
            f"title and paragraphs, paragraphs with context and qas, and these with question, id and answers"
        ) from None
    if not places:
        raise Fault(f"{path}: no question found")
    return Examples(columns, places, str(path))


def _entries(article: Any) -> Iterator[tuple[str, Any]]:
    """Each question with its passage."""
    for paragraph in article["paragraphs"]:
        passage = paragraph["context"]
        if not isinstance(passage, str):
            raise TypeError("a context that is no text")
        for entry in paragraph["qas"]:
            if not isinstance(entry["question"], str):
                raise TypeError("a question that is no text")
            yield passage, entry


def _span(passage: str, text: str, start: int, place: Place, misplaced: str) -> list[list[int]]:
    end = start + len(text)
    if text and start >= 0 and passage[start:end] == text:
        return [[start, end]]
    if misplaced == "keep":
        return []
    if start < 0 or end > len(passage):
        raise Fault(
            f"{place}: the answer {quoted(text)} at character {start} lies outside its passage of "
            f"{len(passage):,} characters"
        )
    raise Fault(
        f"{place}: the answer {quoted(text)} is not at character {start} of its passage, where "
        f"{quoted(passage[start:end])} stands: correct it, or set misplaced = 'keep' to score by text alone"
    )
