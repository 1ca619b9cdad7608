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
            words of passages, B rows; pictures `[P, 1, height, width, channels]`; frames of recordings, B
            ragged rows; None.
        counts: `[B]` int64 on the CPU: sentences of each question.
        which: `[S]` int64, the row of `evidence` that each of those sentences is, S the sum of counts, so
            that one that many stories have is read once; None: they are its rows in order.
        match: ragged `[N, F]` in the layout of passages: what each word has to do with the question.
        linear: whether a memory is looked over without a softmax, as in a linear start.
        picture: `[B]` int64, from 0: which of the pictures each question is about; None: a picture each, in
            order.
    """

    question: Words
    evidence: Any = None
    counts: Tensor | None = None
    match: Ragged | None = None
    linear: bool = False
    which: Tensor | None = None
    picture: Tensor | None = None

    def to(self, device: torch.device) -> Inquiry:
        """On that device."""
        return self._replace(
            question=self.question.to(device),
            evidence=None if self.evidence is None else self.evidence.to(device),
            match=None if self.match is None else self.match.to(device),
            which=None if self.which is None else self.which.to(device),
            picture=None if self.picture is None else self.picture.to(device),
        )

    def sentences(self, vectors: Tensor) -> Tensor:
        """`[rows of evidence, ...]` -> `[S, ...]`: of every sentence of every story in turn."""
        return vectors if self.which is None else vectors[self.which]

    def of_pictures(self, values: Tensor) -> Tensor:
        """What was computed for each picture once, `[P, ...]`, as that of each question, `[B, ...]`."""
        return values if self.picture is None else values.index_select(0, self.picture)


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


def group_softmax(scores: Tensor, group: Tensor, count: int, blanks: Tensor | None = None) -> Tensor:
    """`[S]` -> weights `[S]`, those of each group with sum 1; with `blanks`, `[count]`, so many things of
    score 0 are of each group besides, whose weights are left out.
    """
    start = scores.new_zeros(count)
    largest = start.scatter_reduce(0, group, scores.detach(), "amax", include_self=blanks is not None)
    powers = torch.exp(scores - largest[group])
    sums = group_sums(powers, group, count)
    if blanks is not None:
        sums = sums + blanks * torch.exp(-largest)
    return powers / sums[group]


def padded_scores(rows: Ragged, scores: Tensor) -> Tensor:
    """`[N]` in the places of rows -> `[B, M]` in the caller's order, the lowest number beyond a row's end."""
    padded, _ = rows.with_data(scores).to_padded(torch.finfo(scores.dtype).min)
    return padded
