"""Attention that flows both ways between a passage and a question."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout as drop

from recurra.layers.attention import masked_softmax
from recurra.layers.base import Layer
from recurra.layers.inputs import Input
from recurra.models.questions.inquiry import Inquiry, Reply, owners, padded_scores
from recurra.models.questions.span_reader import end_shares
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


@MODULES.register("flow_reader")
class FlowReader(Configured):
    """BiDAF (Seo et al., 2017) without its spelling and highway layers.

    Both sides go through the same layers, to h of the passage and u of the question. With
    `S_tj = w . [h_t; u_j; h_t * u_j]`, each h_t has `u~_t = sum_j softmax_j(S_t) u_j`, and all of a passage
    the one `h~ = sum_t softmax_t(max_j S_tj) h_t`; `G_t = [h; u~; h * u~; h * h~]` goes on, to where the
    answer starts, `w . [G; M]` with M what `modelling` makes of G, and where it ends, `w . [G; M']` with M'
    what `ending` makes of M. Scores S alone are padded; no layer over time sees padding.

    Args:
        input: reads the words of both. context: the layers of both sides.
        modelling: over G, four times as wide as what `context` gives, and `match` numbers more. ending: over
            what it gives. match: see `SpanReader`. dropout: share dropped of words' vectors and before
            scores.
    """

    def __init__(
        self,
        input: Input,
        context: Layer,
        modelling: Layer,
        ending: Layer,
        match: int = 0,
        dropout: float = 0.0,
    ) -> None:
        self.input, self.context, self.modelling, self.ending = input, context, modelling, ending
        self.match, self.dropout = match, dropout
        size = context.output_size
        self.passage_score = nn.Linear(size, 1, bias=False)
        self.question_score = nn.Linear(size, 1, bias=False)
        self.product = nn.Parameter(torch.empty(size))
        nn.init.uniform_(self.product, -(size**-0.5), size**-0.5)
        self.start = nn.Linear(4 * size + match + modelling.output_size, 1)
        self.end = nn.Linear(4 * size + match + ending.output_size, 1)

    def forward(self, x: Inquiry) -> Reply:
        """Scores `[B, 2, M]`; `looks` as `SpanReader` has them."""
        passage, question = (self.input(words).map(self._drop) for words in (x.evidence, x.question))
        h, u = self.context(passage)[0], self.context(question)[0]
        g = self._joined(h, u)
        if self.match:
            assert x.match is not None
            g = torch.cat([g, x.match.data.to(g.dtype)], -1)
        first = self.modelling(h.with_data(g))[0]
        last = self.ending(first)[0]
        scores = [
            padded_scores(h, line(self._drop(torch.cat([g, steps.data], -1))).squeeze(-1))
            for line, steps in ((self.start, first), (self.end, last))
        ]
        both = torch.stack(scores, 1)
        return Reply(both, None if self.training else end_shares(both, h.lengths))

    def _joined(self, h: Ragged, u: Ragged) -> Tensor:
        """G, `[N, 4 size]`."""
        passage, question = h.to_padded()[0], u.to_padded()[0]
        inside = [
            torch.arange(rows.steps, device=rows.data.device) < rows.lengths.to(rows.data.device).unsqueeze(1)
            for rows in (h, u)
        ]
        s = self.passage_score(passage) + self.question_score(question).transpose(1, 2)
        s = s + torch.bmm(passage * self.product, question.transpose(1, 2))
        s = s.masked_fill(~inside[1].unsqueeze(1), torch.finfo(s.dtype).min)
        to_question = torch.bmm(masked_softmax(s, inside[1].unsqueeze(1)), question)
        best = s.amax(-1) if u.steps else s.new_zeros(s.shape[:2])
        to_passage = torch.bmm(masked_softmax(best, inside[0]).unsqueeze(1), passage).squeeze(1)
        own = to_question[owners(h), h.step_of]
        return torch.cat([h.data, own, h.data * own, h.data * to_passage[owners(h)]], -1)

    def _drop(self, x: Tensor) -> Tensor:
        return drop(x, self.dropout, self.training)
