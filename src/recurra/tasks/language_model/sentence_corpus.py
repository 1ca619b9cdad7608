"""Sentences by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from recurra.data import Batches, Examples, Window, check_lengths, columns
from recurra.ragged import Ragged
from recurra.tasks.language_model.corpus import Corpus
from recurra.tasks.language_model.text import RunningText
from recurra.tasks.parts.batches import Epoch
from recurra.tasks.parts.sizes import lengths_line
from recurra.tasks.parts.sources import read_parts

Pair = tuple[Tensor, Tensor]
"""What is read of a sentence and what is predicted, `[T + 1]` each."""


class SentenceCorpus(Corpus):
    """Sentences, each from its start to its end."""

    _pairs: list[Pair] | None = None

    def batches(self, text: RunningText, epoch: int, rank: int, world: int) -> Epoch:
        size = self.options.batch_size
        if self._pairs is None:
            self._pairs = [text.sentence(one) for one in self.train]
        pairs = self._pairs
        batches = Batches(_steps(pairs), batch_size=size, seed=self.seed, rank=rank, world=world)
        return Epoch(
            batches.count(epoch),
            lambda position: as_window([pairs[i] for i in batches.item(epoch, position)]),
        )

    def windows(self, text: RunningText, texts: Sequence[str]) -> Iterator[Window]:
        pairs = [text.sentence(one) for one in texts]
        order = Batches(_steps(pairs), batch_size=self.options.batch_size, shuffle=False)
        return (as_window([pairs[i] for i in order.item(0, n)]) for n in range(order.count(0)))

    def sentences(self, texts: Sequence[str]) -> list[str]:
        return list(texts)

    def check(self, text: RunningText) -> list[str]:
        train, held = ([text.sentence(one) for one in texts] for texts in self._read())
        count = len(self.batches(text, 0, 0, 1))
        return [
            lengths_line("train", _steps(train), f"{self.options.tokens} tokens, ends included"),
            lengths_line("validation", _steps(held), f"{self.options.tokens} tokens, ends included"),
            f"epoch: {count:,} batches of up to {self.options.batch_size} sentences",
            *self.notes,
        ]

    def _texts(self, examples: Examples) -> list[str]:
        texts = columns.text(examples, self.options.column)
        counted = [len(text) if self.options.tokens == "character" else len(text.split()) for text in texts]
        kept, notes = check_lengths(counted, examples.places, empty="drop")
        self.notes += map(str, notes)
        return [texts[i] for i in kept]

    def _split(self) -> tuple[list[str], list[str]]:
        parts = read_parts(self.options, self.seed)
        return self._texts(parts.train), self._texts(parts.validation)


def as_window(pairs: Sequence[Pair]) -> Window:
    """Sentences, each as what is read and what is predicted, as one window."""
    inputs, targets = zip(*pairs, strict=True)
    return Window(Ragged.from_list(inputs), Ragged.from_list(targets), True)


def _steps(pairs: Sequence[Pair]) -> list[int]:
    return [len(targets) for _, targets in pairs]
