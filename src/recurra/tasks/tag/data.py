"""Sentences of words with a tag each, as a recipe describes them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from recurra.data import Examples, columns
from recurra.tasks.parts.rows import RowOptions, usable
from recurra.tasks.readers.words import WordRowOptions
from recurra.tasks.tag.tag_set import Scheme, TagSet


class TagDataOptions(RowOptions, WordRowOptions):
    """Sentences of words with a tag each.

    Attributes:
        tokens: the column of words. tags: the column of their tags.
        scheme: how tags mark spans; "none": they mark none; "auto" looks at the training data.
        inner: the scheme that the network learns spans in.
    """

    tokens: str = "token"
    tags: str = "tag"
    scheme: Scheme = "auto"
    inner: Literal["BIO", "BIOES"] = "BIOES"


class Tagged(NamedTuple):
    """Sentences, their tags as the data writes them, and those as ids."""

    words: list[list[str]]
    tags: list[list[str]]
    ids: list[Tensor]


def read_tagged(examples: Examples, options: TagDataOptions, tags: TagSet) -> tuple[Tagged, list[str]]:
    """The sentences of examples, and notes on those left out."""
    words = columns.tokens(examples, options.tokens)
    rows = tags.read(examples, options.tags, options.tokens)
    indices, notes = usable(examples, [len(row) for row in words], options)
    ids = [torch.tensor(tags.encode(rows[i]), dtype=torch.int64) for i in indices]
    return Tagged([words[i] for i in indices], [rows[i] for i in indices], ids), notes
