"""Answers from a recording."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.layers.attention import Attention
from recurra.layers.base import Layer
from recurra.layers.inputs import Vectors
from recurra.layers.pooling import Pool
from recurra.models.pair_classifier import RowEncoder
from recurra.models.questions.inquiry import Inquiry, Reply, owners
from recurra.models.questions.place_answerer import answer_layers
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


@MODULES.register("frame_answerer")
class FrameAnswerer(Configured):
    """Frames of sound through `front`, then beside the question's vector through `body`: a question about
    order or number is answered while reading. What it gives is pooled, and looked over by the question; both,
    with the question, to the answer through one hidden layer.

    Args:
        input: frames of features. front: layers over them; may give fewer steps.
        question: a row of words to a vector. body: layers over what `front` gives and the question's vector.
        pool: all steps to one vector. attention: of the question over the steps.
        outputs: answers there are. hidden: width of the last layer. dropout: share dropped before the
            answer's layers.
    """

    def __init__(
        self,
        input: Vectors,
        front: Layer,
        question: RowEncoder,
        body: Layer,
        pool: Pool,
        attention: Attention,
        outputs: int,
        hidden: int,
        dropout: float = 0.0,
    ) -> None:
        self.input, self.front, self.question, self.body = input, front, question, body
        self.pool, self.attention = pool, attention
        size = pool.output_size + body.output_size + question.output_size
        self.answer = answer_layers(size, hidden, outputs, dropout)

    def forward(self, x: Inquiry) -> Reply:
        """`looks`: the weight of each step of `front`."""
        q = self.question(x.question)[1]
        steps: Ragged = self.front(self.input(x.evidence))[0]
        steps, _ = self.body(steps.with_data(torch.cat([steps.data, q[owners(steps)]], -1)))
        mean, weights = self.attention(q.unsqueeze(1), self.attention.remember(steps))
        scores: Tensor = self.answer(torch.cat([self.pool(steps), mean.squeeze(1), q], -1))
        if self.training:
            return Reply(scores)
        return Reply(scores, step_looks(weights, steps))


def step_looks(weights: Tensor, steps: Ragged) -> list[Tensor]:
    """Of one look over steps, `[B, 1, M]`, each row's own weights."""
    return [row[0, :length] for row, length in zip(weights, steps.lengths.tolist(), strict=True)]
