"""Attention: a query looks over the steps of another row and takes a weighted mean of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


class Memory(NamedTuple):
    """The steps that are looked over, a row each, in the caller's order; a tree of a state (see
    `recurra.state`).

    Rows are filled up to the longest of the batch, so scores alone are computed for steps that are not there,
    and masked; what made `values` and `keys` never saw them.
    """

    values: Tensor  # [B, M, D]: what means are taken of
    keys: Tensor  # [B, M, K]: what queries are compared with
    present: Tensor  # [B, M] bool: the steps that are there


class Attention(Configured):
    """Scores each step of a memory for a query; a subclass writes `score`, and `keys` where it needs them.

    The weights of a row sum to 1; those of a memory of length 0 do not exist, and give zeros.

    Attributes:
        query_size: width of a query, Q. memory_size: width of a step of the memory, D.
    """

    query_size: int
    memory_size: int

    def keys(self, values: Tensor) -> Tensor:
        """`[N, D]` -> `[N, K]`: the part of the scores that no query changes, computed once a row."""
        return values

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        """Queries `[B, T, Q]`, keys `[B, M, K]` -> how well they fit, `[B, T, M]`."""
        raise NotImplementedError(f"{type(self).__name__} has no score(query, keys)")

    def remember(self, rows: Ragged) -> Memory:
        """Rows `[N, D]` as a memory.

        Raises:
            Fault: rows of another width than `memory_size`.
        """
        if rows.data.shape[-1] != self.memory_size:
            raise Fault(
                f"{type(self).__name__}: the memory has {rows.data.shape[-1]} numbers a step, expected "
                f"{self.memory_size} (memory_size)"
            )
        values, lengths = rows.to_padded()
        keys = self.keys(rows.data)
        padded = values if keys is rows.data else rows.with_data(keys).to_padded()[0]
        places = torch.arange(rows.steps, device=values.device)
        return Memory(values, padded, places < lengths.to(values.device).unsqueeze(1))

    def weigh(self, query: Tensor, memory: Memory) -> Tensor:
        """`[B, T, Q]` -> the weight `[B, T, M]` of each step of the memory."""
        return masked_softmax(self.score(query, memory.keys), memory.present.unsqueeze(1))

    def forward(self, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Queries `[B, T, Q]` -> the weighted means `[B, T, D]`, and the weights `[B, T, M]`."""
        weights = self.weigh(query, memory)
        return torch.bmm(weights, memory.values), weights

    def over_rows(self, queries: Ragged, memory: Memory) -> tuple[Ragged, Ragged]:
        """As `forward`, for all steps of ragged queries `[N, Q]` at once: `[N, D]` and weights `[N, M]`."""
        padded, _ = queries.to_padded()
        means, weights = self(padded, memory)
        rows = queries.row_of if queries.order is None else queries.order[queries.row_of]
        places = (rows, queries.step_of)
        return queries.with_data(means[places]), queries.with_data(weights[places])


def masked_softmax(scores: Tensor, present: Tensor) -> Tensor:
    """A softmax over the last dimension among what is `present`; zeros where nothing is."""
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~present, lowest).softmax(-1) * present


@MODULES.register("dot_attention")
class DotAttention(Attention):
    """`score = q . m` (Luong et al., 2015); both must be as wide."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        if query_size != memory_size:
            raise Fault(
                f"{type(self).__name__} multiplies a query of {query_size} numbers with a memory of "
                f"{memory_size}: make them equal, or use general attention"
            )
        self.query_size, self.memory_size = query_size, memory_size

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return torch.bmm(query, keys.transpose(1, 2))


@MODULES.register("scaled_dot_attention")
class ScaledDotAttention(DotAttention):
    """`score = q . m / sqrt(Q)` (Vaswani et al., 2017)."""

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return super().score(query, keys) * float(self.query_size**-0.5)


@MODULES.register("general_attention")
class GeneralAttention(Attention):
    """`score = q . W m` (Luong et al., 2015)."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        self.query_size, self.memory_size = query_size, memory_size
        self.memory = nn.Linear(memory_size, query_size, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        keys: Tensor = self.memory(values)
        return keys

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return torch.bmm(query, keys.transpose(1, 2))


@MODULES.register("additive_attention")
class AdditiveAttention(Attention):
    """`score = v . tanh(W q + U m + b)` (Bahdanau et al., 2015).

    Args:
        size: width of the sum; query_size unless given.
    """

    def __init__(self, query_size: int, memory_size: int, size: int | None = None) -> None:
        self.query_size, self.memory_size = query_size, memory_size
        width = query_size if size is None else size
        self.query = nn.Linear(query_size, width, bias=False)
        self.memory = nn.Linear(memory_size, width)
        self.total = nn.Linear(width, 1, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        keys: Tensor = self.memory(values)
        return keys

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        sums = self.query(query).unsqueeze(2) + keys.unsqueeze(1)
        scores: Tensor = self.total(torch.tanh(sums)).squeeze(-1)
        return scores


@MODULES.register("local_attention")
class LocalAttention(Attention):
    """Predictive local attention, local-p (Luong et al., 2015).

    `p = (M - 1) s(v . tanh(W q))` is a place of the memory; only the steps within `reach` of it are weighed,
    by `score` and by a bell curve around p of deviation `reach / 2`, so the weights of a row sum to less than
    1.

    Args:
        score: any other attention.
        reach: steps seen on either side of p.
    """

    def __init__(self, score: Attention, reach: int = 10) -> None:
        if reach < 1:
            raise Fault(f"reach is {reach}, expected at least 1 step")
        self.inner = score
        self.reach = reach
        self.query_size, self.memory_size = score.query_size, score.memory_size
        self.hidden = nn.Linear(self.query_size, self.query_size, bias=False)
        self.place = nn.Linear(self.query_size, 1, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        return self.inner.keys(values)

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return self.inner.score(query, keys)

    def weigh(self, query: Tensor, memory: Memory) -> Tensor:
        last = (memory.present.sum(-1) - 1).clamp_min(0).to(query).reshape(-1, 1, 1)
        centre = last * torch.sigmoid(self.place(torch.tanh(self.hidden(query))))
        places = torch.arange(memory.present.shape[1], device=query.device, dtype=query.dtype)
        away = places - centre
        near = memory.present.unsqueeze(1) & (away.abs() <= self.reach)
        bell = torch.exp(-2 * (away / self.reach) ** 2)
        return masked_softmax(self.score(query, memory.keys), near) * bell
