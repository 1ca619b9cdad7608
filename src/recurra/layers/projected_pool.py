"""One vector a row, of a width of one's own."""

from __future__ import annotations

from torch import Tensor, nn

from recurra.layers.pooling import Pool
from recurra.ragged import Ragged
from recurra.registry import MODULES


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
        made: Tensor = self.linear(self.inner.pool(rows))
        return made
