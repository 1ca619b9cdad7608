"""Dependency trees by transitions."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.decode.trees.arc_hybrid import NOTHING, SLOTS, arc_hybrid, transitions
from recurra.decode.trees.heads import Heads, projective
from recurra.models.dependency_parser import DependencyParser, word_places
from recurra.models.parse_encoder import ParseEncoder
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("arc_hybrid_parser")
class ArcHybridParser(DependencyParser):
    """Transitions from left to right, each by the words on top of the stack and the next one (Kiperwasser and
    Goldberg, 2016): in time linear in the words. Sentences whose true tree is not projective teach labels
    and tags alone.

    Args:
        encoder, labels, label_size, dropout: see `DependencyParser`.
        choice_size: width of the hidden layer that chooses.
    """

    def __init__(
        self,
        encoder: ParseEncoder,
        labels: int,
        choice_size: int = 200,
        label_size: int = 100,
        dropout: float = 0.0,
    ) -> None:
        self._build(encoder, labels, label_size, dropout)
        size = encoder.output_size
        self.absent = nn.Parameter(torch.zeros(2, size))  # what stands for nothing, and for the root
        self.slots = nn.Linear(size, SLOTS * choice_size)
        self.choices = nn.Linear(choice_size, 3)
        self.dropout = dropout

    def arc_loss(self, steps: Ragged, heads: Ragged) -> Tensor:
        trees = [row.cpu().numpy() for row in heads.to_list()]
        rows = packed_rows(steps)
        paths = [
            (row, transitions(tree.tolist()))
            for row, tree in zip(rows.tolist(), trees, strict=True)
            if projective(tree)
        ]
        if not paths:
            return steps.data.new_zeros(())
        device = steps.data.device
        slots = torch.from_numpy(np.concatenate([path.slots for _, path in paths])).to(device)
        actions = torch.from_numpy(np.concatenate([path.actions for _, path in paths])).to(device)
        sentences = torch.tensor([row for row, path in paths for _ in path.actions], device=device)
        scores = self.transition_scores(steps, self.slot_table(steps), sentences, slots)
        # two choices a word: halved, an arc weighs as much as its label
        return F.cross_entropy(scores, actions, reduction="sum") / 2

    def heads(self, steps: Ragged) -> list[Heads]:
        table, rows, device = self.slot_table(steps), packed_rows(steps), steps.data.device

        def score(slots: Heads, sentences: Heads) -> NDArray[np.float64]:
            places = torch.from_numpy(slots).to(device)
            scores = self.transition_scores(
                steps, table, torch.from_numpy(rows[sentences]).to(device), places
            )
            return scores.double().cpu().numpy()

        return arc_hybrid(steps.lengths.tolist(), score)

    def slot_table(self, steps: Ragged) -> Tensor:
        """What each word adds to the hidden layer in each slot, `[2 + N, SLOTS, choice_size]`, for all words
        in one product.
        """
        table: Tensor = self.slots(torch.cat([self.absent, steps.data]))
        return table.reshape(len(table), SLOTS, -1)

    def transition_scores(self, steps: Ragged, table: Tensor, rows: Tensor, slots: Tensor) -> Tensor:
        """`[M, 3]` of the transitions in these packed rows `[M]`, by these words `[M, SLOTS]`."""
        indices = torch.where(slots == NOTHING, 0, word_places(steps, rows[:, None], slots) + 2)
        sums = table[indices, torch.arange(SLOTS, device=slots.device)].sum(1)
        scores: Tensor = self.choices(F.dropout(torch.tanh(sums), self.dropout, self.training))
        return scores


def packed_rows(steps: Ragged) -> Heads:
    """`[B]`: the packed row of each of the caller's rows."""
    if steps.order is None:
        return np.arange(len(steps))
    return np.argsort(steps.order.cpu().numpy())
