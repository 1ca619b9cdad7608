"""What a model that answers questions reads, what it says, and sums over the sentences of each story."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.models.word_features import Words
from recurra.ragged import Ragged


class Inquiry(NamedTuple):
    """Questions, and what each is to be answered from.

    Attributes:
        question: the words of B questions, ragged rows.
        evidence: by the model: words of sentences, those of each question after those of the one before;
        words
            of passages, B rows; pictures `[B, 1, height, width, channels]`; frames of recordings, B ragged
            rows; None.
        counts: `[B]` int64 on the CPU: sentences of each question.
        match: ragged `[N, F]` in the layout of passages: what each word has to do with the question.
        linear: whether a memory is looked over without a softmax, as in a linear start.
    """

    question: Words
    evidence: Any = None
    counts: Tensor | None = None
    match: Ragged | None = None
    linear: bool = False

    def to(self, device: torch.device) -> Inquiry:
        """On that device."""
        return self._replace(
            question=self.question.to(device),
            evidence=None if self.evidence is None else self.evidence.to(device),
            match=None if self.match is None else self.match.to(device),
        )


class Reply(NamedTuple):
    """What is answered.

    Attributes:
        scores: of B answers, `[B, outputs]`; of where a span starts and ends, `[B, 2, M]`.
        looks: out of training, for each question how much it looked at each part of its evidence, `[M]`, or
            `[M, hops]`; None where a model does not say.
        cost: in training, what is to be learnt beside the answers, in nats, the sum over the questions; None:
            nothing.
    """

    scores: Tensor
    looks: list[Tensor] | None = None
    cost: Tensor | None = None


def owners(rows: Ragged) -> Tensor:
    """`[N]`: the caller's index of the row that each place belongs to."""
    return rows.row_of if rows.order is None else rows.order[rows.row_of]


def group_of(counts: Tensor, device: torch.device) -> Tensor:
    """`[S]`: which of the groups, of so many things each, every thing belongs to."""
    return torch.repeat_interleave(torch.arange(len(counts)), counts).to(device)


def group_sums(values: Tensor, group: Tensor, count: int) -> Tensor:
    """`[S, D]` -> `[count, D]`, zeros for a group of nothing."""
    return values.new_zeros(count, *values.shape[1:]).index_add(0, group, values)


def group_softmax(scores: Tensor, group: Tensor, count: int) -> Tensor:
    """`[S]` -> weights `[S]`, those of each group with sum 1."""
    largest = scores.new_zeros(count).scatter_reduce(0, group, scores.detach(), "amax", include_self=False)
    powers = torch.exp(scores - largest[group])
    return powers / group_sums(powers, group, count)[group]


def padded_scores(rows: Ragged, scores: Tensor) -> Tensor:
    """`[N]` in the places of rows -> `[B, M]` in the caller's order, the lowest number beyond a row's end."""
    padded, _ = rows.with_data(scores).to_padded(torch.finfo(scores.dtype).min)
    return padded
