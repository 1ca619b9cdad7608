"""Trees of words read from their leaves to the root."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn.functional import dropout as drop

from recurra.cells import TreeCell
from recurra.forest import Forest
from recurra.layers.inputs import Input
from recurra.loop.fold import fold
from recurra.models.head import LinearHead
from recurra.models.word_features import Words
from recurra.registry import MODULES, Configured


class Trees(NamedTuple):
    """What `TreeEncoder` reads.

    Attributes:
        words: of all trees, `[words]` each.
        forest: its data, `[nodes]` int64, is the row of `words` that stands at each node; -1 for none.
    """

    words: Words
    forest: Forest

    def to(self, device: torch.device) -> Self:
        """On that device."""
        return self._replace(words=self.words.to(device), forest=self.forest.to(device))


@MODULES.register("tree_encoder")
class TreeEncoder(Configured):
    """A vector for each node of trees of words. A node without a word reads zeros.

    Args:
        input: reads the words.
        cell: one step, from the children to their parent.
        input_dropout: share of the words' features dropped, in training.
    """

    def __init__(self, input: Input, cell: TreeCell, input_dropout: float = 0.0) -> None:
        self.input, self.cell = input, cell
        self.input_dropout = input_dropout
        self.output_size = cell.output_size

    def forward(self, x: Trees) -> tuple[Forest, Tensor]:
        """The vectors of all nodes `[N, output_size]` in the forest's order, and of the roots
        `[B, output_size]` in the caller's.
        """
        features = drop(self.input(x.words), self.input_dropout, self.training)
        features = torch.cat([features, features.new_zeros(1, features.shape[1])])  # the last for no word
        return fold(self.cell, x.forest.like(features[x.forest.data]))


@MODULES.register("tree_classifier")
class TreeClassifier(Configured):
    """Scores of every label at every node (Socher et al., 2013).

    Args:
        encoder: the trees.
        labels: how many labels there are.
        dropout: share of a node's vector dropped before the head, in training.
    """

    def __init__(self, encoder: TreeEncoder, labels: int, dropout: float = 0.0) -> None:
        self.encoder = encoder
        self.output = LinearHead(encoder.output_size, labels, dropout)

    @property
    def input(self) -> Input:
        """What reads the words."""
        return self.encoder.input

    def forward(self, x: Trees) -> Forest:
        """Scores `[N, labels]`, in the forest's order."""
        nodes: Forest = self.encoder(x)[0]
        return nodes.like(self.output(nodes.data))
