"""What a word looks like: its characters and its casing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recurra.data.text.vocabulary import Vocabulary

SHAPES = ("lower", "upper", "title", "mixed", "number", "with_digit", "other")
"""Word shapes, as the casing features of Collobert et al. (2011); the id is the position."""


def shape_of(word: str) -> str:
    """The shape of a word: one of `SHAPES`."""
    if any(c.isdigit() for c in word):
        plain = "".join(c for c in word if c not in ".,:/-+%")
        return "number" if plain.isdigit() else "with_digit"
    if not any(c.isalpha() for c in word):
        return "other"
    if word.islower():
        return "lower"
    if word[0].isupper() and not any(c.isupper() for c in word[1:]):
        return "title"
    return "upper" if word.isupper() else "mixed"


def shapes(sentences: Sequence[Sequence[str]]) -> list[Tensor]:
    """`[T]` int64 for each sentence: the id of each word's shape."""
    ids = {name: index for index, name in enumerate(SHAPES)}
    return [torch.tensor([ids[shape_of(word)] for word in words], dtype=torch.int64) for words in sentences]


def characters(words: Sequence[str], vocabulary: Vocabulary) -> list[Tensor]:
    """`[L]` int64 for each word: the ids of its characters. An empty word gives length 0."""
    return [torch.tensor(vocabulary.encode(word), dtype=torch.int64) for word in words]


def distinct_words(sentences: Sequence[Sequence[str]]) -> tuple[list[str], list[Tensor]]:
    """The different words in order of appearance, and for each sentence `[T]` int64 positions in that list.

    So that what is computed for a word (from its characters, say) is computed once a batch.
    """
    positions: dict[str, int] = {}
    places = [
        torch.tensor([positions.setdefault(word, len(positions)) for word in words], dtype=torch.int64)
        for words in sentences
    ]
    return list(positions), places


def character_vocabulary(sentences: Sequence[Sequence[str]], min_count: int = 1) -> Vocabulary:
    """The characters of the training words, with `<UNK>`."""
    return Vocabulary.build(
        (word for words in sentences for word in words), min_count=min_count, unknown="<UNK>", end=None
    )
