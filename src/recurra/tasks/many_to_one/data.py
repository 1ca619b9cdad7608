"""Rows with an answer each, as a recipe describes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Generic, NamedTuple, Self, TypeVar

from pydantic import model_validator

from recurra.data import Examples, columns
from recurra.errors import Fault
from recurra.tasks.parts.rows import RowOptions
from recurra.tasks.readers.base import RowReader
from recurra.tasks.readers.vectors import VectorReader
from recurra.tasks.readers.words import WordModelOptions, WordReader, WordRowOptions

Answers = TypeVar("Answers")


class ManyToOneDataOptions(RowOptions, WordRowOptions):
    """Rows with an answer each; exactly one of `tokens` and `vectors` names the column of the rows.

    Attributes:
        tokens: the column of texts, or of lists of words. vectors: the column of rows of numbers.
        distinct: training examples that say the same are taken once.
    """

    tokens: str | None = None
    vectors: str | None = None
    distinct: bool = False

    @model_validator(mode="after")
    def _one_kind_of_row(self) -> Self:
        if (self.tokens is None) == (self.vectors is None):
            raise ValueError("expected either tokens or vectors, the column that holds the rows")
        if self.distinct and self.tokens is None:
            raise ValueError("distinct = true compares tokens, not vectors")
        return self


class Answered(NamedTuple, Generic[Answers]):
    """Rows, and the answer to each as the data has it."""

    rows: list[Any]
    answers: Answers


def build_reader(data: ManyToOneDataOptions, model: WordModelOptions, train: Examples) -> RowReader:
    """A reader that knows the training rows."""
    if data.tokens is not None:
        return WordReader.build(train, data.tokens, data.tokenizer, model)
    rows = [row for row in columns.vectors(train, data.vectors or "") if len(row)]
    if not rows:
        raise Fault(f"{train.source}: column {data.vectors!r}: every row has length 0")
    return VectorReader.build(rows, data.vectors or "")


def load_reader(data: ManyToOneDataOptions, model: WordModelOptions, folder: Path) -> RowReader:
    """The reader that `save_assets` wrote."""
    if data.tokens is not None:
        return WordReader.load(folder, data.tokens, data.tokenizer, model)
    return VectorReader.load(folder, data.vectors or "")
