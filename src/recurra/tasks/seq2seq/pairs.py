"""Examples that are pairs of texts: a source, and the target that it should become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from recurra.data import Examples, Place, Tokenizer, check_lengths, columns, load_tokenizer, train_tokenizer
from recurra.errors import Fault
from recurra.tasks.parts.rows import RowOptions, usable
from recurra.tasks.parts.tokens import TokenizerOptions
from recurra.tasks.seq2seq.batches import TokenPair

SOURCE_TOKENIZER, TARGET_TOKENIZER = "source_tokenizer.json", "target_tokenizer.json"


class TwoTextOptions(RowOptions):
    """Pairs of texts.

    Attributes:
        source: the column of texts to read. target: the column of texts to write.
    """

    source: str = "source"
    target: str = "target"


class PairOptions(TwoTextOptions):
    """Pairs, and how their texts are cut.

    Attributes:
        unit: what both texts are cut into. tokenizer: see there.
        target_language: whose rules Moses goes by in the target, where not by data.tokenizer.language.
        shared: one vocabulary, and one table of vectors, for both texts.
        max_length: tokens of a text; a longer one is an error.
    """

    unit: Literal["word", "character", "subword"] = "subword"
    tokenizer: TokenizerOptions = TokenizerOptions()
    target_language: str | None = None
    shared: bool = False
    max_length: int = Field(default=1000, ge=1)


class Pairs(NamedTuple):
    """Texts that belong together, and where they stand."""

    sources: list[str]
    targets: list[str]
    places: list[Place]


class PairReader:
    """Texts <-> ids; the end token closes a source, and opens and closes a target."""

    def __init__(self, source: Tokenizer, target: Tokenizer) -> None:
        self.source, self.target = source, target

    @classmethod
    def build(cls, data: PairOptions, train: Pairs) -> PairReader:
        """Tokenizers of the training part."""
        options = data.tokenizer.arguments()
        if data.shared:
            both = train_ended(data.unit, [*train.sources, *train.targets], options)
            return cls(both, both)
        own = {} if data.target_language is None else {"language": data.target_language}
        return cls(
            train_ended(data.unit, train.sources, options),
            train_ended(data.unit, train.targets, {**options, **own}),
        )

    @classmethod
    def load(cls, data: PairOptions, folder: Path) -> PairReader:
        """What `save` wrote."""
        target = load_tokenizer(folder / TARGET_TOKENIZER)
        return cls(target if data.shared else load_tokenizer(folder / SOURCE_TOKENIZER), target)

    def save(self, folder: Path) -> None:
        """Writes the tokenizers, one file where both are the same."""
        self.target.save(folder / TARGET_TOKENIZER)
        if self.source is not self.target:
            self.source.save(folder / SOURCE_TOKENIZER)

    @property
    def end(self) -> int:
        """The target's end token."""
        assert self.target.end is not None
        return self.target.end

    def source_ids(self, text: str) -> Tensor:
        """Ids `[M]`, the end token last."""
        return torch.tensor([*self.source.encode(text), self.source.end])

    def target_ids(self, text: str) -> Tensor:
        """Ids `[T]` without an end token."""
        return torch.tensor(self.target.encode(text), dtype=torch.int64)

    def ids(self, pairs: Pairs, longest: int) -> list[TokenPair]:
        """`source_ids` and `target_ids` of each pair; one of more than `longest` tokens is a Fault."""
        rows = [(self.source_ids(a), self.target_ids(b)) for a, b, _ in zip(*pairs, strict=True)]
        check_lengths([max(map(len, pair)) for pair in rows], pairs.places, longest=longest)
        return rows


def train_ended(kind: str, texts: Sequence[str], options: Mapping[str, Any]) -> Tokenizer:
    """A tokenizer of these texts with an end token and no other mark; `options` are data.tokenizer."""
    for name in ("end", "begin"):
        if name in options:
            raise Fault(f"data.tokenizer.{name}: the end token is set by the task: remove it")
    return train_tokenizer(kind, texts, **options)


def pairs_of(examples: Examples, options: TwoTextOptions) -> tuple[Pairs, list[str]]:
    """The pairs of examples, and notes on those left out."""
    sources, targets = columns.text(examples, options.source), columns.text(examples, options.target)
    full = [int(bool(a.strip()) and bool(b.strip())) for a, b in zip(sources, targets, strict=True)]
    indices, notes = usable(examples, full, options)
    places = [examples.places[i] for i in indices]
    return Pairs([sources[i] for i in indices], [targets[i] for i in indices], places), notes


def text_of(item: Any, key: str) -> str:
    """The text of one thing to predict."""
    text = item.get(key) if isinstance(item, Mapping) else item
    if not isinstance(text, str):
        raise Fault(f"{item!r} found, expected a text, or a table with the key {key!r}")
    return text
