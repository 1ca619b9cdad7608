"""The examples that a task is trained and evaluated on, as the task reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from recurra.data import Examples
from recurra.errors import Fault
from recurra.tasks.parts.measurement import Selection
from recurra.tasks.parts.sources import SourceOptions, part_of, read_named, read_parts, source_names

E = TypeVar("E")


class Splits(Generic[E]):
    """Training and validation examples, each split as one `E`.

    A task that was prepared from its recipe has both (`fill`). One that was restored from a run folder has
    neither: its validation data are read when they are first asked for, those to train on by `read_train`.

    Attributes:
        notes: remarks on the data, for `check`.

    Args:
        options: where the data are.
        seed: of what is held out.
        convert: a table of examples as the task reads it, and notes on what it leaves out.
    """

    def __init__(
        self, options: SourceOptions, seed: int, convert: Callable[[Examples], tuple[E, list[str]]]
    ) -> None:
        self.options, self.seed = options, seed
        self.notes: list[str] = []
        self._convert = convert
        self._train: E | None = None
        self._validation: E | None = None
        self._sources = ("", "")

    def fill(self, train: E, notes: Iterable[str], validation: Examples) -> None:
        """Takes the training examples, with notes on them, and converts those to validate on."""
        self._train = train
        self._validation, more = self._convert(validation)
        self._sources = (self._sources[0], validation.source)
        self.notes = [*notes, *more]

    def read_train(self) -> None:
        """Reads the training examples from their source, where there are none yet."""
        if self._train is None:
            examples = read_parts(self.options, self.seed).train
            self._train, _ = self._convert(examples)
            self._sources = (examples.source, self._sources[1])

    @property
    def train(self) -> E:
        """To train on. Fault where the task has no training data."""
        if self._train is None:
            raise Fault("this task was loaded to predict: prepare it from its recipe to train it")
        return self._train

    @property
    def validation(self) -> E:
        """To validate on."""
        if self._validation is None:
            examples = read_parts(self.options, self.seed).validation
            self._validation, _ = self._convert(examples)
            self._sources = (self._sources[0], examples.source)
        return self._validation

    def evaluation(self, data: str | Path | None) -> E:
        """The examples of `select(data)`."""
        return self.select(data).examples

    def select(self, data: str | Path | None) -> Selection[E]:
        """What `evaluate(data)` measures: a part of the recipe's data (see `part_of`), or another file."""
        part = part_of(data)
        if part == "validation":
            examples = self.validation
            return Selection(examples, part, self._sources[1], self.options.validation is None)
        if part == "train":
            self.read_train()
            return Selection(self.train, part, self._sources[0] or source_names(self.options.train))
        assert data is not None
        table = read_named(self.options, data)
        return Selection(self._convert(table)[0], part, table.source)


class LazySplits(Splits[E]):
    """Splits that are read from their sources when they are first asked for, those to train on too."""

    @property
    def train(self) -> E:
        """To train on."""
        return self._read()[0]

    @property
    def validation(self) -> E:
        """To validate on."""
        return self._read()[1]

    def _read(self) -> tuple[E, E]:
        if self._train is None or self._validation is None:
            parts = read_parts(self.options, self.seed)
            self.fill(*self._convert(parts.train), parts.validation)
        return super().train, super().validation
