"""Classification of pairs: one label for two trees, or two texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.data import Examples, LabelSet, columns
from recurra.errors import Fault, quoted
from recurra.models import PairClassifier
from recurra.tasks.base import Example, Loss, Score, Task
from recurra.tasks.pairs.data import PairDataOptions, Pairs, build_reader, load_reader
from recurra.tasks.pairs.model import PairModelOptions, build_model
from recurra.tasks.pairs.readers import SideReader
from recurra.tasks.parts.batches import answer_in_batches, shuffled_batches
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.counts import require_count
from recurra.tasks.parts.label_bars import Labelled, draw_labels
from recurra.tasks.parts.measurement import Choices, Measurement, together
from recurra.tasks.parts.metrics import (
    chosen_labels,
    grouped_accuracy,
    label_confusion,
    label_figures,
    label_table,
)
from recurra.tasks.parts.sizes import parameters_line
from recurra.tasks.parts.sources import read_parts
from recurra.tasks.parts.splits import Splits
from recurra.tasks.parts.thresholds import Threshold, read_threshold

LABELS = "labels.json"


class PairClassifyTask(Task[PairClassifier]):
    """Gives each pair one of the labels of the training data: `classify` of two columns."""

    name = "classify"
    item_name = "pairs"
    DataOptions = PairDataOptions
    ModelOptions = PairModelOptions
    score = Score("accuracy", larger_is_better=True)

    def __init__(
        self,
        data: PairDataOptions,
        reader: SideReader,
        labels: LabelSet,
        model: PairClassifier,
        seed: int = 0,
    ) -> None:
        self.options, self.reader, self.labels = data, reader, labels
        self.model, self.seed = model, seed
        self.threshold: Threshold | None = None
        reader.fit(model.encoder)
        self.data: Splits[Pairs] = Splits(data, seed, self.read)

    @classmethod
    def prepare(cls, data: PairDataOptions, model: PairModelOptions, *, seed: int) -> Self:
        examples, validation = read_parts(data, seed)
        labels = LabelSet.from_column(examples, data.label)
        reader = build_reader(examples, data, model)
        with seeded(seed):
            task = cls(data, reader, labels, build_model(model, reader.input(), len(labels)), seed)
        train, notes = task.read(examples)
        task.data.fill(train, notes, validation)
        return task

    @classmethod
    def restore(
        cls,
        data: PairDataOptions,
        model: PairModelOptions,
        module: PairClassifier,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        reader, labels = load_reader(folder, data, model), LabelSet.load(folder / LABELS)
        reader.require_input(module.input, folder)
        require_count(len(labels), module.config["outputs"], "labels", folder / LABELS)
        return cls(data, reader, labels, module, seed)

    def save_assets(self, folder: Path) -> None:
        self.reader.save(folder)
        self.labels.save(folder / LABELS)

    def read(self, examples: Examples) -> tuple[Pairs, list[str]]:
        """The pairs of examples."""
        first, second = (self.reader.column(examples, name) for name in self.options.pair)
        by = self.options.by
        groups = [] if by is None else columns.labels(examples, by)
        return Pairs(first, second, self.labels.encode_labels(examples, self.options.label), groups), []

    def check(self) -> list[str]:
        pairs = zip(self.labels.names, self.labels.counts, strict=True)
        counts = ", ".join(f"{name} {count:,}" for name, count in pairs)
        train, validation = self.data.train, self.data.validation
        return [
            f"labels: {len(self.labels)}: {counts}",
            *self.reader.check([*train.first, *train.second], [*validation.first, *validation.second]),
            f"epoch: {len(self.batches(0)):,} batches of {self.options.batch_size} pairs",
            parameters_line(self.model),
            *map(str, self.labels.notes),
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[tuple[Any, Tensor]]:
        pairs, size = self.data.train, self.options.batch_size

        def make(indices: Sequence[int]) -> tuple[Any, Tensor]:
            batch = self.reader.batch([side[i] for side in (pairs.first, pairs.second) for i in indices])
            return batch, torch.tensor([pairs.answers[i] for i in indices])

        sizes = self._sizes(pairs.first, pairs.second)
        return shuffled_batches(sizes, size, make, seed=self.seed, epoch=epoch, rank=rank, world=world)

    def read_training_data(self) -> bool:
        self.data.read_train()
        return True

    def loss(self, batch: tuple[Any, Tensor], carry: Any) -> Loss:
        device = device_of(self.model)
        scores = self.model(batch[0].to(device))
        return Loss(F.cross_entropy(scores, batch[1].to(device), reduction="sum"), len(scores))

    def answer(self, first: Sequence[Any], second: Sequence[Any]) -> Tensor:
        """Scores `[pairs, labels]`, on the CPU."""
        pairs = list(zip(first, second, strict=True))
        sizes = self._sizes(first, second)
        return torch.stack(answer_in_batches(pairs, sizes, self.options.batch_size, self._outputs))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`accuracy`, `macro_f1` (the mean over labels), `nats`, the mean of -ln P(label), and for each value
        of the column `by` the accuracy, as `accuracy_by_VALUE`.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        pairs = selection.examples
        scores = self.answer(pairs.first, pairs.second)
        names = self.labels.names
        labels = label_figures(scores, pairs.answers, self.threshold)
        hits = (chosen_labels(scores, self.threshold) == torch.tensor(pairs.answers)).double()
        groups = grouped_accuracy(hits, pairs.groups, self.options.by)
        return selection.measured(
            len(pairs.answers),
            "pairs",
            together(labels, groups),
            confusions=lambda: {"pairs": label_confusion(names, scores, pairs.answers, self.threshold)},
            choices=Choices(names, scores.softmax(-1), torch.tensor(pairs.answers)),
        )

    def set_threshold(self, text: str) -> None:
        self.threshold = read_threshold(text, self.labels.names)

    def row(self, item: Any) -> tuple[Any, Any]:
        """Two texts with a tab between them, a list of two, or a table with both columns."""
        sides: Any = item
        if isinstance(item, Mapping):
            sides = [item.get(name) for name in self.options.pair]
        elif isinstance(item, str):
            sides = item.split("\t")
        if not isinstance(sides, list) or len(sides) != 2:
            raise Fault(
                f"{quoted(item)} found, expected two: texts with a tab between them, a list of two, or a "
                f"table with {' and '.join(map(repr, self.options.pair))}"
            )
        return self.reader.row(sides[0]), self.reader.row(sides[1])

    def answers(self, rows: Sequence[tuple[Any, Any]]) -> Iterator[dict[str, Any]]:
        if not rows:
            return
        first, second = zip(*rows, strict=True)
        for outputs in self.answer(first, second):
            yield label_table(self.labels.names, outputs, self.threshold)

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        pairs = self.data.evaluation(data)
        truths = self.labels.decode(pairs.answers)
        return [
            Example((one, other), truth)
            for one, other, truth in zip(pairs.first, pairs.second, truths, strict=True)
        ]

    def mistake(self, answer: Mapping[str, Any], truth: str) -> float:
        """How sure a wrong label was."""
        return 0.0 if answer["label"] == truth else float(answer["probability"])

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """How probable each label is."""
        answers = self.answers([each.row for each in examples])
        return draw_labels(
            [
                Labelled("  |  ".join(map(_words, each.row)), answer, each.truth)
                for each, answer in zip(examples, answers, strict=True)
            ],
            dark,
        )

    def _sizes(self, first: Sequence[Any], second: Sequence[Any]) -> list[int]:
        size = self.reader.size
        return [max(size(one), size(other)) for one, other in zip(first, second, strict=True)]

    def _outputs(self, pairs: Sequence[tuple[Any, Any]]) -> Tensor:
        batch = self.reader.batch([pair[side] for side in (0, 1) for pair in pairs])
        with evaluating(self.model):
            outputs: Tensor = self.model(batch.to(device_of(self.model)))
        return outputs.float().cpu()


def _words(side: Any) -> str:
    """The words of a side: of a tree its leaves."""
    return " ".join(getattr(side, "words", side))
