"""The text of a language model: to train on, and to validate on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field
from torch import Tensor

from recurra.data import Examples, Window
from recurra.models import LanguageModel
from recurra.tasks.language_model.text import ReadAs, RunningText
from recurra.tasks.parts.batches import Epoch
from recurra.tasks.parts.measurement import Measurement, Selection
from recurra.tasks.parts.sources import SourceOptions, part_of, read_named, source_names
from recurra.tasks.parts.tokens import TokenizerOptions


class TextOptions(SourceOptions):
    """Text, and how it is cut.

    `hold_out` is a share of the text, or counts: characters, or whole lines where tokens are longer; "random"
    is for sentences alone.

    Attributes:
        column: the column that holds the text.
        unit: what is predicted. tokenizer: see there.
        read_as: "stream", one text whose state is carried on from window to window (truncated
            back-propagation), or "sentences", each example by itself with the whole gradient.
        batch_size: parallel streams, or sentences a batch. window: tokens of a stream from one update to the
            next.
        validation_streams: parallel streams that the held-out text is read in; 1 carries the state through
            all of it.
        rank_shuffled: so many held-out sentences are compared with themselves, words shuffled, when
            evaluating.
    """

    column: str = "text"
    unit: Literal["character", "word", "subword"] = "character"
    tokenizer: TokenizerOptions = TokenizerOptions()
    read_as: ReadAs = "stream"
    batch_size: int = Field(default=32, ge=1)
    window: int = Field(default=128, ge=1)
    validation_streams: int = Field(default=16, ge=1)
    rank_shuffled: int = Field(default=0, ge=0)


class Corpus(ABC):
    """Texts to train on and to validate on, read when they are first asked for.

    Attributes:
        notes: remarks on the data, for `check`.
    """

    def __init__(self, options: TextOptions, seed: int) -> None:
        self.options, self.seed = options, seed
        self.notes: list[str] = []
        self._parts: tuple[list[str], list[str]] | None = None

    @property
    def train(self) -> list[str]:
        """Texts to train on."""
        return self._read()[0]

    @property
    def validation(self) -> list[str]:
        """Texts to validate on."""
        return self._read()[1]

    def select(self, data: str | Path | None) -> Selection[list[str]]:
        """The texts that `evaluate(data)` measures: a part of the recipe's data, or another file."""
        part = part_of(data)
        if part == "validation":
            own = self.options.validation
            source = source_names(self.options.train if own is None else own)
            return Selection(self.validation, part, source, own is None)
        if part == "train":
            return Selection(self.train, part, source_names(self.options.train))
        assert data is not None
        examples = read_named(self.options, data)
        return Selection(self._texts(examples), part, examples.source)

    @abstractmethod
    def batches(self, text: RunningText, epoch: int, rank: int, world: int) -> Epoch:
        """The windows of an epoch of training."""

    @abstractmethod
    def measured(
        self, model: LanguageModel, text: RunningText, selection: Selection[list[str]]
    ) -> Measurement:
        """`nats_per_token`, `perplexity` and `bits_per_character` of texts."""

    @abstractmethod
    def windows(self, text: RunningText, texts: Sequence[str]) -> Iterator[Window]:
        """Windows that predict every token of these texts once."""

    @abstractmethod
    def counts(self, text: RunningText) -> Tensor:
        """How often each token `[V]` is predicted in an epoch of training, about."""

    @abstractmethod
    def sentences(self, texts: Sequence[str]) -> list[str]:
        """The sentences in these texts."""

    @abstractmethod
    def check(self, text: RunningText) -> list[str]:
        """Sizes in words."""

    @abstractmethod
    def _texts(self, examples: Examples) -> list[str]:
        """The texts of a table."""

    @abstractmethod
    def _split(self) -> tuple[list[str], list[str]]:
        """The texts to train on, and those to validate on."""

    def _read(self) -> tuple[list[str], list[str]]:
        if self._parts is None:
            self._parts = self._split()
        return self._parts
