"""One answer a row: what classification and regression share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from recurra.data import Examples, columns
from recurra.errors import Fault
from recurra.models import Bag, ManyToOne
from recurra.tasks.base import Loss, Task
from recurra.tasks.many_to_one.options import ManyToOneDataOptions, ManyToOneOptions
from recurra.tasks.many_to_one.stream import ManyToOneStream
from recurra.tasks.parts.batches import RowReader, ordered_batches, shuffled_batches, usable
from recurra.tasks.parts.contexts import device_of, evaluating
from recurra.tasks.parts.network import build_body, build_pool
from recurra.tasks.parts.sizes import activations_line, parameters_line
from recurra.tasks.parts.sources import read_like, read_parts
from recurra.tasks.readers.vectors import VectorReader
from recurra.tasks.readers.words import WordReader


class Answered(NamedTuple):
    """Rows, and the answer to each as the data has it."""

    rows: list[Any]
    answers: Any


class ManyToOneTask(Task):
    """A batch is what the input reads, and the answers of the data."""

    options: Any
    reader: RowReader
    seed: int

    def __init__(self, data: Any, reader: RowReader, model: nn.Module, seed: int = 0) -> None:
        self.options, self.reader, self.seed = data, reader, seed
        self.model: Any = model
        self._train: Answered | None = None
        self._held_out: Answered | None = None
        self._notes: list[str] = []

    @abstractmethod
    def targets(self, answers: Any, indices: Sequence[int]) -> Tensor:
        """The answers at these indices as a tensor `[B, ...]`."""

    @abstractmethod
    def _answers(self, examples: Examples) -> Any:
        """The answers of examples; Fault, by place, for one that can't be."""

    @abstractmethod
    def _shown(self, answer: Tensor) -> dict[str, Any]:
        """What the model says of one row `[outputs]`, JSON-ready."""

    def save_assets(self, folder: Path) -> None:
        self.reader.save(folder)

    def check(self) -> list[str]:
        train, held = self._data()
        lengths = [len(row) for row in train.rows]
        return [
            *self.reader.check(held.rows),
            f"epoch: {len(self.batches(0)):,} batches of {self.options.batch_size} rows",
            parameters_line(self.model),
            activations_line(self.model, self.options.batch_size * max(lengths)),
            *self._notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[tuple[Any, Tensor]]:
        train, _ = self._data()

        def make(indices: Sequence[int]) -> tuple[Any, Tensor]:
            return self.reader.batch([train.rows[i] for i in indices]), self.targets(train.answers, indices)

        lengths = [len(row) for row in train.rows]
        return shuffled_batches(lengths, self.options, self.seed, epoch, rank, world, make)

    def loss(self, batch: tuple[Any, Tensor], carry: Any) -> Loss:
        device = device_of(self.model)
        said, _ = self.model(batch[0].to(device))
        return Loss(self.cost(said, batch[1].to(device)), len(said))

    @abstractmethod
    def cost(self, said: Tensor, targets: Tensor) -> Tensor:
        """The loss of `[B, outputs]`, summed over rows."""

    def answer(self, rows: Sequence[Any]) -> Tensor:
        """What the model says of rows: `[N, outputs]`, on the CPU."""
        parts, order = [], []
        with evaluating(self.model):
            for indices in ordered_batches([len(row) for row in rows], self.options.batch_size):
                said, _ = self.model(self.reader.batch([rows[i] for i in indices]).to(device_of(self.model)))
                parts.append(said.float().cpu())
                order += indices
        return torch.cat(parts)[torch.tensor(order).argsort()]

    def predict(self, items: Iterable[Any]) -> Iterator[dict[str, Any]]:
        waiting = iter(items)
        while some := [self.reader.row(item) for item in islice(waiting, self.options.batch_size)]:
            yield from (self._shown(said) for said in self.answer(some))

    def movement(self, item: Any) -> list[dict[str, Any]]:
        """How the answer moves: one after each step, as if the row ended there."""
        row = self.reader.row(item)
        with evaluating(self.model):
            (said,) = self.model.each_step(self.reader.batch([row]).to(device_of(self.model))).to_list()
        return [
            {"step": name, **self._shown(each)}
            for name, each in zip(self.reader.step_names(row), said.float().cpu(), strict=True)
        ]

    def open_stream(self) -> ManyToOneStream:
        """Steps in; the answer by now after each. Refused where it depends on the whole row."""
        return ManyToOneStream(self.model, self.reader, self._shown)

    def _answered(self, examples: Examples) -> Answered:
        rows = self.reader.rows(examples)
        kept, notes = usable(examples, [len(row) for row in rows], self.options)
        self._notes += notes
        return Answered([rows[i] for i in kept], self._answers(examples.take(kept)))

    def _evaluated(self, data: str | Path | None) -> Answered:
        return self._validation() if data is None else self._answered(read_like(self.options, data))

    def _data(self) -> tuple[Answered, Answered]:
        if self._train is None:
            raise Fault("this task was loaded to predict: prepare it from its recipe to train it")
        return self._train, self._validation()

    def _validation(self) -> Answered:
        if self._held_out is None:
            self._held_out = self._answered(read_parts(self.options, self.seed).validation)
        return self._held_out


def build_reader(data: ManyToOneDataOptions, model: ManyToOneOptions, train: Examples) -> RowReader:
    """A reader that knows the training rows."""
    if data.tokens is not None:
        return WordReader.build(train, data.tokens, data, model)
    rows = [row for row in columns.vectors(train, data.vectors or "") if len(row)]
    if not rows:
        raise Fault(f"{train.source}: column {data.vectors!r}: every row has length 0")
    return VectorReader.build(rows, data.vectors or "")


def load_reader(data: ManyToOneDataOptions, model: ManyToOneOptions, folder: Path) -> RowReader:
    """The reader that `save_assets` wrote."""
    if data.tokens is not None:
        return WordReader.load(folder, data.tokens, data, model)
    return VectorReader.load(folder, data.vectors or "")


def build_network(options: ManyToOneOptions, reader: RowReader, outputs: int) -> ManyToOne | Bag:
    """The network, with fresh weights."""
    read = reader.input()
    if options.kind == "feed_forward":
        widths = options.hidden if isinstance(options.hidden, list) else [options.hidden] * options.layers
        return Bag(read, widths, outputs, options.dropout)
    body = build_body(options, read.output_size)
    return ManyToOne(read, body, build_pool(options.pool, body), outputs, options.dropout)
