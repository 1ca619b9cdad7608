"""One answer a row: what classification and regression share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from recurra.data import Examples
from recurra.errors import Fault
from recurra.models import Bag, ManyToOne, Regressor
from recurra.tasks.base import Example, Loss, Task
from recurra.tasks.many_to_one.data import Answered, Answers, ManyToOneDataOptions
from recurra.tasks.many_to_one.plot import Course, draw_courses
from recurra.tasks.many_to_one.stream import ManyToOneStream
from recurra.tasks.parts.batches import answer_in_batches, shuffled_batches
from recurra.tasks.parts.contexts import device_of, evaluating
from recurra.tasks.parts.rows import usable
from recurra.tasks.parts.sizes import activations_line, parameters_line
from recurra.tasks.parts.splits import Splits
from recurra.tasks.readers.base import RowReader

Network = TypeVar("Network", bound=ManyToOne | Bag | Regressor)


class ManyToOneTask(Task[Network], Generic[Network, Answers]):
    """A batch is what the input reads, and the answers of the data.

    Attributes:
        axis: how the answers' axis in a picture is called, and whether they are shares.
    """

    axis: ClassVar[tuple[str, bool]]

    options: ManyToOneDataOptions
    reader: RowReader
    seed: int

    def __init__(self, data: ManyToOneDataOptions, reader: RowReader, model: Network, seed: int = 0) -> None:
        self.options, self.reader, self.seed = data, reader, seed
        self.model = model
        self.data: Splits[Answered[Answers]] = Splits(data, seed, self.read)

    @abstractmethod
    def targets(self, answers: Answers, indices: Sequence[int]) -> Tensor:
        """The answers at these indices as a tensor `[B, ...]`."""

    @abstractmethod
    def cost(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of `[B, outputs]`, summed over rows."""

    @abstractmethod
    def _answers(self, examples: Examples) -> Answers:
        """The answers of examples; Fault, by place, for one that can't be."""

    @abstractmethod
    def _truths(self, answers: Answers) -> Sequence[Any]:
        """The answer to each row as the data writes it."""

    @abstractmethod
    def _course(self, example: Example, movement: Sequence[dict[str, Any]]) -> Course:
        """What is drawn of a row's movement."""

    @abstractmethod
    def _table(self, outputs: Tensor) -> dict[str, Any]:
        """The answer to one row, JSON-ready, of the model's `[outputs]`."""

    def read(self, examples: Examples) -> tuple[Answered[Answers], list[str]]:
        """The rows and answers of examples, and notes on those left out."""
        rows = self.reader.rows(examples)
        indices, notes = usable(examples, [len(row) for row in rows], self.options)
        return Answered([rows[i] for i in indices], self._answers(examples.take(indices))), notes

    def save_assets(self, folder: Path) -> None:
        self.reader.save(folder)

    def check(self) -> list[str]:
        size = self.options.batch_size
        longest = max(len(row) for row in self.data.train.rows)
        return [
            *self.reader.check(self.data.validation.rows),
            f"epoch: {len(self.batches(0)):,} batches of {size} rows",
            parameters_line(self.model),
            activations_line(self.model, size * longest),
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[tuple[Any, Tensor]]:
        rows, answers = self.data.train

        def make(indices: Sequence[int]) -> tuple[Any, Tensor]:
            return self.reader.batch([rows[i] for i in indices]), self.targets(answers, indices)

        lengths, size = [len(row) for row in rows], self.options.batch_size
        return shuffled_batches(lengths, size, make, seed=self.seed, epoch=epoch, rank=rank, world=world)

    def read_training_data(self) -> bool:
        self.data.read_train()
        return True

    def step_names(self, batch: tuple[Any, Tensor]) -> list[list[str]] | None:
        return self.reader.batch_names(batch[0])

    def loss(self, batch: tuple[Any, Tensor], carry: Any) -> Loss:
        device = device_of(self.model)
        outputs, _ = self.model(batch[0].to(device))
        return Loss(self.cost(outputs, batch[1].to(device)), len(outputs))

    def answer(self, rows: Sequence[Any]) -> Tensor:
        """The model's outputs for rows: `[N, outputs]`, on the CPU."""
        lengths = [len(row) for row in rows]
        return torch.stack(answer_in_batches(rows, lengths, self.options.batch_size, self._outputs))

    def row(self, item: Any) -> Any:
        """Fault for a row of no steps, of which there is nothing to say."""
        row = self.reader.row(item)
        if not len(row):
            raise Fault("nothing to read: expected at least one word or step")
        return row

    def answers(self, rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
        if rows:
            yield from map(self._table, self.answer(rows))

    def movement(self, item: Any) -> list[dict[str, Any]]:
        """How the answer moves: one after each step, as if the row ended there."""
        return self.movement_of(self.row(item))

    def movement_of(self, row: Any) -> list[dict[str, Any]]:
        """The same of what `row` gave."""
        with evaluating(self.model):
            (steps,) = self.model.each_step(self.reader.batch([row]).to(device_of(self.model))).to_list()
        return [
            {"step": name, **self._table(outputs)}
            for name, outputs in zip(self.reader.step_names(row), steps.float().cpu(), strict=True)
        ]

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        rows, answers = self.data.evaluation(data)
        return [Example(row, answer) for row, answer in zip(rows, self._truths(answers), strict=True)]

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """How the answer moves from step to step, as if the row ended there."""
        courses = [self._course(each, self.movement_of(each.row)) for each in examples]
        return draw_courses(courses, *self.axis, dark)

    def open_stream(self) -> ManyToOneStream:
        """Steps in; the answer by now after each. Refused where it depends on the whole row."""
        return ManyToOneStream(self.model, self.reader, self._table)

    def _outputs(self, rows: Sequence[Any]) -> Tensor:
        with evaluating(self.model):
            outputs: Tensor = self.model(self.reader.batch(rows).to(device_of(self.model)))[0]
        return outputs.float().cpu()
