"""Scores of every label for every span of a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.models.head import LinearHead
from recurra.models.parse_encoder import Encoded, ParseEncoder
from recurra.models.word_features import Words
from recurra.registry import MODULES, Configured

Number = TypeVar("Number", bound=np.generic)


class SpanPlaces(NamedTuple):
    """Every span of some sentences, M in all: sentence after sentence, by their starts, the shorter first.

    Attributes:
        rows, starts, ends: `[M]` int64 on the CPU: the sentence, and the words `start` to `end` of it.
        lengths: words of each sentence.
    """

    rows: Tensor
    starts: Tensor
    ends: Tensor
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, lengths: Sequence[int]) -> SpanPlaces:
        """Those of sentences of these lengths."""
        longest = max(lengths, default=0)
        starts, ends = torch.triu_indices(longest + 1, longest + 1, 1)
        masks = [ends <= length for length in lengths]
        rows = torch.repeat_interleave(torch.tensor([int(mask.sum()) for mask in masks], dtype=torch.int64))
        return cls(
            rows,
            torch.cat([starts[mask] for mask in masks]),
            torch.cat([ends[mask] for mask in masks]),
            tuple(lengths),
        )

    @property
    def numbers(self) -> NDArray[np.int64]:
        """`[B, n + 1, n + 1]`: which of the M a span is; 0 where there is none."""
        return self.spread(np.arange(len(self.rows)))

    def spread(self, values: NDArray[Number]) -> NDArray[Number]:
        """`[M]` -> `[B, n + 1, n + 1]`, by sentence, start and end; 0 where there is no span."""
        size = max(self.lengths, default=0) + 1
        table = np.zeros((len(self.lengths), size, size), values.dtype)
        table[self.rows.numpy(), self.starts.numpy(), self.ends.numpy()] = values
        return table


class SpanScores(NamedTuple):
    """What a parser says of sentences.

    Attributes:
        labels: `[M, K]`: the score of each label for each span; that of label 0, which stands for no
            constituent, is 0.
        splits: `[M]`: how good each span is as a part that a longer one is split into; None where labels
            alone say it.
        places: of the spans.
        encoded: the sentences as they were read, and the scores of their tags.
    """

    labels: Tensor
    splits: Tensor | None
    places: SpanPlaces
    encoded: Encoded


@MODULES.register("span_parser")
class SpanParser(Configured):
    """`s = W relu(U (p_j - p_i) + b)` for the words i to j, with `p_k` between two words: what the forward
    half of the encoder has read up to there, and its backward half from there on (Stern et al., 2017; 0 for
    no label, which changes no tree).

    A tree scores the sum of its spans' labels, however the spans without label cut it up.

    Args:
        encoder: its output is a forward and a backward half.
        labels: how many there are, no label among them.
        hidden: width of what is made of a span.
        dropout: share of that dropped, in training.
        splits: whether each span has a score for splits too, which going down from the whole sentence needs:
            labels do not tell whether a long part or a short one within it is to be split off first.
    """

    def __init__(
        self,
        encoder: ParseEncoder,
        labels: int,
        hidden: int = 250,
        dropout: float = 0.0,
        splits: bool = False,
    ) -> None:
        self.encoder, self.splits = encoder, splits
        self.below = nn.Linear(encoder.output_size, hidden, bias=False)
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.output = LinearHead(hidden, labels - 1 + splits, dropout)

    def forward(self, words: Words) -> SpanScores:
        """Sentences of at least one word -> the scores of all their spans."""
        encoded = self.encoder(words)
        padded, lengths = encoded.steps.to_padded()
        places = SpanPlaces.of(lengths.tolist())
        forward, backward = padded.chunk(2, -1)
        # U (p_j - p_i) = U p_j - U p_i: one product for each place between words, not for each span
        between = self.below(torch.cat([F.pad(forward, (0, 0, 1, 0)), -F.pad(backward, (0, 0, 0, 1))], -1))
        size = between.shape[1]
        flat = between.flatten(0, 1)
        rows, starts, ends = (each.to(flat.device) for each in places[:3])
        difference = flat.index_select(0, rows * size + ends) - flat.index_select(0, rows * size + starts)
        labels = self.output((difference + self.bias).relu())
        splits = labels[:, -1] if self.splits else None
        labels = labels[:, :-1] if self.splits else labels
        return SpanScores(F.pad(labels, (1, 0)), splits, places, encoded)
