"""Words, and for each the word that governs it and how."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.decode.trees.heads import Heads
from recurra.models.parse_encoder import Encoded, ParseEncoder
from recurra.models.parse_heads import Biaffine, Role
from recurra.models.word_features import Words
from recurra.ragged import Ragged
from recurra.registry import Configured


class Analysed(NamedTuple):
    """Sentences with what is true of them.

    Attributes:
        words: see there.
        heads: `[N]` int64, the number of each word's head in its sentence, from 1; 0 for the root.
        labels: `[N]` int64. tags: column -> `[N]` int64, see `ParseEncoder.tag_loss`.
    """

    words: Words
    heads: Ragged
    labels: Ragged
    tags: dict[str, Ragged]

    def to(self, device: torch.device) -> Analysed:
        """On that device."""
        tags = {name: column.to(device) for name, column in self.tags.items()}
        return Analysed(self.words.to(device), self.heads.to(device), self.labels.to(device), tags)


class DependencyParser(Configured):
    """An encoder, and the label of an arc by the two words that it joins (Dozat and Manning, 2017).

    A subclass says how heads are chosen.

    Args:
        encoder: reads sentences.
        labels: how many labels there are.
        label_size: width of a word as either end of a labelled arc.
        dropout: share of these numbers dropped in training.
    """

    encoder: ParseEncoder

    def _build(self, encoder: ParseEncoder, labels: int, label_size: int, dropout: float) -> None:
        size = encoder.output_size
        self.encoder = encoder
        self.label_word = Role(size, label_size, dropout)
        self.label_head = Role(size, label_size, dropout)
        self.label_root = nn.Parameter(torch.zeros(1, label_size))
        self.labels = Biaffine(label_size, label_size, labels)

    def arc_loss(self, steps: Ragged, heads: Ragged) -> Tensor:
        """The negative log-likelihood of the true heads `[N]`, summed over words."""
        raise NotImplementedError(f"{type(self).__name__} has no arc_loss(steps, heads)")

    def heads(self, steps: Ragged) -> list[Heads]:
        """A tree with one root for each sentence, in the caller's order; every one has a word.

        Raises:
            Fault: the scores are no finite numbers.
        """
        raise NotImplementedError(f"{type(self).__name__} has no heads(steps)")

    def forward(self, words: Words) -> Encoded:
        """Sentences -> the vectors of their words, and scores of their tags."""
        encoded: Encoded = self.encoder(words)
        return encoded

    def loss(self, batch: Analysed) -> Tensor:
        """Of heads, of labels given the true heads, and of tags; summed over words."""
        encoded = self(batch.words)
        scores = self.label_scores(encoded.steps, batch.heads)
        labels = F.cross_entropy(scores, batch.labels.data, reduction="sum")
        tags = self.encoder.tag_loss(encoded, batch.tags)
        return self.arc_loss(encoded.steps, batch.heads) + labels + tags

    def label_scores(self, steps: Ragged, heads: Ragged) -> Tensor:
        """`[N, labels]` for the arcs from these heads `[N]`, in the layout of `steps`."""
        words = self.label_word(steps).data
        governors = torch.cat([self.label_root, self.label_head(steps).data])
        scores: Tensor = self.labels(words, governors[word_places(steps, steps.row_of, heads.data) + 1])
        return scores


def word_places(steps: Ragged, rows: Tensor, words: Tensor) -> Tensor:
    """Where words (from 1) of packed rows lie in `steps.data`; -1 for what is below 1."""
    offsets = torch.tensor(steps.offsets, dtype=torch.int64, device=words.device)
    return torch.where(words > 0, offsets[(words - 1).clamp_min(0)] + rows, -1)
