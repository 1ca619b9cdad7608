"""A language model reading text as it comes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.data.text.tokenizers import WordTokenizer
from recurra.errors import Fault
from recurra.models import LanguageModel
from recurra.streaming.runner import runner
from recurra.tasks.base import TextStream
from recurra.tasks.language_model.probabilities import likeliest
from recurra.tasks.language_model.text import RunningText
from recurra.tasks.parts.contexts import device_of, evaluating
from recurra.tasks.readers.word_stream import TextBuffer, words_end


class LanguageModelStream(TextStream):
    """For each token read: how surprising it was, and what is likeliest next.

    Characters are answered as they come. A word is complete with the blank after it, subwords with their
    line; `finish` completes the last ones.
    """

    def __init__(self, model: LanguageModel, text: RunningText, count: int = 3) -> None:
        if isinstance(text.tokenizer, WordTokenizer) and text.tokenizer.rule == "moses":
            raise Fault(
                "rule 'moses' looks at whole sentences to cut them, so text can't be streamed: predict"
            )
        self.model, self.text, self.count = model, text, count
        self._waiting = TextBuffer()
        with evaluating(model):
            self._run = runner(model, 1)
            first, self._state = self._run.feed(self._ids([text.boundary]), self._run.initial_state(1))
        self._logits = first[:, -1]

    def feed(self, piece: str) -> Iterator[dict[str, Any]]:
        yield from self._answers(self._tokens(self._waiting.feed(piece, self._ready(piece))))

    def finish(self) -> Iterator[dict[str, Any]]:
        yield from self._answers(self._tokens(self._waiting.finish()))

    def _ready(self, text: str) -> int:
        """How much of a piece no later one can change."""
        kind = self.text.tokenizer.kind
        if kind == "character":
            return len(text)
        if kind == "subword":
            return text.rfind("\n") + 1
        return words_end(text)

    def _tokens(self, text: str) -> list[int]:
        if self.text.by_character or not text:
            return self.text.tokenizer.encode(text) if text else []
        ids: list[int] = []
        for number, line in enumerate(text.split("\n")):
            ids += ([self.text.boundary] if number else []) + self.text.tokenizer.encode(line)
        return ids

    def _answers(self, tokens: Sequence[int]) -> Iterator[dict[str, Any]]:
        if not tokens:
            return
        with evaluating(self.model):
            logits, self._state = self._run.feed(self._ids(tokens), self._state)
        prev_logits = torch.cat([self._logits, logits[0, :-1]])
        self._logits = logits[:, -1]
        for index, shares, row in zip(tokens, prev_logits.float().log_softmax(-1), logits[0], strict=True):
            yield {
                "token": self.text.tokenizer.token(index),
                "surprisal_bits": -float(shares[index]) / math.log(2),
                "next": likeliest(row, self.count, self.text),
            }

    def _ids(self, tokens: Sequence[int]) -> Tensor:
        return torch.tensor([list(tokens)], dtype=torch.int64, device=device_of(self.model))
