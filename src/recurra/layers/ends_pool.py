"""Both ends of what two directions have read."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.layers.pooling import Pool
from recurra.ragged import Ragged
from recurra.registry import MODULES


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
