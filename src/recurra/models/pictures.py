"""Pictures read: a vector for each, or its places one by one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recurra.models.inputs import Input
from recurra.models.picture_convolution import PictureConvolution
from recurra.ragged import Ragged
from recurra.registry import MODULES


class Pictures(Input):
    """Rows of pictures `[N, height, width, channels]`; a picture alone is a row of one."""

    convolution: PictureConvolution


@MODULES.register("picture_vectors")
class PictureVectors(Pictures):
    """One vector for each picture of a row: `W [v, 4 (v - v')] + b`, brought to mean 0 and deviation 1 (Ba et
    al., 2016). v holds of each map its largest number, its mean, and where it is large: the mean place under
    a softmax over the map (Levine et al., 2016); v' is that of the picture before, v itself in the first.

    Motion is in the differences (as in speech: Furui, 1986); without them a network over the frames was not
    seen to learn it.

    Args:
        convolution: pictures to maps.
        size: width of the vector.
    """

    def __init__(self, convolution: PictureConvolution, size: int) -> None:
        self.convolution, self.output_size = convolution, size
        self.linear = nn.Linear(8 * convolution.output_size, size)
        self.norm = nn.LayerNorm(size)
        self.register_buffer("where", place_grid(convolution.rows, convolution.columns))
        self.where: Tensor

    def forward(self, x: Any) -> Any:
        """Ragged `[N, height, width, channels]`, or a tensor `[B, T, ...]`, to the same kind of vectors."""
        if isinstance(x, Ragged):
            seen = self._see(x.data)
            return x.with_data(self._vectors(seen, seen[_before(x)]))
        seen = self._see(x.flatten(0, 1)).reshape(*x.shape[:2], -1)
        return self._vectors(seen, torch.cat([seen[:, :1], seen[:, :-1]], 1))

    def _see(self, pictures: Tensor) -> Tensor:
        maps = self.convolution(pictures).flatten(2)
        places = (maps.softmax(-1) @ self.where).flatten(1)
        return torch.cat([maps.amax(-1), maps.mean(-1), places], 1)

    def _vectors(self, seen: Tensor, before: Tensor) -> Tensor:
        # from frame to frame little changes: small numbers would be learnt late
        made: Tensor = self.norm(self.linear(torch.cat([seen, 4 * (seen - before)], -1)))
        return made


@MODULES.register("picture_places")
class PicturePlaces(Pictures):
    """Every place of each picture's maps as a step of its own, row by row, to look at (Xu et al., 2015).

    A place is its part of the maps and where it is: x and y from -1 to 1 (Liu et al., 2018). A row of T
    pictures becomes a row of `T * places` steps.
    """

    def __init__(self, convolution: PictureConvolution) -> None:
        self.convolution = convolution
        self.places = convolution.rows * convolution.columns
        self.output_size = convolution.output_size + 2
        self.register_buffer("where", place_grid(convolution.rows, convolution.columns))
        self.where: Tensor

    def forward(self, x: Any) -> Any:
        """Ragged `[N, height, width, channels]`, or a tensor `[B, T, ...]`, to the same kind with more
        steps.
        """
        if not isinstance(x, Ragged):
            steps: Tensor = self._steps(x.flatten(0, 1))
            return steps.reshape(x.shape[0], x.shape[1] * self.places, self.output_size)
        lengths = x.lengths * self.places
        return Ragged.from_joined(self._steps(x.to_joined()), torch.cumsum(lengths, 0) - lengths, lengths)

    def _steps(self, pictures: Tensor) -> Tensor:
        """`[N, ...]` -> `[N * places, output_size]`."""
        maps = self.convolution(pictures).flatten(2).transpose(1, 2)
        where = self.where.expand(len(maps), -1, -1)
        return torch.cat([maps, where], -1).flatten(0, 1)


def _before(rows: Ragged) -> Tensor:
    """`[N]`: the index of the step before each, in its row of packed rows; of the first step, its own."""
    step = rows.step_of
    width = torch.tensor((0, *rows.batch_sizes), device=step.device)[step]
    here = torch.arange(len(step), device=step.device)
    return here - width


def place_grid(rows: int, columns: int) -> Tensor:
    """`[rows * columns, 2]`: x and y of each place, from -1 to 1, row by row."""
    across, down = torch.linspace(-1, 1, columns), torch.linspace(-1, 1, rows)
    return torch.stack([across.repeat(rows), down.repeat_interleave(columns)], 1)
