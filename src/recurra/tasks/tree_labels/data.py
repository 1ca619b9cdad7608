"""Trees with a label at some nodes or all, as a recipe describes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Self

from pydantic import Field, model_validator

from recurra.data import Examples, LabelSet, columns
from recurra.data.examples import Place
from recurra.errors import Fault
from recurra.tasks.parts.sources import SourceOptions
from recurra.tasks.readers.trees import TreeOptions, TreeRow, tree_rows


class TreeDataOptions(SourceOptions, TreeOptions):
    """Trees whose nodes have labels.

    Attributes:
        tree: the column of trees.
        label: a column with the label of the whole tree; None: its root says it.
        batch_size: trees a batch.
    """

    tree: str
    label: str | None = None
    batch_size: int = Field(default=25, ge=1)

    @model_validator(mode="after")
    def _some_label(self) -> Self:
        if not self.node_labels and self.label is None:
            raise ValueError("node_labels = false leaves nodes without labels: expected label, a column")
        return self

    def labels_elsewhere(self) -> frozenset[str]:
        """Node labels of the data's files that the recipe gives other names."""
        sources = self.train if isinstance(self.train, list) else [self.train]
        names: set[str] = set()
        for source in sources:
            renamed = source.get("relabel", {}) if isinstance(source, Mapping) else {}
            names |= set(renamed.get(self.tree, {}))
        return frozenset(names)


class LabelledTrees(NamedTuple):
    """Trees, and the number of each node's label; -1 where it has none."""

    rows: list[TreeRow]
    answers: list[list[int]]


def labelled_rows(examples: Examples, options: TreeDataOptions) -> list[TreeRow]:
    """The trees of examples, their roots labelled by the column that names the label of the whole tree."""
    rows = tree_rows(examples, options.tree, options)
    if options.label is None:
        return rows
    labels = columns.labels(examples, options.label)
    return [replace(row, labels=[*row.labels[:-1], label]) for row, label in zip(rows, labels, strict=True)]


def label_set(rows: list[TreeRow], examples: Examples, options: TreeDataOptions) -> LabelSet:
    """The labels of the training trees' nodes."""
    try:
        return LabelSet.build(_labels(rows, examples.places))
    except Fault as fault:
        raise Fault(f"{examples.source}: column {options.tree!r}: {fault}") from None


def label_numbers(rows: list[TreeRow], examples: Examples, labels: LabelSet) -> list[list[int]]:
    """The number of each node's label; Fault, by place, for one that training did not have."""
    numbers: dict[str, int] = {"": -1, **{name: labels[name] for name in labels.names}}
    answers = []
    for row, place in zip(rows, examples.places, strict=True):
        unknown = next((label for label in row.labels if label not in numbers), None)
        if unknown is not None:
            try:
                labels[unknown]
            except Fault as fault:
                raise Fault(f"{place}: {fault}") from None
        answers.append([numbers[label] for label in row.labels])
    return answers


def _labels(rows: list[TreeRow], places: list[Place]) -> Iterator[tuple[str, Any]]:
    for row, place in zip(rows, places, strict=True):
        where = str(place)
        yield from ((label, where) for label in row.labels if label)
