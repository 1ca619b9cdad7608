"""What reads the two sides of a pair: trees, or rows of words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from recurra.data import Examples, check_lengths
from recurra.errors import Fault
from recurra.layers.inputs import Input
from recurra.models import RowEncoder, TreeEncoder
from recurra.tasks.readers.trees import TreeOptions, TreeReader, TreeRow, tree_rows
from recurra.tasks.readers.words import WordModelOptions, WordOptions, WordReader, token_rows


class SideReader(Protocol):
    """Either side of a pair, to what the encoder reads."""

    def column(self, examples: Examples, name: str) -> list[Any]:
        """The rows of one side. Fault, by place, for one that can't be read."""

    def row(self, item: Any) -> Any:
        """The row of one side to predict for."""

    def size(self, row: Any) -> int:
        """By which rows of like sizes are batched."""

    def batch(self, rows: Sequence[Any]) -> Any:
        """What the encoder reads; has `to(device)`."""

    def input(self) -> Input:
        """A fresh input for the words."""

    def fit(self, encoder: TreeEncoder | RowEncoder) -> None:
        """Tells the reader what the model can read."""

    def check(self, rows: Sequence[Any], validation: Sequence[Any]) -> list[str]:
        """What is worth knowing of the rows."""

    def require_input(self, features: Input, folder: Path) -> None:
        """Fault unless the input of a run's model is one for these rows."""

    def save(self, folder: Path) -> None:
        """Writes what reading needs."""


class TreeSides:
    """Both sides as trees."""

    def __init__(self, reader: TreeReader) -> None:
        self.reader, self.column = reader, reader.rows
        self.row, self.batch, self.input = reader.row, reader.batch, reader.input
        self.check, self.require_input, self.save = reader.check, reader.require_input, reader.save

    @classmethod
    def build(
        cls, examples: Examples, names: Sequence[str], options: TreeOptions, model: WordModelOptions
    ) -> Self:
        """From the training data."""
        rows = [row for name in names for row in tree_rows(examples, name, options)]
        return cls(TreeReader.build(rows, examples.source, options, model))

    def fit(self, encoder: TreeEncoder | RowEncoder) -> None:
        assert isinstance(encoder, TreeEncoder)
        self.reader.slots = encoder.cell.slots

    def size(self, row: TreeRow) -> int:
        return row.height


class TextSides:
    """Both sides as rows of words."""

    def __init__(self, reader: WordReader, options: WordOptions) -> None:
        self.reader, self.options = reader, options
        self.batch, self.input = reader.batch, reader.input
        self.require_input, self.save = reader.require_input, reader.save

    @classmethod
    def build(
        cls, examples: Examples, names: Sequence[str], options: WordOptions, model: WordModelOptions
    ) -> Self:
        """From the training data."""
        rows = [row for name in names for row in token_rows(examples, name, options)]
        places = examples.places * len(names)
        words = Examples({"text": rows}, places, examples.source)
        return cls(WordReader.build(words, "text", options, model), options)

    def column(self, examples: Examples, name: str) -> list[list[str]]:
        rows = token_rows(examples, name, self.options)
        check_lengths([len(row) for row in rows], examples.places)
        return rows

    def row(self, item: Any) -> list[str]:
        """Fault for a text of no words, of which there is nothing to say."""
        row = self.reader.row(item)
        if not row:
            raise Fault("nothing to read: expected at least one word")
        return row

    def fit(self, encoder: TreeEncoder | RowEncoder) -> None:
        """It reads rows of any words."""

    def size(self, row: list[str]) -> int:
        return len(row)

    def check(self, rows: Sequence[list[str]], validation: Sequence[list[str]]) -> list[str]:
        return self.reader.check(validation)
