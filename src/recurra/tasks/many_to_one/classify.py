"""Classification: one label for each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.data import Examples, LabelSet
from recurra.tasks.base import TASKS, Score
from recurra.tasks.many_to_one.options import ManyToOneDataOptions, ManyToOneOptions
from recurra.tasks.many_to_one.task import ManyToOneTask, build_network, build_reader, load_reader
from recurra.tasks.parts.batches import RowReader
from recurra.tasks.parts.contexts import seeded
from recurra.tasks.parts.metrics import accuracy, macro_f1
from recurra.tasks.parts.sources import read_parts

LABELS = "labels.json"


class ClassifyDataOptions(ManyToOneDataOptions):
    """Rows with a label each.

    Attributes:
        label: the column.
    """

    label: str = "label"


@TASKS.register("classify")
class ClassifyTask(ManyToOneTask):
    """Gives each row one of the labels of the training data."""

    name = "classify"
    DataOptions = ClassifyDataOptions
    ModelOptions = ManyToOneOptions
    score = Score("accuracy", larger_is_better=True)

    def __init__(
        self, data: ClassifyDataOptions, reader: RowReader, labels: LabelSet, model: nn.Module, seed: int = 0
    ) -> None:
        super().__init__(data, reader, model, seed)
        self.labels = labels

    @classmethod
    def prepare(cls, data: ClassifyDataOptions, model: ManyToOneOptions, *, seed: int) -> Self:
        train, held_out = read_parts(data, seed)
        if data.distinct and data.tokens is not None:
            train = train.distinct(data.tokens, data.label)
        labels = LabelSet.from_column(train, data.label)
        reader = build_reader(data, model, train)
        with seeded(seed):
            task = cls(data, reader, labels, build_network(model, reader, len(labels)), seed)
        task._train = task._answered(train)
        task._held_out = task._answered(held_out)
        return task

    @classmethod
    def restore(
        cls, data: ClassifyDataOptions, model: ManyToOneOptions, module: nn.Module, folder: Path
    ) -> Self:
        return cls(data, load_reader(data, model, folder), LabelSet.load(folder / LABELS), module)

    def save_assets(self, folder: Path) -> None:
        super().save_assets(folder)
        self.labels.save(folder / LABELS)

    def check(self) -> list[str]:
        counts = zip(self.labels.names, self.labels.counts, strict=True)
        listed = ", ".join(f"{name} {count:,}" for name, count in counts)
        return [f"labels: {len(self.labels)}: {listed}", *super().check(), *map(str, self.labels.notes)]

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`accuracy`, `macro_f1` (the mean over labels), and `nats`, the mean of -ln P(label)."""
        held = self._evaluated(data)
        scores = self.answer(held.rows)
        targets = self.targets(held.answers, range(len(held.answers)))
        true, said = (self.labels.decode(ids.tolist()) for ids in (targets, scores.argmax(-1)))
        return {
            "accuracy": accuracy(true, said),
            "macro_f1": macro_f1(true, said),
            "nats": float(F.cross_entropy(scores, targets)),
        }

    def targets(self, answers: Any, indices: Sequence[int]) -> Tensor:
        return torch.tensor([answers[i] for i in indices], dtype=torch.int64)

    def cost(self, said: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(said, targets, reduction="sum")

    def _answers(self, examples: Examples) -> list[int]:
        return self.labels.encode_labels(examples, self.options.label)

    def _shown(self, answer: Tensor) -> dict[str, Any]:
        shares = answer.softmax(-1).tolist()
        best = max(range(len(shares)), key=shares.__getitem__)
        return {
            "label": self.labels.names[best],
            "probability": shares[best],
            "probabilities": dict(zip(self.labels.names, shares, strict=True)),
        }
