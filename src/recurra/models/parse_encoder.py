"""What a parser reads a sentence with: a vector for each word in its context, and tags of its own."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.layers.base import Layer
from recurra.models.head import LinearHead
from recurra.models.word_features import WordFeatures, Words
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


class Encoded(NamedTuple):
    """Sentences as the encoder sees them.

    Attributes:
        steps: `[N, D]`, a vector for each word.
        tags: column -> `[N, K]`, the scores of its tags, in the layout of `steps`.
    """

    steps: Ragged
    tags: dict[str, Tensor]


@MODULES.register("parse_encoder")
class ParseEncoder(Configured):
    """Words -> lower layers, from which tags are predicted -> upper layers, which read the lower ones and the
    vectors of the tags, each weighed by its probability (Hashimoto et al., 2017). So no tag is read that was
    not predicted, in training neither.

    Args:
        input: what is seen of a word.
        lower, upper: layers over the words of a sentence; `upper` reads the output of `lower` and `tag_size`
            numbers more for each column of tags.
        tags: column -> how many tags it has.
        tag_size: width of a tag's vector.
        dropout: share of the words whose vector is dropped in training, and, drawn apart, of those whose
            spelling is, and so on; what remains of a word is scaled up for what is dropped (Dozat and
            Manning, 2017).
    """

    def __init__(
        self,
        input: WordFeatures,
        lower: Layer,
        upper: Layer,
        tags: dict[str, int],
        tag_size: int = 50,
        dropout: float = 0.0,
    ) -> None:
        self.input, self.lower, self.upper = input, lower, upper
        self.columns = list(tags)
        self.heads = nn.ModuleList(LinearHead(lower.output_size, count) for count in tags.values())
        self.vectors = nn.ModuleList(nn.Linear(count, tag_size, bias=False) for count in tags.values())
        for vectors in self.vectors:
            nn.init.normal_(vectors.weight)  # type: ignore[arg-type]
        self.dropout = dropout
        self.output_size = upper.output_size

    def forward(self, words: Words) -> Encoded:
        """Ragged `[N]` words, at least one -> what is known of each."""
        features = torch.cat(self._drop(self.input.parts(words)), -1)
        lower, _ = self.lower(words.ids.with_data(features))
        tags = {name: head(lower.data) for name, head in zip(self.columns, self.heads, strict=True)}
        vectors = [
            layer(scores.softmax(-1)) for layer, scores in zip(self.vectors, tags.values(), strict=True)
        ]
        upper, _ = self.upper(lower.with_data(torch.cat([lower.data, *vectors], -1)))
        return Encoded(upper, tags)

    def tag_loss(self, encoded: Encoded, tags: dict[str, Ragged]) -> Tensor:
        """The negative log-likelihood of the true tags, column -> `[N]` int64, summed over words and columns;
        a word whose number is -1 has no known tag and costs nothing.
        """
        costs = [
            F.cross_entropy(encoded.tags[name], tags[name].data, reduction="sum", ignore_index=-1)
            for name in self.columns
        ]
        return torch.stack(costs).sum() if costs else encoded.steps.data.new_zeros(())

    def _drop(self, parts: list[Tensor]) -> list[Tensor]:
        if not self.training or not self.dropout:
            return parts
        rest = torch.full((len(parts[0]), len(parts)), 1 - self.dropout, device=parts[0].device)
        masks = rest.bernoulli()
        masks = masks * (len(parts) / masks.sum(1, keepdim=True).clamp_min(1))
        return [part * masks[:, k : k + 1] for k, part in enumerate(parts)]
