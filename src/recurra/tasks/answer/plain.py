"""Questions alone, and rows of words, which questions with their stories may be, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field

from recurra.data import Examples
from recurra.errors import Fault
from recurra.models import Inquiry, RowAnswerer, RowEncoder
from recurra.tasks.answer.options import QuestionModelOptions, QuestionOptions, words_of
from recurra.tasks.answer.plot import Panel
from recurra.tasks.parts.network import DirectedOptions, build_body, build_pool
from recurra.tasks.readers.words import WordModelOptions, WordReader

TEXT = "text"


class PlainOptions(QuestionOptions):
    """Questions alone.

    Attributes:
        evidence: "none".
    """

    evidence: Literal["none"] = "none"


class PlainModelOptions(DirectedOptions, QuestionModelOptions):
    """The network over a row of words.

    Attributes:
        pool: how the outputs of all steps become one.
    """

    hidden: int | list[int] = Field(default=100)
    pool: Literal["last", "mean", "max", "attention"] = "last"


class PlainReader:
    """No evidence: questions alone."""

    def __init__(self, words: WordReader) -> None:
        self.words = words

    @classmethod
    def build(cls, examples: Examples, data: PlainOptions, model: PlainModelOptions) -> Self:
        """From the training data."""
        return cls(build_words(word_rows(examples, data), examples, data, model))

    @classmethod
    def load(cls, folder: Path, data: PlainOptions, model: PlainModelOptions) -> Self:
        """What `save` wrote."""
        return cls(WordReader.load(folder, TEXT, data.tokenizer, model))

    def rows(self, examples: Examples) -> tuple[list[None], list[str]]:
        return [None] * len(examples), []

    def row(self, item: Mapping[str, Any]) -> None:
        return None

    def size(self, row: None) -> int:
        return 1

    def blank(self, row: None) -> None:
        return None

    def inquiry(self, questions: Sequence[list[str]], rows: Sequence[None], linear: bool) -> Inquiry:
        return Inquiry(self.words.batch(questions))

    def summary(self, row: None, looks: Any) -> dict[str, Any]:
        return {}

    def drawing(self, panels: Sequence[Panel], dark: bool) -> Any:
        raise Fault("a question alone has nothing to look at: there is nothing to draw")

    def check(self, rows: Sequence[None]) -> list[str]:
        return []

    def save(self, folder: Path) -> None:
        self.words.save(folder)


def word_rows(examples: Examples, data: QuestionOptions) -> list[list[str]]:
    """The words of each question."""
    pairs = zip(examples[data.question], examples.places, strict=True)
    return [words_of(text, data.tokenizer, f"{place}: the question") for text, place in pairs]


def build_words(
    rows: list[list[str]], examples: Examples, data: QuestionOptions, model: WordModelOptions
) -> WordReader:
    """The words that these rows have."""
    places = [examples.places[0]] * len(rows)
    return WordReader.build(Examples({TEXT: rows}, places, examples.source), TEXT, data.tokenizer, model)


def build_row_model(options: PlainModelOptions, words: WordReader, outputs: int) -> RowAnswerer:
    """Layers over one row of words."""
    return RowAnswerer(build_row_encoder(options, words, options.pool), outputs, options.dropout)


def build_row_encoder(options: DirectedOptions, words: WordReader, pool: str) -> RowEncoder:
    """A row of words to a vector."""
    features = words.input()
    body = build_body(options, features.output_size)
    return RowEncoder(features, body, build_pool(pool, body))
