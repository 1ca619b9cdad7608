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
from recurra.ragged import Ragged
from recurra.tasks.parts.batches import RowOptions, usable
from recurra.tasks.parts.sources import TestedOptions

SOURCE_TOKENIZER, TARGET_TOKENIZER = "source_tokenizer.json", "target_tokenizer.json"


class TwoTextOptions(RowOptions, TestedOptions):
    """Pairs of texts.

    Attributes:
        source, target: the columns.
    """

    source: str = "source"
    target: str = "target"


class PairOptions(TwoTextOptions):
    """Pairs, and how their texts are cut.

    Attributes:
        tokens: what both texts are cut into. tokenizer: further options of that tokenizer (`min_count`,
            `size`, ...).
        shared: one vocabulary, and one table of vectors, for both texts.
    """

    tokens: Literal["word", "character", "subword"] = "subword"
    tokenizer: dict[str, Any] = Field(default_factory=dict)
    shared: bool = False
    longest: int = Field(default=1000, ge=1)


class Pairs(NamedTuple):
    """Texts that belong together, and where they stand."""

    sources: list[str]
    targets: list[str]
    places: list[Place]


class PairBatch(NamedTuple):
    """Sources, and targets as ids, int64.

    Attributes:
        source: `[N, ...]`, ids of a text. read: `[K]`, what the decoder reads: the end token, then the
            target. answers: `[K]`, what it should say: the target, then the end token.
        epoch: which one this batch is of.
    """

    source: Ragged
    read: Ragged
    answers: Ragged
    epoch: int

    def to(self, device: torch.device) -> PairBatch:
        """On that device."""
        return PairBatch(self.source.to(device), self.read.to(device), self.answers.to(device), self.epoch)


class PairReader:
    """Texts <-> ids; the end token closes a source, and opens and closes a target."""

    def __init__(self, source: Tokenizer, target: Tokenizer) -> None:
        self.source, self.target = source, target

    @classmethod
    def build(cls, data: PairOptions, train: Pairs) -> PairReader:
        """Tokenizers of the training part."""
        options = data.tokenizer
        if data.shared:
            both = train_ended(data.tokens, [*train.sources, *train.targets], options)
            return cls(both, both)
        return cls(
            train_ended(data.tokens, train.sources, options),
            train_ended(data.tokens, train.targets, options),
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

    def ids(self, pairs: Pairs, longest: int) -> list[tuple[Tensor, Tensor]]:
        """`source_ids` and `target_ids` of each pair; one of more than `longest` tokens is a Fault."""
        found = [(self.source_ids(a), self.target_ids(b)) for a, b, _ in zip(*pairs, strict=True)]
        check_lengths([max(map(len, pair)) for pair in found], pairs.places, longest=longest)
        return found

    def batch(self, pairs: Sequence[tuple[Tensor, Tensor]], epoch: int = 0) -> PairBatch:
        """Pairs of `source_ids` and `target_ids`."""
        return pair_batch(pairs, self.end, epoch)


def train_ended(kind: str, texts: Sequence[str], options: Mapping[str, Any]) -> Tokenizer:
    """A tokenizer of these texts with an end token and no other mark; `options` are data.tokenizer."""
    for name in ("end", "begin"):
        if name in options:
            raise Fault(f"data.tokenizer.{name}: the end token is set by the task: remove it")
    return train_tokenizer(kind, texts, **options)


def pair_batch(pairs: Sequence[tuple[Tensor, Tensor]], end: int, epoch: int = 0) -> PairBatch:
    """Rows of what the source reads, and the ids `[T]` of their targets without an end token."""
    closing = torch.tensor([end])
    return PairBatch(
        Ragged.from_list([source for source, _ in pairs]),
        Ragged.from_list([torch.cat([closing, target]) for _, target in pairs]),
        Ragged.from_list([torch.cat([target, closing]) for _, target in pairs]),
        epoch,
    )


def pairs_of(examples: Examples, options: TwoTextOptions) -> tuple[Pairs, list[str]]:
    """The pairs of examples, and notes on those left out."""
    sources, targets = columns.text(examples, options.source), columns.text(examples, options.target)
    full = [int(bool(a.strip()) and bool(b.strip())) for a, b in zip(sources, targets, strict=True)]
    kept, notes = usable(examples, full, options)
    pairs = Pairs([sources[i] for i in kept], [targets[i] for i in kept], [examples.places[i] for i in kept])
    return pairs, notes


def text_of(item: Any, key: str) -> str:
    """The text of one thing to predict."""
    text = item.get(key) if isinstance(item, Mapping) else item
    if not isinstance(text, str):
        raise Fault(f"{item!r} found, expected a text, or a table with the key {key!r}")
    return text
