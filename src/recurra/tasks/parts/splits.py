"""The examples that a task is trained and evaluated on, as the task reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from recurra.data import Examples
from recurra.errors import Fault
from recurra.tasks.parts.sources import SourceOptions, read_named, read_parts

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

    def fill(self, train: E, notes: Iterable[str], validation: Examples) -> None:
        """Takes the training examples, with notes on them, and converts those to validate on."""
        self._train = train
        self._validation, more = self._convert(validation)
        self.notes = [*notes, *more]

    def read_train(self) -> None:
        """Reads the training examples from their source, where there are none yet."""
        if self._train is None:
            self._train, _ = self._convert(read_parts(self.options, self.seed).train)

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
            self._validation, _ = self._convert(read_parts(self.options, self.seed).validation)
        return self._validation

    def evaluation(self, data: str | Path | None) -> E:
        """What `evaluate(data)` measures: the validation examples for None, else see `read_named`."""
        if data is None:
            return self.validation
        return self._convert(read_named(self.options, data))[0]


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
