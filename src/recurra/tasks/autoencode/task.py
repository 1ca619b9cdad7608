"""Auto-encoding: a sequence into one vector, and back from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.data import Examples
from recurra.errors import Fault
from recurra.models import EncoderDecoder, VectorAutoEncoder
from recurra.tasks.autoencode.coder import Coder
from recurra.tasks.autoencode.options import AutoencodeDataOptions, AutoencodeModelOptions
from recurra.tasks.autoencode.sounds import SoundCoder, Spoken
from recurra.tasks.autoencode.texts import TextCoder
from recurra.tasks.autoencode.vectors import VectorCoder
from recurra.tasks.base import TASKS, Example, Loss, Task
from recurra.tasks.parts.batches import answer_in_batches, chunks, shuffled_batches
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.measurement import Figures, Measurement, ratios, together
from recurra.tasks.parts.rows import usable
from recurra.tasks.parts.sizes import parameters_line
from recurra.tasks.parts.sources import read_parts
from recurra.tasks.parts.splits import Splits

T = TypeVar("T")


@TASKS.register("autoencode")
class AutoencodeTask(Task[EncoderDecoder | VectorAutoEncoder]):
    """Sequences to vectors that hold them. Its `score` is `tokens_back` for texts, `mse` for measurements."""

    name = "autoencode"
    DataOptions = AutoencodeDataOptions
    ModelOptions = AutoencodeModelOptions

    def __init__(
        self,
        data: AutoencodeDataOptions,
        coder: Coder,
        model: EncoderDecoder | VectorAutoEncoder,
        seed: int = 0,
    ) -> None:
        self.options, self.seed = data, seed
        self.coder = coder
        self.score = coder.score
        self.model = model
        self.data: Splits[list[Any]] = Splits(data, seed, self.read)

    @classmethod
    def prepare(cls, data: AutoencodeDataOptions, model: AutoencodeModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        if model.start == "mirrored" and not data.reversed:
            raise Fault(
                "model.start = 'mirrored' gives back first what was read last: set data.reversed = true"
            )
        coder = _coder(data).build(data, parts.train)
        with seeded(seed):
            task = cls(data, coder, coder.build_model(model), seed)
        train, notes = task.read(parts.train)
        task.data.fill(train, notes, parts.validation)
        return task

    @classmethod
    def restore(
        cls,
        data: AutoencodeDataOptions,
        model: AutoencodeModelOptions,
        module: EncoderDecoder | VectorAutoEncoder,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        coder = _coder(data).load(data, folder)
        coder.require_model(module, folder)
        return cls(data, coder, module, seed)

    def save_assets(self, folder: Path) -> None:
        self.coder.save(folder)

    def read(self, examples: Examples) -> tuple[list[Any], list[str]]:
        """The rows of examples, and notes on those left out."""
        rows, notes = self.coder.rows(examples), []
        lengths = [self.coder.length(row) for row in rows]
        most = self.options.keep_up_to
        if most is not None:
            short = [i for i, length in enumerate(lengths) if length <= most]
            if not short:
                raise Fault(f"{examples.source}: every example is longer than keep_up_to = {most}")
            if len(short) < len(rows):
                long = len(rows) - len(short)
                notes.append(f"{examples.source}: {long:,} of {len(rows):,} are longer than {most}")
            examples, rows = examples.take(short), [rows[i] for i in short]
            lengths = [lengths[i] for i in short]
        indices, more = usable(examples, lengths, self.options)
        return [rows[i] for i in indices], [*notes, *more]

    def check(self) -> list[str]:
        return [
            *self.coder.check(self.data.train, self.data.validation),
            f"epoch: {len(self.batches(0)):,} batches of {self.options.batch_size} rows",
            parameters_line(self.model),
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[Any]:
        train = self.data.train

        def make(indices: Sequence[int]) -> Any:
            return self.coder.batch([train[i] for i in indices], f"{self.seed}:{epoch}:{indices[0]}")

        lengths, size = [self.coder.length(row) for row in train], self.options.batch_size
        return shuffled_batches(lengths, size, make, seed=self.seed, epoch=epoch, rank=rank, world=world)

    def read_training_data(self) -> bool:
        self.data.read_train()
        return True

    def loss(self, batch: Any, carry: Any) -> Loss:
        return Loss(*self.coder.loss(self.model, batch.to(device_of(self.model))))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """How much comes back; see the `figures` of `TextCoder` and `VectorCoder`."""
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        rows = selection.examples
        figures = self.coder.figures(rows, self.restored(rows))
        if self.options.label is not None:
            figures = together(figures, self._neighbours(rows))
        return selection.measured(len(rows), "examples", figures)

    def _neighbours(self, rows: Sequence[Spoken]) -> Figures:
        """How many rows have the label of the training row whose vector points most nearly where theirs
        does.
        """
        self.data.read_train()
        train: Sequence[Spoken] = self.data.train
        table = F.normalize(self.vectors(train), dim=-1)
        nearest = (F.normalize(self.vectors(rows), dim=-1) @ table.T).argmax(-1).tolist()
        hits = [train[k].label == row.label for k, row in zip(nearest, rows, strict=True)]
        return ratios({f"neighbour_{self.options.label}": (hits, None)})

    def row(self, item: Any) -> Any:
        """Of a text, or a row of vectors."""
        return self.coder.row(item)

    def answers(self, rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
        """For each row: itself as `item`, and `restored` from its vector."""
        for row, restored in zip(rows, self.restored(rows), strict=True):
            yield {"item": self.coder.json(row), "restored": restored}

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        return [Example(row, row) for row in self.data.evaluation(data)]

    def mistake(self, answer: Mapping[str, Any], truth: Any) -> float:
        """How far what came back is from what was read."""
        return self.coder.distance(truth, answer["restored"])

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """What was read, and what came back."""
        rows = [each.row for each in examples]
        return self.coder.drawing(rows, self.restored(rows), dark)

    def encodings(self, rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
        """For each row: itself as `item`, and its `vector`."""
        if rows:
            for row, vector in zip(rows, self.vectors(rows).tolist(), strict=True):
                yield {"item": self.coder.json(row), "vector": vector}

    def nearest(self, items: Iterable[Any], among: Iterable[Any], count: int = 5) -> Iterator[dict[str, Any]]:
        """For each item the `count` items of `among` whose vectors point most nearly where its own does:
        `item`, and `nearest`, a list of `item` and `similarity` (the cosine).
        """
        others = [row for rows in self._rows(among) for row in rows]
        if not others:
            raise Fault("nothing to look among: give at least one item")
        table = F.normalize(self.vectors(others), dim=-1)
        for rows in self._rows(items):
            likeness = F.normalize(self.vectors(rows), dim=-1) @ table.T
            values, indices = likeness.topk(min(count, len(others)), -1)
            for row, cosines, matches in zip(rows, values.tolist(), indices.tolist(), strict=True):
                nearest = [
                    {"item": self.coder.json(others[k]), "similarity": cosine}
                    for cosine, k in zip(cosines, matches, strict=True)
                ]
                yield {"item": self.coder.json(row), "nearest": nearest}

    def vectors(self, rows: Sequence[Any]) -> Tensor:
        """`[B, V]` on the CPU."""
        with evaluating(self.model):
            return torch.stack(self._answers(rows, lambda some: self.coder.vectors(self.model, some).cpu()))

    def restored(self, rows: Sequence[Any]) -> list[Any]:
        """Each row as it comes back from its vector."""
        with evaluating(self.model):
            return self._answers(rows, self._restored)

    def _restored(self, rows: Sequence[Any]) -> list[Any]:
        lengths = [self.coder.length(row) for row in rows]
        return self.coder.restore(self.model, self.coder.vectors(self.model, rows), lengths)

    def _answers(self, rows: Sequence[Any], answer: Callable[[list[Any]], Iterable[T]]) -> list[T]:
        return answer_in_batches(
            rows, [self.coder.length(row) for row in rows], self.options.batch_size, answer
        )

    def _rows(self, items: Iterable[Any]) -> Iterator[list[Any]]:
        for chunk in chunks(enumerate(items, 1), self.options.batch_size):
            yield [self._row(number, item) for number, item in chunk]


def _coder(data: AutoencodeDataOptions) -> type[Coder]:
    if data.audio is not None:
        return SoundCoder
    return VectorCoder if data.text is None else TextCoder
