"""One long text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recurra.data import Examples, Streams, Window
from recurra.errors import Fault
from recurra.models import LanguageModel
from recurra.tasks.language_model.corpus import Corpus
from recurra.tasks.language_model.costs import characters, text_figures, total_cost
from recurra.tasks.language_model.text import RunningText, cut, joined, sentences_of
from recurra.tasks.parts.batches import Epoch
from recurra.tasks.parts.measurement import Measurement, Selection
from recurra.tasks.parts.sources import read_parts, read_source


class StreamCorpus(Corpus):
    """One long text, whose state is carried on from window to window."""

    _ids: Tensor | None = None

    def batches(self, text: RunningText, epoch: int, rank: int, world: int) -> Epoch:
        streams = self._streams(text, rank, world)
        return Epoch(streams.count(epoch), lambda position: streams.item(epoch, position))

    def windows(self, text: RunningText, texts: Sequence[str]) -> Iterator[Window]:
        ids = torch.cat([torch.tensor([text.boundary]), *map(text.stream, texts)])
        count = min(self.options.validation_streams, len(ids) - 1)
        streams = Streams(ids, batch_size=count, steps=self.options.window)
        return (streams.item(0, position) for position in range(streams.count(0)))

    def measured(
        self, model: LanguageModel, text: RunningText, selection: Selection[list[str]]
    ) -> Measurement:
        """Of one text as a whole: what follows in it is not independent of what went before."""
        texts = selection.examples
        nats, tokens = total_cost(model, self.windows(text, texts))
        figures = text_figures([nats], [tokens], [sum(map(characters, texts))])
        amount = f"one text of {tokens:,} {self.options.unit} tokens"
        return selection.measured(1, "texts", figures, amount=amount)

    def counts(self, text: RunningText) -> Tensor:
        return self._streams(text, 0, 1).ids.bincount(minlength=len(text.tokenizer))

    def sentences(self, texts: Sequence[str]) -> list[str]:
        return [one for text in texts for one in sentences_of(text)]

    def check(self, text: RunningText) -> list[str]:
        tokens = self.options.unit
        batch = self.options.batch_size * self.options.window
        count = len(self.batches(text, 0, 0, 1))
        return [
            f"train: one text of {len(self._streams(text, 0, 1).ids):,} {tokens} tokens",
            f"validation: one text of {len(text.stream(self.validation[0])):,} {tokens} tokens",
            f"epoch: {count:,} batches of {batch:,} steps "
            f"({self.options.batch_size} streams, {self.options.window} steps each)",
        ]

    def _streams(self, text: RunningText, rank: int, world: int) -> Streams:
        if self._ids is None:
            self._ids = text.stream(self.train[0])
        size, steps = self.options.batch_size, self.options.window
        return Streams(self._ids, batch_size=size, steps=steps, rank=rank, world=world)

    def _texts(self, examples: Examples) -> list[str]:
        return [joined(examples, self.options.column)]

    def _split(self) -> tuple[list[str], list[str]]:
        options = self.options
        if options.validation is not None:
            parts = read_parts(options, self.seed)
            return self._texts(parts.train), self._texts(parts.validation)
        if options.hold_out_from == "random":
            raise Fault("hold_out_from = 'random' tears a stream apart: expected 'last' or 'first'")
        text = self._texts(read_source(options.train))[0]
        train, validation = cut(text, options.hold_out, options.unit == "character", options.hold_out_from)
        return [train], [validation]
