"""The network of labels at the nodes of trees, as a recipe describes it."""

from __future__ import annotations

from pydantic import Field

from recurra.models import Input, TreeClassifier
from recurra.tasks.parts.tree_network import TreeNetworkOptions, build_encoder
from recurra.tasks.readers.words import WordModelOptions


class TreeModelOptions(TreeNetworkOptions, WordModelOptions):
    """The network.

    Attributes:
        dropout: share of a node's vector dropped before the head.
    """

    dropout: float = Field(default=0.0, ge=0, lt=1)


def build_model(options: TreeModelOptions, features: Input, labels: int) -> TreeClassifier:
    """The network, with fresh weights."""
    return TreeClassifier(build_encoder(options, features), labels, options.dropout)
