"""Where an answer starts and ends in a passage."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout as drop

from recurra.layers.base import Layer
from recurra.layers.inputs import Input
from recurra.layers.pooling import Pool
from recurra.models.questions.aligned_attention import AlignedAttention
from recurra.models.questions.inquiry import Inquiry, Reply, owners, padded_scores
from recurra.registry import MODULES, Configured


@MODULES.register("span_reader")
class SpanReader(Configured):
    """The reader of Chen et al. (2017): a question becomes one vector, a passage's words one each, and
    bilinear scores of both tell where the answer starts and ends.

    A word of the passage is read as its vector, what it has in common with the question (`match`), and the
    question's words as `align` weighs them for it: attention before the layers over time. The question's
    vector is pooled from its words; with AttentionPool by weights of their own.

    Without attention (`align` and `bilinear` left out) the question's vector stands beside each word of the
    passage instead, and scores are linear.

    Args:
        input: reads the words of both. passage, question: layers over time. pool: the question to a vector.
        match: how many numbers of `match` there are.
        align: the attention before the loops; None: none.
        bilinear: whether the question's vector is compared with each word of the passage.
        dropout: share dropped of words' vectors and before the scores, in training.
    """

    def __init__(
        self,
        input: Input,
        passage: Layer,
        question: Layer,
        pool: Pool,
        match: int = 0,
        align: AlignedAttention | None = None,
        bilinear: bool = True,
        dropout: float = 0.0,
    ) -> None:
        self.input, self.passage, self.question, self.pool = input, passage, question, pool
        self.match, self.align, self.bilinear, self.dropout = match, align, bilinear, dropout
        if bilinear:
            self.places = nn.Linear(pool.output_size, 2 * passage.output_size, bias=False)
        else:
            self.places = nn.Linear(passage.output_size, 2)

    @staticmethod
    def width(words: int, question: int, match: int, align: bool, bilinear: bool) -> int:
        """Numbers that the passage's layers read of a word."""
        return words + match + (words if align else 0) + (0 if bilinear else question)

    def forward(self, x: Inquiry) -> Reply:
        """Scores `[B, 2, M]`; `looks`: the probability that each word is a part of the answer's ends."""
        passage, question = (self.input(words).map(self._drop) for words in (x.evidence, x.question))
        parts = [passage.data]
        if self.match:
            assert x.match is not None
            parts.append(x.match.data.to(passage.data.dtype))
        if self.align is not None:
            parts.append(self.align.over_rows(passage, self.align.remember(question))[0].data)
        vector = self.pool(self.question(question)[0])
        if not self.bilinear:
            parts.append(vector[owners(passage)])
        steps, _ = self.passage(passage.with_data(torch.cat(parts, -1)))
        steps = steps.map(self._drop)
        if self.bilinear:
            query = self.places(self._drop(vector))[owners(steps)].unflatten(-1, (2, -1))
            scores = (query * steps.data.unsqueeze(1)).sum(-1)
        else:
            scores = self.places(steps.data)
        both = torch.stack([padded_scores(steps, scores[:, k]) for k in (0, 1)], 1)
        return Reply(both, None if self.training else end_shares(both, steps.lengths))

    def _drop(self, x: Tensor) -> Tensor:
        return drop(x, self.dropout, self.training)


def end_shares(scores: Tensor, lengths: Tensor) -> list[Tensor]:
    """`[B, 2, M]` -> for each row `[T]`, the mean of both probabilities."""
    shares = scores.softmax(-1).mean(1)
    return [row[:length] for row, length in zip(shares, lengths.tolist(), strict=True)]
