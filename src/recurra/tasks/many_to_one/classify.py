"""Classification: one label for each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.data import Examples, LabelSet
from recurra.models import Bag, ManyToOne
from recurra.tasks.base import TASKS, Example, Score, Task
from recurra.tasks.many_to_one.data import ManyToOneDataOptions, build_reader, load_reader
from recurra.tasks.many_to_one.model import ClassifyModelOptions, build_model
from recurra.tasks.many_to_one.plot import MOST_LINES, Course
from recurra.tasks.many_to_one.task import ManyToOneTask
from recurra.tasks.pairs.task import PairClassifyTask
from recurra.tasks.parts.contexts import seeded
from recurra.tasks.parts.counts import require_count
from recurra.tasks.parts.label_bars import verdict
from recurra.tasks.parts.label_weights import LabelWeights, weights_of
from recurra.tasks.parts.measurement import Choices, Measurement
from recurra.tasks.parts.metrics import label_confusion, label_figures, label_table
from recurra.tasks.parts.sources import read_parts
from recurra.tasks.parts.thresholds import Threshold, read_threshold
from recurra.tasks.readers.base import RowReader
from recurra.tasks.tree_labels.task import TreeClassifyTask

LABELS = "labels.json"


class ClassifyDataOptions(ManyToOneDataOptions):
    """Rows with a label each.

    Attributes:
        label: the column of labels.
    """

    label: str = "label"


@TASKS.register("classify")
class ClassifyTask(ManyToOneTask[ManyToOne | Bag, list[int]]):
    """Gives each row one of the labels of the training data."""

    name = "classify"
    item_name = "rows"
    DataOptions = ClassifyDataOptions
    ModelOptions = ClassifyModelOptions
    score = Score("accuracy", larger_is_better=True)
    kinds: ClassVar[Mapping[str, type[Task[Any]]]] = {"tree": TreeClassifyTask, "pair": PairClassifyTask}
    axis = ("probability", True)
    options: ClassifyDataOptions

    def __init__(
        self,
        data: ClassifyDataOptions,
        reader: RowReader,
        labels: LabelSet,
        model: ManyToOne | Bag,
        seed: int = 0,
        label_weights: LabelWeights | None = None,
    ) -> None:
        super().__init__(data, reader, model, seed)
        self.labels = labels
        counts = dict(zip(labels.names, labels.counts, strict=True))
        self.weights = weights_of(label_weights, counts, {name: [name] for name in counts})
        self.threshold: Threshold | None = None

    @classmethod
    def kind_of(cls, table: Mapping[str, Any]) -> type[Task[Any]]:
        """Of a column of trees every node is classified; of two columns, what stands in them together."""
        data = table.get("data")
        return next(
            (kind for key, kind in cls.kinds.items() if isinstance(data, Mapping) and key in data), cls
        )

    @classmethod
    def prepare(cls, data: ClassifyDataOptions, model: ClassifyModelOptions, *, seed: int) -> Self:
        examples, validation = read_parts(data, seed)
        if data.distinct and data.tokens is not None:
            examples = examples.distinct(data.tokens, data.label)
        labels = LabelSet.from_column(examples, data.label)
        reader = build_reader(data, model, examples)
        with seeded(seed):
            task = cls(
                data, reader, labels, build_model(model, reader, len(labels)), seed, model.label_weights
            )
        train, notes = task.read(examples)
        task.data.fill(train, notes, validation)
        return task

    @classmethod
    def restore(
        cls,
        data: ClassifyDataOptions,
        model: ClassifyModelOptions,
        module: ManyToOne | Bag,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        reader, labels = load_reader(data, model, folder), LabelSet.load(folder / LABELS)
        reader.require_input(module.input, folder)
        require_count(len(labels), module.config["outputs"], "labels", folder / LABELS)
        return cls(data, reader, labels, module, seed, model.label_weights)

    def save_assets(self, folder: Path) -> None:
        super().save_assets(folder)
        self.labels.save(folder / LABELS)

    def check(self) -> list[str]:
        pairs = zip(self.labels.names, self.labels.counts, strict=True)
        counts = ", ".join(f"{name} {count:,}" for name, count in pairs)
        return [f"labels: {len(self.labels)}: {counts}", *super().check(), *map(str, self.labels.notes)]

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`accuracy`, `macro_f1` (the mean over labels), and `nats`, the mean of -ln P(label)."""
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        rows, answers = selection.examples
        outputs, names = self.answer(rows), self.labels.names
        return selection.measured(
            len(rows),
            "examples",
            label_figures(outputs, answers, self.threshold),
            confusions=lambda: {"examples": label_confusion(names, outputs, answers, self.threshold)},
            choices=Choices(names, outputs.softmax(-1), torch.tensor(answers)),
        )

    def set_threshold(self, text: str) -> None:
        self.threshold = read_threshold(text, self.labels.names)

    def targets(self, answers: list[int], indices: Sequence[int]) -> Tensor:
        return torch.tensor([answers[i] for i in indices], dtype=torch.int64)

    def cost(self, outputs: Tensor, targets: Tensor) -> Tensor:
        weights = None if self.weights is None else self.weights.to(outputs)
        return F.cross_entropy(outputs, targets, weights, reduction="sum")

    def _answers(self, examples: Examples) -> list[int]:
        return self.labels.encode_labels(examples, self.options.label)

    def mistake(self, answer: Mapping[str, Any], truth: str) -> float:
        """How sure a wrong label was."""
        return 0.0 if answer["label"] == truth else float(answer["probability"])

    def _truths(self, answers: list[int]) -> list[str]:
        return self.labels.decode(answers)

    def _course(self, example: Example, movement: Sequence[dict[str, Any]]) -> Course:
        last = movement[-1]
        best = sorted(last["probabilities"], key=lambda name: -last["probabilities"][name])[:MOST_LINES]
        if example.truth is not None and example.truth not in best:
            best[-1] = example.truth
        lines = {name: [step["probabilities"][name] for step in movement] for name in best}
        return Course([step["step"] for step in movement], lines, verdict(last, example.truth))

    def _table(self, outputs: Tensor) -> dict[str, Any]:
        return label_table(self.labels.names, outputs, self.threshold)
