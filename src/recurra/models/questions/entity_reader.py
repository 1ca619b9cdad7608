"""Recurrent entity network over stories."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell
from recurra.cells.entity_network import EntityState
from recurra.layers.pooling import row_sums
from recurra.loop import scan
from recurra.models.questions.inquiry import Inquiry, Reply
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


@MODULES.register("entity_reader")
class EntityReader(Configured):
    """Reads a story sentence by sentence into slots, and answers from them (Henaff et al., 2017).

    A sentence is `sum_j f_j e_j`, its words' vectors times a learnt vector for each position; the question
    has such vectors of its own. Every slot of every story is a row of the loop over sentences, begun with the
    slot's key. Then `p = softmax(q . h)` over slots, `u = sum p h`, and `R f(q + H u)` scores the answers.

    Args:
        tokens: words there are. cell: of a slot, as wide as a word's vector; see
            `recurra.cells.EntityNetwork`. outputs: answers there are.
        slots: how many there are.
        positions: words of a sentence that have vectors of their own; later ones share the last.
    """

    def __init__(self, tokens: int, cell: Cell, outputs: int, slots: int = 20, positions: int = 30) -> None:
        size = cell.hidden_size
        self.slots, self.cell, self.positions = slots, cell, positions
        self.words = nn.Embedding(tokens, size)
        self.keys = nn.Parameter(torch.empty(slots, size))
        self.story_mask = nn.Parameter(torch.ones(positions, size))
        self.question_mask = nn.Parameter(torch.ones(positions, size))
        self.hidden = nn.Linear(size, size, bias=False)
        self.answer = nn.Linear(size, outputs, bias=False)
        self.slope = nn.Parameter(torch.ones(size))
        for weight in (self.words.weight, self.keys, self.hidden.weight, self.answer.weight):
            nn.init.normal_(weight, std=0.1)

    def forward(self, x: Inquiry) -> Reply:
        """See the class; a sentence is looked at as far as it was written into the slots that were read."""
        assert x.counts is not None
        sentences = x.sentences(self._vectors(x.evidence.ids, self.story_mask))
        stories = Ragged.from_joined(sentences, x.counts.cumsum(0) - x.counts, x.counts)
        rows = _for_slots(stories, self.slots)
        keys = self.keys.repeat(len(stories), 1)
        y, state = scan(self.cell, rows, EntityState(keys, keys))
        # a row of the loop is one slot of a story in packed order
        slots = stories.unsort(state.h.reshape(len(stories), self.slots, -1))
        q = self._vectors(x.question.ids, self.question_mask)
        p = torch.softmax(torch.einsum("bd,bsd->bs", q, slots), -1)
        v = q + self.hidden(torch.einsum("bs,bsd->bd", p, slots))
        scores = self.answer(torch.relu(v) - self.slope * torch.relu(-v))
        return Reply(scores, None if self.training else self._looks(stories, rows, y, keys, p))

    def _vectors(self, ids: Ragged, mask: Tensor) -> Tensor:
        """`[rows, size]` in the caller's order."""
        places = ids.step_of.clamp_max(self.positions - 1)
        return ids.unsort(row_sums(ids, self.words(ids.data) * mask[places]))

    def _looks(self, stories: Ragged, rows: Ragged, y: Any, keys: Tensor, p: Tensor) -> list[Tensor]:
        """For each sentence the gates of its story's slots, each times how much the slot was read."""
        size = torch.tensor([0, *rows.batch_sizes], device=rows.data.device)[rows.step_of]
        previous = torch.arange(len(rows.data), device=rows.data.device) - size
        first = (rows.step_of == 0).unsqueeze(1)
        h = torch.where(first, keys[rows.row_of], y.data[previous])
        gates = torch.sigmoid((rows.data * (h + keys[rows.row_of])).sum(-1)).reshape(-1, self.slots)
        return stories.with_data((gates * stories.sort(p)[stories.row_of]).sum(-1)).to_list()


def _for_slots(rows: Ragged, slots: int) -> Ragged:
    """Each packed row `slots` times, one after another."""
    data = rows.data.repeat_interleave(slots, 0)
    return Ragged(data, [size * slots for size in rows.batch_sizes], None, len(rows) * slots)
