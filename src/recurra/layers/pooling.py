"""Pools: the steps of a row to one vector. A row of length 0 gives zeros."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


class Pool(Configured):
    """`[N, input_size]` ragged, or `[B, T, input_size]` -> `[B, output_size]`, in the caller's order.

    A subclass writes `pool`.

    Attributes:
        input_size: width of a step. output_size: width of the vector; the same unless a subclass sets it.
    """

    def __init__(self, input_size: int) -> None:
        self.input_size = self.output_size = input_size

    def forward(self, x: Ragged | Tensor) -> Tensor:
        """One vector a row."""
        rows = x if isinstance(x, Ragged) else Ragged.from_dense(x)
        return rows.unsort(self.pool(rows))

    def pool(self, rows: Ragged) -> Tensor:
        """`[B, output_size]` in packed order."""
        raise NotImplementedError(f"{type(self).__name__} has no pool(rows)")


@MODULES.register("last_pool")
class LastPool(Pool):
    """Each row's last step: for a causal layer, the one that has seen the whole row."""

    def pool(self, rows: Ragged) -> Tensor:
        return rows.sort(rows.last())


@MODULES.register("ends_pool")
class EndsPool(Pool):
    """For a bidirectional layer with its outputs side by side: the forward part's last step and the backward
    part's first, each of which has seen the whole row.

    Args:
        input_size: width of both parts together.
        forward_size: width of the forward part.
    """

    def __init__(self, input_size: int, forward_size: int) -> None:
        super().__init__(input_size)
        if not 0 < forward_size < input_size:
            raise Fault(f"forward_size is {forward_size}, expected from 1 to below input_size = {input_size}")
        self.forward_size = forward_size

    def pool(self, rows: Ragged) -> Tensor:
        present = rows.batch_sizes[0] if rows.batch_sizes else 0
        back = rows.data[:present, self.forward_size :]
        back = torch.cat([back, back.new_zeros(rows.rows - present, back.shape[1])])
        return torch.cat([rows.sort(rows.last())[:, : self.forward_size], back], -1)


@MODULES.register("mean_pool")
class MeanPool(Pool):
    """The mean over each row's steps."""

    def pool(self, rows: Ragged) -> Tensor:
        lengths = rows.packed_lengths.clamp(min=1).to(rows.data)
        return row_sums(rows, rows.data) / lengths.unsqueeze(1)


@MODULES.register("max_pool")
class MaxPool(Pool):
    """The largest value of each feature over each row's steps."""

    def pool(self, rows: Ragged) -> Tensor:
        return row_maxima(rows, rows.data)


@MODULES.register("attention_pool")
class AttentionPool(Pool):
    """A mean weighted by what each step says: `u_t = tanh(W x_t + b)`, `a = softmax(v . u)`, `sum_t a_t x_t`
    (Yang et al., 2016, without the context of other rows).

    Args:
        attention_size: width of u; input_size unless given.
    """

    def __init__(self, input_size: int, attention_size: int | None = None) -> None:
        super().__init__(input_size)
        self.hidden = nn.Linear(input_size, attention_size or input_size)
        self.score = nn.Linear(attention_size or input_size, 1, bias=False)

    def pool(self, rows: Ragged) -> Tensor:
        return row_sums(rows, self.weights(rows).data.unsqueeze(1) * rows.data)

    def weights(self, rows: Ragged) -> Ragged:
        """The weight of each step, `[N]`; those of a row sum to 1."""
        scores = self.score(torch.tanh(self.hidden(rows.data)))
        powers = torch.exp(scores - row_maxima(rows, scores).detach().index_select(0, rows.row_of))
        totals = row_sums(rows, powers).index_select(0, rows.row_of)
        return rows.with_data((powers / totals).squeeze(1))


@MODULES.register("projected_pool")
class ProjectedPool(Pool):
    """`v = W p + b` of what another pool gives.

    Args:
        pool: many steps to p.
        size: width of v.
    """

    def __init__(self, pool: Pool, size: int) -> None:
        super().__init__(pool.input_size)
        self.output_size = size
        self.inner = pool
        self.linear = nn.Linear(pool.output_size, size)

    def pool(self, rows: Ragged) -> Tensor:
        vectors: Tensor = self.linear(self.inner.pool(rows))
        return vectors


def row_sums(rows: Ragged, values: Tensor) -> Tensor:
    """`[N, F]` in the places of `rows` -> `[B, F]`, the sum over each row's steps, in packed order."""
    return values.new_zeros(rows.rows, values.shape[1]).index_add(0, rows.row_of, values)


def row_maxima(rows: Ragged, values: Tensor) -> Tensor:
    """`[N, F]` in the places of `rows` -> `[B, F]`, the largest over each row's steps, in packed order."""
    places = rows.row_of.unsqueeze(1).expand_as(values)
    start = values.new_zeros(rows.rows, values.shape[1])
    return start.scatter_reduce(0, places, values, "amax", include_self=False)
