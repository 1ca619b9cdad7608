"""Sentences by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recurra.data import Examples, Window, check_lengths, columns
from recurra.models import LanguageModel
from recurra.tasks.language_model.corpus import Corpus
from recurra.tasks.language_model.costs import Pair, as_window, characters, text_figures, token_costs
from recurra.tasks.language_model.text import RunningText
from recurra.tasks.parts.batches import Epoch, answer_in_batches, ordered_batches, shuffled_batches
from recurra.tasks.parts.contexts import evaluating
from recurra.tasks.parts.measurement import Measurement, Selection
from recurra.tasks.parts.sizes import lengths_line
from recurra.tasks.parts.sources import read_parts


class SentenceCorpus(Corpus):
    """Sentences, each from its start to its end."""

    _pairs: list[Pair] | None = None

    def batches(self, text: RunningText, epoch: int, rank: int, world: int) -> Epoch:
        if self._pairs is None:
            self._pairs = [text.sentence(one) for one in self.train]
        pairs = self._pairs

        def make(indices: Sequence[int]) -> Window:
            return as_window([pairs[i] for i in indices])

        lengths, size = _steps(pairs), self.options.batch_size
        return shuffled_batches(lengths, size, make, seed=self.seed, epoch=epoch, rank=rank, world=world)

    def windows(self, text: RunningText, texts: Sequence[str]) -> Iterator[Window]:
        pairs = [text.sentence(one) for one in texts]
        batches = ordered_batches(_steps(pairs), self.options.batch_size)
        return (as_window([pairs[i] for i in indices]) for indices in batches)

    def measured(
        self, model: LanguageModel, text: RunningText, selection: Selection[list[str]]
    ) -> Measurement:
        pairs = [text.sentence(one) for one in selection.examples]

        def costs(some: Sequence[Pair]) -> list[float]:
            window = as_window(some)
            rows = window.targets.with_data(token_costs(model, window, None)[0].cpu()).to_list()
            return [float(row.sum()) for row in rows]

        with evaluating(model):
            nats = answer_in_batches(pairs, _steps(pairs), self.options.batch_size, costs)
        figures = text_figures(nats, _steps(pairs), [characters(one) for one in selection.examples])
        return selection.measured(len(pairs), "sentences", figures)

    def counts(self, text: RunningText) -> Tensor:
        return torch.cat([text.sentence(one)[1] for one in self.train]).bincount(
            minlength=len(text.tokenizer)
        )

    def sentences(self, texts: Sequence[str]) -> list[str]:
        return list(texts)

    def check(self, text: RunningText) -> list[str]:
        train, validation = ([text.sentence(one) for one in texts] for texts in self._read())
        count = len(self.batches(text, 0, 0, 1))
        return [
            lengths_line("train", _steps(train), f"{self.options.unit} tokens, ends included"),
            lengths_line("validation", _steps(validation), f"{self.options.unit} tokens, ends included"),
            f"epoch: {count:,} batches of up to {self.options.batch_size} sentences",
            *self.notes,
        ]

    def _texts(self, examples: Examples) -> list[str]:
        texts = columns.text(examples, self.options.column)
        lengths = [len(text) if self.options.unit == "character" else len(text.split()) for text in texts]
        indices, notes = check_lengths(lengths, examples.places, empty="skip")
        self.notes += map(str, notes)
        return [texts[i] for i in indices]

    def _split(self) -> tuple[list[str], list[str]]:
        parts = read_parts(self.options, self.seed)
        return self._texts(parts.train), self._texts(parts.validation)


def _steps(pairs: Sequence[Pair]) -> list[int]:
    return [len(targets) for _, targets in pairs]
