"""What attention is: a query looks over the steps of another row and takes a weighted mean of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.ragged import Ragged
from recurra.registry import Configured


class Memory(NamedTuple):
    """The steps that are looked over, a row each, in the caller's order; a tree of a state (see
    `recurra.state`).

    Rows are filled up to the longest of the batch, so scores alone are computed for steps that are not there,
    and masked; what made `values` and `keys` never saw them.
    """

    values: Tensor  # [B, M, D]: what is taken
    keys: Tensor  # [B, M, K]: what is compared
    present: Tensor  # [B, M] bool: the steps that are there


class Attention(Configured):
    """Scores each step of a memory for a query; a subclass writes `score`, and `keys` where it needs them.

    The weights of a row sum to 1; those of a memory of length 0 do not exist, and give zeros.
    """

    query_size: int
    memory_size: int

    def keys(self, values: Tensor) -> Tensor:
        """`[N, D]` -> `[N, K]`: the part of the scores that no query changes, made once a row."""
        return values

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        """`[B, T, Q]`, `[B, M, K]` -> `[B, T, M]`."""
        raise NotImplementedError(f"{type(self).__name__} has no score(query, keys)")

    def remember(self, rows: Ragged) -> Memory:
        """Rows `[N, D]` as a memory."""
        if rows.data.shape[-1] != self.memory_size:
            raise Fault(
                f"{type(self).__name__}: the memory has {rows.data.shape[-1]} numbers a step, expected "
                f"{self.memory_size} (memory_size)"
            )
        values, lengths = rows.to_padded()
        made = self.keys(rows.data)
        keys = values if made is rows.data else rows.with_data(made).to_padded()[0]
        places = torch.arange(rows.steps, device=values.device)
        return Memory(values, keys, places < lengths.to(values.device).unsqueeze(1))

    def weigh(self, query: Tensor, memory: Memory) -> Tensor:
        """`[B, T, Q]` -> the weight `[B, T, M]` of each step of the memory."""
        return masked_softmax(self.score(query, memory.keys), memory.present.unsqueeze(1))

    def forward(self, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Queries `[B, T, Q]` -> what they take `[B, T, D]`, and the weights `[B, T, M]`."""
        weights = self.weigh(query, memory)
        return torch.bmm(weights, memory.values), weights

    def over_rows(self, queries: Ragged, memory: Memory) -> tuple[Ragged, Ragged]:
        """As `forward`, for all steps of ragged queries `[N, Q]` at once: `[N, D]` and weights `[N, M]`."""
        padded, _ = queries.to_padded()
        taken, weights = self(padded, memory)
        rows = queries.row_of if queries.order is None else queries.order[queries.row_of]
        places = (rows, queries.step_of)
        return queries.with_data(taken[places]), queries.with_data(weights[places])


def masked_softmax(scores: Tensor, present: Tensor) -> Tensor:
    """A softmax over the last dimension among what is `present`; zeros where nothing is."""
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~present, lowest).softmax(-1) * present
