"""Answers from what is heard in a recording."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from recurra.layers.attention import Attention
from recurra.layers.base import Layer
from recurra.layers.pooling import Pool
from recurra.models.pair_classifier import RowEncoder
from recurra.models.questions.frame_answerer import step_looks
from recurra.models.questions.inquiry import Inquiry, Reply, owners
from recurra.models.questions.place_answerer import answer_layers
from recurra.models.transcriber import Transcriber
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


class Sounds(NamedTuple):
    """Recordings to answer from.

    Attributes:
        frames: of features, B ragged rows. words: the ids of what is said in each, to learn from, B ragged
            rows; None: nobody says.
    """

    frames: Ragged
    words: Ragged | None = None

    def to(self, device: torch.device) -> Sounds:
        """On that device."""
        return Sounds(self.frames.to(device), None if self.words is None else self.words.to(device))


@MODULES.register("transcript_answerer")
class TranscriptAnswerer(Configured):
    """How probable a transcriber finds each word at each step, `p`, is read with the question's vector q:
    `body` reads `[p; p * (M q); q]`. What it gives is pooled, and looked over by the question; both, with the
    question and how often each word is expected, `c * (N q)`, to the answer through one hidden layer. All of
    it is learnt at once: the answer's gradient reaches the transcriber, which learns to write what is said as
    well. The expectation counts where a word begins, `c = sum_t p_t (1 - p_(t-1))`.

    Args:
        transcriber: frames to words, with a blank. question: a row of words to a vector.
        body: layers over p and the question. pool: all steps to one vector.
        attention: of the question over the steps.
        outputs: answers there are. hidden: width of the last layer. dropout: share dropped before the
            answer's layers.
        weight: of the transcript in the cost, against the answer.
    """

    def __init__(
        self,
        transcriber: Transcriber,
        question: RowEncoder,
        body: Layer,
        pool: Pool,
        attention: Attention,
        outputs: int,
        hidden: int,
        dropout: float = 0.0,
        weight: float = 1.0,
    ) -> None:
        self.transcriber, self.question, self.body = transcriber, question, body
        self.pool, self.attention, self.weight = pool, attention, weight
        words = transcriber.symbols + 1
        self.match = nn.Linear(question.output_size, words)
        self.tally = nn.Linear(question.output_size, words)
        size = pool.output_size + body.output_size + question.output_size + words
        self.answer = answer_layers(size, hidden, outputs, dropout)

    def forward(self, x: Inquiry) -> Reply:
        """`evidence` is `Sounds`; `looks`: the weight of each step of the transcriber."""
        q = self.question(x.question)[1]
        frames, words = x.evidence
        heard: Ragged = self.transcriber(frames)[0]
        shares = self.transcriber.log_probabilities(heard).data.exp().to(q.dtype)
        queries = q[owners(heard)]
        steps, _ = self.body(heard.with_data(torch.cat([shares, shares * self.match(queries), queries], -1)))
        mean, weights = self.attention(q.unsqueeze(1), self.attention.remember(steps))
        counts = expected_counts(heard.with_data(shares)) * self.tally(q)
        scores: Tensor = self.answer(torch.cat([self.pool(steps), mean.squeeze(1), q, counts], -1))
        if self.training:
            return Reply(scores, cost=None if words is None else self.weight * self._cost(heard, words))
        return Reply(scores, step_looks(weights, steps))

    def _cost(self, heard: Ragged, words: Ragged) -> Tensor:
        return self.transcriber.loss(heard, words).sum()


def expected_counts(shares: Ragged) -> Tensor:
    """How probable each word is at each step, `[N, W]`, to how often it begins in each row, `[B, W]`, in the
    caller's order.
    """
    padded, _ = shares.to_padded()
    rest = 1 - torch.cat([torch.zeros_like(padded[:, :1]), padded[:, :-1]], 1)
    return (padded * rest).sum(1)
