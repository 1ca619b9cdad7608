"""Pairs with a label each, as a recipe describes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from recurra.data import Examples
from recurra.tasks.pairs.model import PairModelOptions
from recurra.tasks.pairs.readers import SideReader, TextSides, TreeSides
from recurra.tasks.parts.sources import SourceOptions
from recurra.tasks.readers.trees import TreeOptions, TreeReader
from recurra.tasks.readers.words import WordReader


class PairDataOptions(SourceOptions, TreeOptions):
    """Pairs with a label each.

    Attributes:
        pair: the two columns, of trees or of texts.
        label: the column of labels.
        by: a column; `evaluate` tells the accuracy for each of its values, too.
        batch_size: pairs a batch.
    """

    pair: tuple[str, str]
    label: str = "label"
    by: str | None = None
    batch_size: int = Field(default=64, ge=1)


class Pairs(NamedTuple):
    """Both sides of each pair, its label's number, and its value of the column `by` (or none)."""

    first: list[Any]
    second: list[Any]
    answers: list[int]
    groups: list[str]


def build_reader(examples: Examples, data: PairDataOptions, model: PairModelOptions) -> SideReader:
    """A reader that knows the training data."""
    if model.kind == "tree":
        return TreeSides.build(examples, data.pair, data, model)
    return TextSides.build(examples, data.pair, data.tokenizer, model)


def load_reader(folder: Path, data: PairDataOptions, model: PairModelOptions) -> SideReader:
    """The reader that `save_assets` wrote."""
    if model.kind == "tree":
        return TreeSides(TreeReader.load(folder, data, model))
    return TextSides(WordReader.load(folder, "text", data.tokenizer, model), data.tokenizer)
