"""Classification of trees: a label for every node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.data import Examples, LabelSet
from recurra.errors import Fault
from recurra.models import TreeClassifier, Trees
from recurra.tasks.base import Example, Loss, Score, Task
from recurra.tasks.parts.batches import answer_in_batches, shuffled_batches
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.counts import require_count
from recurra.tasks.parts.measurement import Measurement, ratios
from recurra.tasks.parts.metrics import label_confusion, label_figures
from recurra.tasks.parts.sizes import parameters_line
from recurra.tasks.parts.sources import read_parts
from recurra.tasks.parts.splits import Splits
from recurra.tasks.parts.tables import flat, some
from recurra.tasks.readers.trees import TreeReader, TreeRow
from recurra.tasks.tree_labels.answers import TREE_FORMATS, tree_table
from recurra.tasks.tree_labels.data import (
    LabelledTrees,
    TreeDataOptions,
    label_numbers,
    label_set,
    labelled_rows,
)
from recurra.tasks.tree_labels.model import TreeModelOptions, build_model
from recurra.tasks.tree_labels.plot import draw_trees

LABELS = "labels.json"
_NO_LABEL = -1


class TreeClassifyTask(Task[TreeClassifier]):
    """Gives every node of a tree one of the labels of the training data: `classify` of a column of trees.

    The loss is over every labelled node; what counts is the root.
    """

    name = "classify"
    item_name = "nodes"
    DataOptions = TreeDataOptions
    ModelOptions = TreeModelOptions
    formats = TREE_FORMATS
    score = Score("accuracy", larger_is_better=True)

    def __init__(
        self,
        data: TreeDataOptions,
        reader: TreeReader,
        labels: LabelSet,
        model: TreeClassifier,
        seed: int = 0,
    ) -> None:
        self.options, self.labels, self.model, self.seed = data, labels, model, seed
        self.reader = reader
        reader.labels = frozenset(labels.names) | data.labels_elsewhere() if data.node_labels else None
        reader.slots = model.encoder.cell.slots
        self.data: Splits[LabelledTrees] = Splits(data, seed, self.read)

    @classmethod
    def prepare(cls, data: TreeDataOptions, model: TreeModelOptions, *, seed: int) -> Self:
        examples, validation = read_parts(data, seed)
        rows = labelled_rows(examples, data)
        labels = label_set(rows, examples, data)
        reader = TreeReader.build(rows, examples.source, data, model)
        with seeded(seed):
            task = cls(data, reader, labels, build_model(model, reader.input(), len(labels)), seed)
        reader.check_rows(rows, examples, data.tree)
        task.data.fill(LabelledTrees(rows, label_numbers(rows, examples, labels)), [], validation)
        return task

    @classmethod
    def restore(
        cls,
        data: TreeDataOptions,
        model: TreeModelOptions,
        module: TreeClassifier,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        reader, labels = TreeReader.load(folder, data, model), LabelSet.load(folder / LABELS)
        reader.require_input(module.input, folder)
        require_count(len(labels), module.config["labels"], "labels", folder / LABELS)
        return cls(data, reader, labels, module, seed)

    def save_assets(self, folder: Path) -> None:
        self.reader.save(folder)
        self.labels.save(folder / LABELS)

    def read(self, examples: Examples) -> tuple[LabelledTrees, list[str]]:
        """The trees of examples and their nodes' labels."""
        rows = labelled_rows(examples, self.options)
        self.reader.check_rows(rows, examples, self.options.tree)
        return LabelledTrees(rows, label_numbers(rows, examples, self.labels)), []

    def check(self) -> list[str]:
        pairs = zip(self.labels.names, self.labels.counts, strict=True)
        counts = ", ".join(f"{name} {count:,}" for name, count in pairs)
        train, validation = self.data.train, self.data.validation
        labelled = sum(self.labels.counts) / max(1, sum(map(len, train.rows)))
        return [
            f"labels: {len(self.labels)}: {counts}; {labelled:.1%} of the nodes have one",
            *self.reader.check(train.rows, validation.rows),
            f"epoch: {len(self.batches(0)):,} batches of {self.options.batch_size} trees",
            parameters_line(self.model),
            *map(str, self.labels.notes),
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[tuple[Trees, Tensor]]:
        rows, answers = self.data.train
        size = self.options.batch_size

        def make(indices: Sequence[int]) -> tuple[Trees, Tensor]:
            trees = self.reader.batch([rows[i] for i in indices])
            return trees, trees.forest.sort(_joined([answers[i] for i in indices]))

        # trees of like heights together: a batch has as many levels as its highest tree
        heights = [row.height for row in rows]
        return shuffled_batches(heights, size, make, seed=self.seed, epoch=epoch, rank=rank, world=world)

    def read_training_data(self) -> bool:
        self.data.read_train()
        return True

    def loss(self, batch: tuple[Trees, Tensor], carry: Any) -> Loss:
        """Summed over the labelled nodes of all trees."""
        device = device_of(self.model)
        trees, answers = batch[0].to(device), batch[1].to(device)
        costs = F.cross_entropy(self.model(trees).data, answers, ignore_index=_NO_LABEL, reduction="sum")
        return Loss(costs, int((answers != _NO_LABEL).sum()))

    def answer(self, rows: Sequence[TreeRow]) -> list[Tensor]:
        """Scores `[nodes, labels]` of each tree, its nodes in their order, on the CPU."""
        heights = [row.height for row in rows]
        return answer_in_batches(rows, heights, self.options.batch_size, self._outputs)

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """Of the roots `accuracy`, `macro_f1` (the mean over labels) and `nats`, the mean of -ln P(label); of
        all labelled nodes `node_accuracy` and `node_nats`.

        Raises:
            Fault: no root has a label.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        rows, answers = selection.examples
        scores = self.answer(rows)
        roots = [k for k, labels in enumerate(answers) if labels[-1] != _NO_LABEL]
        if not roots:
            raise Fault(f"{self.options.tree!r}: none of {len(rows)} roots has a label: nothing to score")
        outputs, true = torch.stack([scores[k][-1] for k in roots]), [answers[k][-1] for k in roots]
        of_roots, names = label_figures(outputs, true), self.labels.names
        counts = torch.stack([_measures(*pair) for pair in zip(scores, answers, strict=True)])
        hits, nats, labelled = counts.unbind(1)
        nodes = ratios({"node_accuracy": (hits, labelled), "node_nats": (nats, labelled)})
        return selection.measured(
            len(rows),
            "trees",
            lambda weights: {**of_roots(weights[roots]), **nodes(weights)},
            confusions=lambda: {"roots": label_confusion(names, outputs, true)},
        )

    def row(self, item: Any) -> TreeRow:
        return self.reader.row(item)

    def answers(self, rows: Sequence[TreeRow]) -> Iterator[dict[str, Any]]:
        for row, scores in zip(rows, self.answer(rows), strict=True):
            yield tree_table(row, self.labels.names, scores.softmax(-1).tolist())

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The root's `label`, `probability` and all `probabilities`; the `tree` with the labels of nodes."""
        return [flat(some(answer, "label", "probability", "probabilities", "tree"))]

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        rows, answers = self.data.evaluation(data)
        names = {_NO_LABEL: "", **dict(enumerate(self.labels.names))}
        truths = [[names[number] for number in labels] for labels in answers]
        return [Example(*pair) for pair in zip(rows, truths, strict=True)]

    def mistake(self, answer: Mapping[str, Any], truth: Sequence[str]) -> float:
        """How sure a wrong label of the root was."""
        return 0.0 if truth[-1] in ("", answer["label"]) else float(answer["probability"])

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """Each tree, its nodes in the colours of their labels, a red edge around wrong ones."""
        rows = [each.row for each in examples]
        shares = [scores.softmax(-1).tolist() for scores in self.answer(rows)]
        return draw_trees(rows, self.labels.names, shares, [each.truth for each in examples], dark)

    def _outputs(self, rows: Sequence[TreeRow]) -> list[Tensor]:
        with evaluating(self.model):
            nodes = self.model(self.reader.batch(rows).to(device_of(self.model))).node_data().float().cpu()
        return list(nodes.split([len(row) for row in rows]))


def _joined(answers: Sequence[list[int]]) -> Tensor:
    return torch.tensor([number for labels in answers for number in labels], dtype=torch.int64)


def _measures(scores: Tensor, answers: Sequence[int]) -> Tensor:
    """Right answers, the sum of -ln P, and how many labelled nodes of a tree there are."""
    targets = torch.tensor(answers)
    labelled = targets != _NO_LABEL
    scores, targets = scores[labelled].double(), targets[labelled]
    hits = (scores.argmax(-1) == targets).sum().double()
    nats = F.cross_entropy(scores, targets, reduction="sum")
    return torch.stack([hits, nats, labelled.sum().double()])
