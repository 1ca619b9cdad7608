"""End-to-end memory network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.errors import Fault, nearest
from recurra.layers.pooling import row_sums
from recurra.models.questions.inquiry import Inquiry, Reply, group_of, group_softmax, group_sums
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured

TYINGS = ("adjacent", "layer")


@MODULES.register("memory_network")
class MemoryNetwork(Configured):
    """Looks over the sentences of a story several times (Sukhbaatar et al., 2015).

    With `m_i` and `c_i` the vectors of sentence i by the tables of a hop, and u that of the question:
    `p = softmax(u . m)`, `o = sum_i p_i c_i`, `u' = u + o`; then again, and `W u` scores the answers.
    Sentences are rows of their own and none is padded: a softmax and sums go over the sentences of each
    story.

    A sentence's vector is the sum of its words', each weighed by its position
    (`l_kj = (1 - j/J) - (k/d) (1 - 2 j/J)` for number k of d and word j of J), without which it is a bag;
    and a vector of its age, 0 for the last one before the question, is added, without which no order of
    sentences is seen.

    The program of the authors does more than their paper says, and does not reach its figures without:
    `blanks`, `longest` and `answers`.

    Args:
        tokens: words there are. size: width of every vector, d. outputs: answers there are.
        hops: how often it looks.
        memory: sentences it can tell apart by age: the most that a story has.
        tying: "adjacent": what a hop answers with is what the next one compares with, and the question has
            the first one's table; "layer": all hops have the same tables, and `u' = H u + o`.
        position, time: whether words are weighed by position, sentences dated by age.
        gaps: in training, the share of sentences before which one is missing, so that ages differ (the paper
            puts empty sentences there).
        blanks: whether a story of fewer sentences than `memory` has blank ones besides, of score 0 and with
            nothing in them: a hop that finds nothing like u need not take up anything.
        longest: words of the longest sentence of all. With this J for every sentence
            `l_kj = 1 + 4 (k - (d+1)/2) (j - (J+1)/2) / (d J)`: twice the weights above, 1 on average.
        answers: the words that the answers are, `outputs` of them: each is scored by its vector in the last
            table; None: answers have vectors of their own.
    """

    def __init__(
        self,
        tokens: int,
        size: int,
        outputs: int,
        hops: int = 3,
        memory: int = 50,
        tying: str = "adjacent",
        position: bool = True,
        time: bool = True,
        gaps: float = 0.1,
        blanks: bool = False,
        longest: int | None = None,
        answers: Sequence[int] | None = None,
    ) -> None:
        if tying not in TYINGS:
            raise Fault(f"no tying is called {tying!r}{nearest(tying, TYINGS)}")
        self.memory, self.tying, self.position, self.time, self.gaps = memory, tying, position, time, gaps
        if answers is not None and len(answers) != outputs:
            raise Fault(f"{len(answers)} words are answers, expected {outputs}, one for each")
        self.hops, self.size, self.blanks, self.longest, self.answers = hops, size, blanks, longest, answers
        count = hops + 1 if tying == "adjacent" else 3
        self.tables = nn.ModuleList(nn.Embedding(tokens, size) for _ in range(count))
        dated = hops + 1 if tying == "adjacent" else 2
        self.ages = nn.ModuleList(nn.Embedding(memory, size) for _ in range(dated if time else 0))
        self.hop = nn.Linear(size, size, bias=False) if tying == "layer" else None
        self.answer = None if answers is not None else nn.Linear(size, outputs, bias=False)
        for weight in self.parameters():
            nn.init.normal_(weight, std=0.1)

    def forward(self, x: Inquiry) -> Reply:
        """See the class; `looks` are `[M, hops]`."""
        assert x.counts is not None
        count, adjacent = len(x.counts), self.tying == "adjacent"
        group = group_of(x.counts, x.evidence.ids.data.device)
        (u,) = self._vectors(x.question.ids, [0 if adjacent else 2])
        # tables of one tying are shared by all hops, so each is looked up once
        vectors = self._vectors(x.evidence.ids, list(range(self.hops + 1 if adjacent else 2)))
        vectors = self._dated([x.sentences(each) for each in vectors], x.counts)
        blanks = (self.memory - x.counts).clamp(min=0).to(u) if self.blanks else None
        weights = []
        for hop in range(self.hops):
            keys, values = vectors[hop : hop + 2] if adjacent else vectors
            scores = (keys * u[group]).sum(-1)
            weights.append(scores if x.linear else group_softmax(scores, group, count, blanks))
            o = group_sums(weights[-1].unsqueeze(1) * values, group, count)
            u = (u if self.hop is None else self.hop(u)) + o
        looks = None if self.training else list(torch.split(torch.stack(weights, 1), x.counts.tolist()))
        return Reply(self._scores(u), looks)

    def _scores(self, u: Tensor) -> Tensor:
        if self.answers is None:
            scores: Tensor = self.answer(u)  # type: ignore[misc]
            return scores
        return u @ self._table(-1 if self.tying == "adjacent" else 1)[list(self.answers)].T

    def _table(self, number: int) -> Tensor:
        weight: Tensor = self.tables[number].weight  # type: ignore[assignment]
        return weight

    def _vectors(self, ids: Ragged, tables: Sequence[int]) -> list[Tensor]:
        """For each of these tables `[rows, size]` in the caller's order."""
        # side by side, as one table, whose rows are looked up and added once
        joined = torch.cat([self._table(table) for table in tables], 1)
        words = F.embedding(ids.data, joined)
        if self.position:
            weights = position_weights(ids, self.size, self.longest)
            words = words * weights.repeat(1, len(tables))
        return list(ids.unsort(row_sums(ids, words)).chunk(len(tables), 1))

    def _dated(self, vectors: list[Tensor], counts: Tensor) -> list[Tensor]:
        if not self.time:
            return vectors
        ages = self._ages(counts).to(vectors[0].device)
        return [each + table(ages) for each, table in zip(vectors, self.ages, strict=True)]

    def _ages(self, counts: Tensor) -> Tensor:
        """`[S]`: sentences after each one, in its story."""
        ends = counts.cumsum(0)
        group = torch.repeat_interleave(torch.arange(len(counts)), counts)
        ages = ends[group] - 1 - torch.arange(len(group))
        if self.training and self.gaps and len(group):
            missing = (torch.rand(len(group)) < self.gaps).long().cumsum(0)
            ages = ages + missing[ends[group] - 1] - missing
        return ages.clamp_max(self.memory - 1)


def position_weights(rows: Ragged, size: int, longest: int | None = None) -> Tensor:
    """`[N, size]`: l of the class, for every place of rows of words."""
    k = torch.arange(1, size + 1, device=rows.data.device)
    if longest is not None:
        j = (rows.step_of + 1).unsqueeze(1)
        return 1 + 4 * (k - (size + 1) / 2) * (j - (longest + 1) / 2) / (size * longest)
    lengths = rows.packed_lengths.to(rows.data.device)[rows.row_of]
    share = ((rows.step_of + 1) / lengths).unsqueeze(1)
    return (1 - share) - k / size * (1 - 2 * share)
