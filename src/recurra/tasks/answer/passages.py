"""Passages, their words where they stand, and answers as spans of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import torch
from pydantic import Field
from torch import Tensor

from recurra.data import Examples
from recurra.errors import Fault, quoted
from recurra.models import Inquiry
from recurra.ragged import Ragged
from recurra.tasks.answer.options import HIDDEN, QuestionWordOptions, words_of
from recurra.tasks.parts.sources import GroupedOptions
from recurra.tasks.readers.words import WordModelOptions, WordReader

TEXT = "text"
MATCHES = 4
"""Numbers of `matches`."""

_STEM = 4  # letters that words of one stem share
_PATTERNS = {"blanks": re.compile(r"\S+"), "words": re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*|[^\w\s]|_")}


class SpanOptions(GroupedOptions):
    """Questions that a passage answers by a piece of itself.

    Attributes:
        evidence: "passage".
        passage: the column of passages. question: the column of questions.
        answers: the column of answers, a list of texts each, any of which is right.
        spans: the column that has for each answer the characters where it stands: a list of `[start, end]`.
        group: a column; examples that agree in it are held out together, and `hold_out` is a share, or a
            number, of such groups. None: each by itself.
        max_words: of a passage; a longer one is an error.
        tokenizer: see there.
        batch_size: questions a batch.
    """

    evidence: Literal["passage"] = "passage"
    passage: str = "passage"
    question: str = "question"
    answers: str = "answers"
    spans: str = "spans"
    max_words: int = Field(default=1000, ge=1)
    tokenizer: QuestionWordOptions = QuestionWordOptions()
    batch_size: int = Field(default=32, ge=1)


class Passage(NamedTuple):
    """A text, its words, and the characters where each starts and ends."""

    text: str
    words: list[str]
    starts: list[int]
    ends: list[int]

    def part(self, first: int, last: int) -> str:
        """The text from one word to another."""
        return self.text[self.starts[first] : self.ends[last]]

    def numbers(self, spans: Sequence[Sequence[int]]) -> list[int]:
        """The words that these characters touch."""
        return [
            k
            for k, (start, end) in enumerate(zip(self.starts, self.ends, strict=True))
            if any(start < last and end > first for first, last in spans)
        ]


class SpanQuestion(NamedTuple):
    """A question about a passage.

    Attributes:
        words: of the question.
        answers: texts that are right. numbers: of each answer with a place, the words it touches.
        targets: of each answer that is words, the first and the last of them.
    """

    passage: Passage
    words: list[str]
    answers: list[str]
    numbers: list[list[int]]
    targets: list[tuple[int, int]]


class PassageReader:
    """Passages and questions, to words and what they have in common."""

    def __init__(self, data: SpanOptions, words: WordReader) -> None:
        self.data, self.words = data, words
        self._pattern = _PATTERNS[data.tokenizer.rule]
        self._passages: dict[str, Passage] = {}

    @classmethod
    def build(cls, examples: Examples, data: SpanOptions, model: WordModelOptions) -> Self:
        """From the training data."""
        pattern = _PATTERNS[data.tokenizer.rule]
        rows = [pattern.findall(str(text)) for text in dict.fromkeys(examples[data.passage])]
        rows += [pattern.findall(str(text)) for text in examples[data.question]]
        places = [examples.places[0]] * len(rows)
        table = Examples({TEXT: rows}, places, examples.source)
        return cls(data, WordReader.build(table, TEXT, data.tokenizer, model))

    @classmethod
    def load(cls, folder: Path, data: SpanOptions, model: WordModelOptions) -> Self:
        """What `save` wrote."""
        return cls(data, WordReader.load(folder, TEXT, data.tokenizer, model))

    def save(self, folder: Path) -> None:
        """Writes what reading needs."""
        self.words.save(folder)

    def passage(self, text: Any, where: str) -> Passage:
        """A passage's words. Fault for one of none, or of too many."""
        if not isinstance(text, str):
            raise Fault(f"{where}: {quoted(text)} found, expected a text")
        if text not in self._passages:
            matches = list(self._pattern.finditer(text))
            row = Passage(
                text, [m[0] for m in matches], [m.start() for m in matches], [m.end() for m in matches]
            )
            if not 0 < len(matches) <= self.data.max_words:
                raise Fault(
                    f"{where}: a passage of {len(matches):,} words, expected 1 to {self.data.max_words:,}: "
                    f"cut it, or raise data.max_words"
                )
            self._passages[text] = row
        return self._passages[text]

    def question(self, text: Any, where: str) -> list[str]:
        """Its words. Fault for a question of none."""
        words_of(text, self.data.tokenizer, where)
        return self._pattern.findall(text) if isinstance(text, str) else list(text)

    def read(self, examples: Examples) -> tuple[list[SpanQuestion], list[str]]:
        """The questions of examples, and notes on answers that can't be learnt."""
        rows = []
        data, cut = self.data, 0
        entries = (examples[name] for name in (data.passage, data.question, data.answers, data.spans))
        for text, question, answers, spans, place in zip(*entries, examples.places, strict=True):
            passage = self.passage(text, f"{place}: the passage")
            _check_answers(answers, spans, passage, str(place))
            numbers = [passage.numbers(pieces) for pieces in spans if pieces]
            targets = [
                (places[0], places[-1])
                for places, pieces in zip(numbers, filter(None, spans), strict=True)
                if places
                and passage.starts[places[0]] == pieces[0][0]
                and passage.ends[places[-1]] == pieces[-1][1]
            ]
            cut += not targets
            words = self.question(question, f"{place}: the question")
            rows.append(SpanQuestion(passage, words, list(answers), numbers, targets))
        note = f"{cut:,} of {len(examples):,} questions have no answer that is whole words: not learnt from"
        return rows, [note] if cut else []

    def inquiry(self, passages: Sequence[Passage], questions: Sequence[list[str]], sees: str) -> Inquiry:
        """What a model reads; what it must not see is read as `HIDDEN`, word by word."""
        texts = [row.words for row in passages]
        match = [matches(*pair) for pair in zip(texts, questions, strict=True)]
        if sees == "question":
            texts = [HIDDEN * len(row) for row in texts]
        if sees == "evidence":
            questions = [HIDDEN] * len(questions)
        if sees != "both":
            match = [torch.zeros_like(row) for row in match]
        return Inquiry(self.words.batch(questions), self.words.batch(texts), match=Ragged.from_list(match))


def matches(passage: Sequence[str], question: Sequence[str]) -> Tensor:
    """`[N, MATCHES]`: whether each word of a passage is one of the question's, is but for capitals, begins
    with the same letters as one; and its share of the passage.
    """
    lower = [word.lower() for word in passage]
    exact, small = {*question}, {word.lower() for word in question}
    stems = {word[:_STEM] for word in small if len(word) >= _STEM}
    counts = Counter(lower)
    return torch.tensor(
        [
            [word in exact, low in small, low[:_STEM] in stems, counts[low] / len(passage)]
            for word, low in zip(passage, lower, strict=True)
        ],
        dtype=torch.float32,
    ).reshape(-1, MATCHES)


def _check_answers(answers: Any, spans: Any, passage: Passage, where: str) -> None:
    """Fault unless these are texts, and where each stands in the passage."""
    if not isinstance(answers, list) or not answers or not all(isinstance(text, str) for text in answers):
        raise Fault(f"{where}: answers {quoted(answers)} found, expected a list of texts")
    if not isinstance(spans, list) or len(spans) != len(answers):
        raise Fault(f"{where}: spans {quoted(spans)} found, expected a list of [start, end] for each answer")
    for pieces in spans:
        for piece in pieces:
            if len(piece) != 2 or not 0 <= piece[0] < piece[1] <= len(passage.text):
                raise Fault(
                    f"{where}: the span {quoted(piece)} lies outside its passage of {len(passage.text):,} "
                    f"characters"
                )


def item_passage(item: Mapping[str, Any], data: SpanOptions) -> tuple[Any, Any]:
    """Passage and question of a table to predict for."""
    missing = [name for name in (data.passage, data.question) if name not in item]
    if missing:
        raise Fault(f"{quoted(dict(item))} found, expected a table with {' and '.join(map(repr, missing))}")
    return item[data.passage], item[data.question]
