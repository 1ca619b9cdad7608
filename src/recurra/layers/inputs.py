"""What a model reads: from ids or measurements to rows of features."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.errors import Fault
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


class Input(Configured):
    """Turns what a task's batches hold into features.

    `forward` takes a Ragged `[N, ...]`, a tensor `[B, T, ...]` or, for a single step, `[B, ...]`, and gives
    features of the same layout with `output_size` numbers last.

    Attributes:
        places: steps of features made of each step read: 1, but where a step is a whole picture.
    """

    output_size: int
    places: int = 1

    def forward(self, x: Any) -> Any:
        """See the class."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(x)")


@MODULES.register("token_embedding")
class TokenEmbedding(Input):
    """A vector for each token; reads int64 ids.

    Args:
        tokens: how many ids there are.
        size: width of a vector.
        frozen: whether the vectors stay as they are in training.
        unknown: id of the unknown token; needed with `word_dropout`.
        word_dropout: share of the tokens read as unknown, in training, so that this vector is learnt.
        tuned: how many ids, the first ones, have vectors that training changes; None: all. What training
            never meets is then no part of its gradients, averages and weight decay.
    """

    def __init__(
        self,
        tokens: int,
        size: int,
        frozen: bool = False,
        unknown: int | None = None,
        word_dropout: float = 0.0,
        tuned: int | None = None,
    ) -> None:
        if not 0 <= word_dropout < 1:
            raise Fault(f"word_dropout is {word_dropout}, expected a share from 0 to below 1")
        if word_dropout and unknown is None:
            raise Fault("word_dropout reads tokens as unknown, but the vocabulary has no unknown token")
        if tuned is not None and not 0 < tuned <= tokens:
            raise Fault(f"tuned is {tuned}, expected a number of tokens from 1 to {tokens}")
        self.output_size = size
        self.table = nn.Embedding(tokens if tuned is None else tuned, size)
        rest = None if tuned is None else torch.empty(tokens - tuned, size)
        self.register_buffer("rest", rest)
        self.rest: Tensor | None
        # vectors of length about 1, whatever their width
        for weight in (self.table.weight,) if rest is None else (self.table.weight, rest):
            nn.init.uniform_(weight, -((3 / size) ** 0.5), (3 / size) ** 0.5)
        self.table.weight.requires_grad_(not frozen)
        self.unknown, self.word_dropout = unknown, word_dropout

    def forward(self, x: Any) -> Any:
        if self.training and self.word_dropout:
            x = x.map(self._forget) if isinstance(x, Ragged) else self._forget(x)
        if self.rest is None or not len(self.rest):
            return self.table(x)
        return x.map(self._either) if isinstance(x, Ragged) else self._either(x)

    def fill(self, ids: Tensor, vectors: Tensor) -> None:
        """Gives the tokens of these ids, `[n]`, vectors `[n, size]`."""
        count = self.table.num_embeddings
        tuned = ids < count
        with torch.no_grad():
            self.table.weight[ids[tuned]] = vectors[tuned]
            if self.rest is not None:
                self.rest[ids[~tuned] - count] = vectors[~tuned]

    def _either(self, ids: Tensor) -> Tensor:
        """Vectors from the two tables."""
        assert self.rest is not None
        count = self.table.num_embeddings
        rest = F.embedding((ids - count).clamp_min(0), self.rest)
        return torch.where((ids < count).unsqueeze(-1), self.table(ids.clamp_max(count - 1)), rest)

    def _forget(self, ids: Tensor) -> Tensor:
        assert self.unknown is not None
        return ids.masked_fill(torch.rand(ids.shape, device=ids.device) < self.word_dropout, self.unknown)


@MODULES.register("one_hot")
class OneHot(Input):
    """A one in the place of the token, zeros elsewhere; reads int64 ids."""

    def __init__(self, tokens: int) -> None:
        self.output_size = tokens
        self.register_buffer("like", torch.zeros(()))
        self.like: Tensor

    def forward(self, x: Any) -> Any:
        return x.map(self._spread) if isinstance(x, Ragged) else self._spread(x)

    def _spread(self, ids: Tensor) -> Tensor:
        return F.one_hot(ids, self.output_size).to(self.like.dtype)


@MODULES.register("vectors")
class Vectors(Input):
    """Measurements `[..., size]`, each brought to mean 0 and deviation 1 as they were in training."""

    def __init__(self, size: int) -> None:
        self.output_size = size
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))
        self.mean: Tensor
        self.deviation: Tensor

    def learn(self, rows: Tensor) -> None:
        """Takes mean and deviation from the training part `[N, size]`; a constant column keeps deviation
        1.
        """
        self.mean.copy_(rows.mean(0))
        self.deviation.copy_(spread(rows))

    def forward(self, x: Any) -> Any:
        return x.map(self._scale) if isinstance(x, Ragged) else self._scale(x)

    def _scale(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.deviation


def spread(rows: Tensor) -> Tensor:
    """The deviation of each column of `[N, F]`; 1 where it is (all but) constant."""
    deviation = rows.double().std(0, correction=0)
    constant = deviation <= 1e-6 * rows.double().abs().amax(0).clamp_min(1e-30)
    return deviation.masked_fill(constant, 1.0).to(rows.dtype)
