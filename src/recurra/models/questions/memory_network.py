"""End-to-end memory network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

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

    Args:
        tokens: words there are. size: width of every vector, d. outputs: answers there are.
        hops: how often it looks.
        memory: sentences it can tell apart by age: the most that a story has.
        tying: "adjacent": what a hop answers with is what the next one compares with, and the question has
            the first one's table; "layer": all hops have the same tables, and `u' = H u + o`.
        position, time: whether words are weighed by position, sentences dated by age.
        gaps: in training, the share of sentences before which one is missing, so that ages differ (the paper
            puts empty sentences there).
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
    ) -> None:
        if tying not in TYINGS:
            raise Fault(f"no tying is called {tying!r}{nearest(tying, TYINGS)}")
        self.memory, self.tying, self.position, self.time, self.gaps = memory, tying, position, time, gaps
        self.hops = hops
        count = hops + 1 if tying == "adjacent" else 3
        self.tables = nn.ModuleList(nn.Embedding(tokens, size) for _ in range(count))
        dated = hops + 1 if tying == "adjacent" else 2
        self.ages = nn.ModuleList(nn.Embedding(memory, size) for _ in range(dated if time else 0))
        self.hop = nn.Linear(size, size, bias=False) if tying == "layer" else None
        self.answer = nn.Linear(size, outputs, bias=False)
        for weight in self.parameters():
            nn.init.normal_(weight, std=0.1)

    def forward(self, x: Inquiry) -> Reply:
        """See the class; `looks` are `[M, hops]`."""
        assert x.counts is not None
        sentences, count = x.evidence.ids, len(x.counts)
        group = group_of(x.counts, sentences.data.device)
        ages = self._ages(x.counts).to(group.device)
        words = x.question.ids
        u = self._vectors(0 if self.tying == "adjacent" else 2, words, self._weights(words))
        positions = self._weights(sentences)
        # tables of one tying are shared by all hops, so each is looked up once
        vectors = [
            self._dated(table, sentences, positions, ages)
            for table in range(self.hops + 1 if self.tying == "adjacent" else 2)
        ]
        weights = []
        for hop in range(self.hops):
            keys, values = vectors[hop : hop + 2] if self.tying == "adjacent" else vectors
            scores = (keys * u[group]).sum(-1)
            weights.append(scores if x.linear else group_softmax(scores, group, count))
            o = group_sums(weights[-1].unsqueeze(1) * values, group, count)
            u = (u if self.hop is None else self.hop(u)) + o
        looks = None if self.training else list(torch.split(torch.stack(weights, 1), x.counts.tolist()))
        return Reply(self.answer(u), looks)

    def _weights(self, ids: Ragged) -> Tensor | None:
        return position_weights(ids, self.answer.in_features) if self.position else None

    def _vectors(self, table: int, ids: Ragged, positions: Tensor | None) -> Tensor:
        """`[rows, size]` in the caller's order."""
        words: Tensor = self.tables[table](ids.data)
        return ids.unsort(row_sums(ids, words if positions is None else words * positions))

    def _dated(self, table: int, sentences: Ragged, positions: Tensor | None, ages: Tensor) -> Tensor:
        vectors = self._vectors(table, sentences, positions)
        return vectors + self.ages[table](ages) if self.time else vectors

    def _ages(self, counts: Tensor) -> Tensor:
        """`[S]`: sentences after each one, in its story."""
        ends = counts.cumsum(0)
        group = torch.repeat_interleave(torch.arange(len(counts)), counts)
        ages = ends[group] - 1 - torch.arange(len(group))
        if self.training and self.gaps and len(group):
            missing = (torch.rand(len(group)) < self.gaps).long().cumsum(0)
            ages = ages + missing[ends[group] - 1] - missing
        return ages.clamp_max(self.memory - 1)


def position_weights(rows: Ragged, size: int) -> Tensor:
    """`[N, size]`: l of the class, for every place of rows of words."""
    lengths = rows.packed_lengths.to(rows.data.device)[rows.row_of]
    j = ((rows.step_of + 1) / lengths).unsqueeze(1)
    k = torch.arange(1, size + 1, device=rows.data.device) / size
    return (1 - j) - k * (1 - 2 * j)
