"""A tagger reading text as it comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.models import Tagger
from recurra.streaming.runner import runner
from recurra.tasks.base import TextStream
from recurra.tasks.parts.contexts import device_of, evaluating
from recurra.tasks.readers.word_stream import WordStream
from recurra.tasks.readers.words import WordReader
from recurra.tasks.tag.tag_set import TagSet


class TagStream(TextStream):
    """For each word its tag, and how probable that is.

    A word is complete with the blank after it; a line end ends a sentence. A latency-controlled model
    answers a stated number of words later, and at the end of the sentence; where the data's tags are BIOES,
    one that is in a span is certain after the next word.

    Args:
        discounts: `[K]`, what is taken off the score of each tag.
    """

    def __init__(self, model: Tagger, reader: WordReader, tags: TagSet, discounts: Tensor) -> None:
        if model.crf is not None:
            raise Fault("a CRF weighs whole sentences, so it can't be streamed: train with head = 'softmax'")
        if model.delay is None:
            raise model.body.refusal()
        self.model, self.reader, self.tags, self.discounts = model, reader, tags, discounts
        self._words = WordStream()
        self._converter = tags.converter()
        self._words_due: deque[str] = deque()
        self._shares_due: deque[float] = deque()
        with evaluating(model):
            self._run = runner(model, 1)
        self._begin()

    def feed(self, piece: str) -> Iterator[dict[str, Any]]:
        *ended, open_row = self._words.feed(piece)
        for row in ended:
            yield from self._read(row)
            yield from self._end()
        yield from self._read(open_row)

    def finish(self) -> Iterator[dict[str, Any]]:
        yield from self._read(self._words.finish())
        yield from self._end()

    def _begin(self) -> None:
        self._state = self._run.initial_state(1)

    def _read(self, row: Sequence[str]) -> Iterator[dict[str, Any]]:
        if not row:
            return
        self._words_due.extend(row)
        with evaluating(self.model):
            words = self.reader.batch([row]).to(device_of(self.model))
            scores, self._state = self._run.feed(words.as_row(), self._state)
        yield from self._answers(scores)

    def _end(self) -> Iterator[dict[str, Any]]:
        with evaluating(self.model):
            scores = self._run.finish(self._state)
        if scores is not None:
            yield from self._answers(scores)
        if self._converter is not None:
            yield from map(self._answer, self._converter.finish())
        self._begin()

    def _answers(self, scores: Tensor) -> Iterator[dict[str, Any]]:
        for shares in torch.softmax(scores[0].float() - self.discounts.to(scores.device), -1):
            share, index = shares.max(-1)
            self._shares_due.append(float(share))
            tag = self.tags.names.names[int(index)]
            yield from map(self._answer, [tag] if self._converter is None else self._converter.feed(tag))

    def _answer(self, tag: str) -> dict[str, Any]:
        return {
            "token": self._words_due.popleft(),
            "tag": tag,
            "probability": self._shares_due.popleft(),
        }
