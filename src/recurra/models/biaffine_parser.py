"""Dependency trees by scores of all pairs of words."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.decode.trees.best import Decoder, best_trees
from recurra.decode.trees.heads import Heads
from recurra.models.dependency_parser import DependencyParser
from recurra.models.parse_encoder import ParseEncoder
from recurra.models.parse_heads import Biaffine, Role
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("biaffine_parser")
class BiaffineParser(DependencyParser):
    """Every pair of words is scored, and the best tree taken (Dozat and Manning, 2017).

    Args:
        encoder, labels, label_size, dropout: see `DependencyParser`.
        arc_size: width of a word as either end of an arc.
        decoder: "eisner": the best projective tree; "chu_liu_edmonds": the best of all.
    """

    def __init__(
        self,
        encoder: ParseEncoder,
        labels: int,
        arc_size: int = 500,
        label_size: int = 100,
        dropout: float = 0.0,
        decoder: Decoder = "chu_liu_edmonds",
    ) -> None:
        self._build(encoder, labels, label_size, dropout)
        self.arc_word = Role(encoder.output_size, arc_size, dropout)
        self.arc_head = Role(encoder.output_size, arc_size, dropout)
        self.arc_root = nn.Parameter(torch.zeros(1, arc_size))
        self.arcs = Biaffine(arc_size, arc_size)
        self.decoder = decoder

    def arc_scores(self, steps: Ragged) -> tuple[Tensor, Tensor]:
        """`[B, T, T + 1]` in the caller's order, of the heads 0 (the root) to T of each word, and lengths
        `[B]` on the CPU.
        """
        words, lengths = self.arc_word(steps).to_padded()
        heads, _ = self.arc_head(steps).to_padded()
        root = self.arc_root.expand(len(heads), 1, -1)
        return self.arcs.tables(words, torch.cat([root, heads], 1)), lengths

    def arc_loss(self, steps: Ragged, heads: Ragged) -> Tensor:
        scores, lengths = self.arc_scores(steps)
        count = torch.arange(scores.shape[2], device=scores.device)
        outside = count > lengths.to(scores.device)[:, None, None]
        own = count[1:, None] == count
        targets, _ = heads.to_padded(-1)
        return F.cross_entropy(
            scores.masked_fill(outside | own, -torch.inf).flatten(0, 1),
            targets.flatten(),
            reduction="sum",
            ignore_index=-1,
        )

    def heads(self, steps: Ragged) -> list[Heads]:
        scores, lengths = self.arc_scores(steps)
        return best_trees(scores.double().cpu().numpy(), lengths.numpy(), self.decoder)
