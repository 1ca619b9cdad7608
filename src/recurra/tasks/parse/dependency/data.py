"""Sentences with their dependency trees, as a recipe describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from recurra.data import Examples, LabelSet, columns
from recurra.data.examples import Place
from recurra.decode.trees.heads import fault_of, projective
from recurra.errors import Fault, nearest, quoted
from recurra.storage.fields import is_whole
from recurra.tasks.parse.dependency.scores import universal
from recurra.tasks.parse.sentences import SentenceOptions
from recurra.tasks.parts.rows import RowOptions, usable
from recurra.tasks.readers.words import WordRowOptions


class DependencyDataOptions(RowOptions, WordRowOptions):
    """Sentences with their dependency trees; the columns are named as those of CoNLL-U.

    Attributes:
        kind: of tree.
        tokens, heads, labels: the columns. Heads are counted from 1, 0 is the root.
        tags: columns of tags that the parser learns to predict, and reads.
    """

    kind: Literal["dependency"] = "dependency"
    tokens: str = "form"
    heads: str = "head"
    labels: str = "deprel"
    tags: list[str] = Field(default_factory=lambda: ["upos"])
    tokenizer: SentenceOptions = SentenceOptions()
    max_length: int = Field(default=1000, ge=1)


class Treebank(NamedTuple):
    """Sentences, and of each word its head, its label and its tags by column."""

    words: list[list[str]]
    heads: list[list[int]]
    labels: list[list[str]]
    tags: dict[str, list[list[str]]]


def read_trees(
    examples: Examples, options: DependencyDataOptions, labels: LabelSet
) -> tuple[Treebank, list[str]]:
    """The sentences of examples, and notes on those left out and on trees with crossing arcs.

    Raises:
        Fault: heads that are no tree with one root, or a label whose universal part training had none of;
            with file and line.
    """
    words = columns.tokens(examples, options.tokens)
    names = columns.tags(examples, options.labels, options.tokens)
    tags = {name: columns.tags(examples, name, options.tokens) for name in options.tags}
    heads = [
        _heads(entry, place, options.heads, len(row))
        for entry, place, row in zip(examples[options.heads], examples.places, words, strict=True)
    ]
    _require_labels(names, examples.places, labels)
    indices, notes = usable(examples, [len(row) for row in words], options)
    crossing = sum(not projective(np.array(heads[i])) for i in indices)
    if crossing:
        notes.append(
            f"{examples.source}: {crossing:,} of {len(indices):,} trees have crossing arcs (they are not "
            f"projective): eisner and arc_hybrid can't build them"
        )
    bank = Treebank(
        [words[i] for i in indices],
        [heads[i] for i in indices],
        [names[i] for i in indices],
        {name: [rows[i] for i in indices] for name, rows in tags.items()},
    )
    return bank, notes


def _heads(entry: Any, place: Place, column: str, count: int) -> list[int]:
    """The heads of one sentence, checked."""
    if not isinstance(entry, Sequence) or isinstance(entry, str) or len(entry) != count:
        raise Fault(
            f"{place}: column {column!r}: {quoted(entry)} found, expected a list of {count} heads, one a word"
        )
    for k, head in enumerate(entry):
        if not is_whole(head) or not -1 <= head <= count:
            raise Fault(
                f"{place.item(k)}: head {quoted(head)} found, expected a word number from 0 (the root) to "
                f"{count}"
            )
        if head == k + 1:
            raise Fault(f"{place.item(k)}: word {head} is its own head: expected another word, or 0")
    wrong = fault_of(np.array(entry, np.int64))
    if wrong is not None:
        raise Fault(f"{place.item(wrong[0])}: {wrong[1]}")
    return list(entry)


def _require_labels(names: Sequence[Sequence[str]], places: Sequence[Place], labels: LabelSet) -> None:
    """Fault for a label that can never be predicted; one of which only the subtype is new is no fault."""
    universals = {universal(name) for name in labels.names}
    for row, place in zip(names, places, strict=True):
        for k, name in enumerate(row):
            if universal(name) not in universals:
                raise Fault(
                    f"{place.item(k)}: label {quoted(name)} was not seen in training"
                    f"{nearest(name, labels.names)}"
                )
