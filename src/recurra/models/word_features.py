"""A word as its vector, its spelling and its shape."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from recurra.layers.inputs import Input, TokenEmbedding
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


class Words(NamedTuple):
    """Words, each as what `WordFeatures` reads of it.

    The first three agree in layout: ragged `[N]`, `[B, T]` or, for one step, `[B]`; all int64.

    Attributes:
        ids: of the words in the vocabulary.
        shapes: of their shapes; None where shapes are not read.
        spelled: the row of `spelling` that holds each word; None where spelling is not read.
        spelling: the characters of each distinct word, a row a word.
    """

    ids: Any
    shapes: Any = None
    spelled: Any = None
    spelling: Ragged | None = None

    def to(self, device: torch.device) -> Words:
        """On that device."""
        return Words(*(None if part is None else part.to(device) for part in self))

    def as_row(self) -> Words:
        """One ragged row of words as `[1, T]`."""
        ids, shapes, spelled = (None if part is None else part.data[None] for part in self[:3])
        return Words(ids, shapes, spelled, self.spelling)

    def unbind(self, dim: int) -> list[Words]:
        """Of `[B, T]` each step, as of a tensor."""
        ids, shapes, spelled = (None if part is None else part.unbind(dim) for part in self[:3])
        assert ids is not None
        return [
            Words(ids[t], shapes and shapes[t], spelled and spelled[t], self.spelling)
            for t in range(len(ids))
        ]


class Speller(Protocol):
    """Words of characters -> one vector a word."""

    output_size: int

    def __call__(self, spelling: Ragged) -> Tensor:
        """Ids, ragged `[N]` -> `[words, output_size]` in the caller's order."""


@MODULES.register("word_features")
class WordFeatures(Input):
    """Vectors of words beside what can be seen of words never met: spelling and shape (Lample et al., 2016;
    Collobert et al., 2011). Reads `Words`.

    Args:
        words: the vectors.
        spelling: a layer from characters to one vector a word; None leaves it out.
        shapes: how many shapes there are; 0 leaves them out.
        shape_size: width of a shape's vector.
    """

    def __init__(
        self,
        words: TokenEmbedding,
        spelling: Configured | None = None,
        shapes: int = 0,
        shape_size: int = 10,
    ) -> None:
        self.words = words
        self.spelling = spelling
        self.shapes = nn.Embedding(shapes, shape_size) if shapes else None
        spelt = 0 if spelling is None else int(spelling.output_size)  # type: ignore[arg-type]
        self.output_size = words.output_size + spelt + (shape_size if shapes else 0)

    def parts(self, x: Words) -> list[Tensor]:
        """What is seen of each word, one tensor `[..., F]` for each way of seeing it."""
        parts = [_data(self.words(x.ids))]
        if self.spelling is not None:
            # each distinct word is spelled once a batch, however often it occurs
            parts.append(self.spelling(x.spelling)[_data(x.spelled)])
        if self.shapes is not None:
            parts.append(self.shapes(_data(x.shapes)))
        return parts

    def forward(self, x: Words) -> Any:
        joined = torch.cat(self.parts(x), -1)
        return x.ids.with_data(joined) if isinstance(x.ids, Ragged) else joined


def _data(x: Any) -> Tensor:
    return x.data if isinstance(x, Ragged) else x
