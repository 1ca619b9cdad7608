"""Pictures as features: a vector for each, or its places one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.layers.inputs import Input, Vectors
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured

PictureNorm = Literal["picture", "batch", "none"]

_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "picture": lambda channels: nn.GroupNorm(1, channels),
    "batch": nn.BatchNorm2d,
    "none": lambda channels: nn.Identity(),
}


@MODULES.register("picture_convolution")
class PictureConvolution(Configured):
    """Pictures `[N, height, width, channels]` -> maps `[N, D, rows, columns]`.

    Each layer is a 3 x 3 convolution, a normalisation and a rectifier.

    Args:
        height, width, channels: of a picture.
        sizes: channels of each layer. strides: 2 halves both sides in that layer, 1 keeps them.
        norm: "picture" brings all of a picture's numbers to mean 0 and deviation 1 (one group; Wu and He,
            2018), so that how bright a picture is, and how strong its contrast, is lost; "batch" each channel
            over all pictures of a batch (Ioffe and Szegedy, 2015), so that a training depends on how many
            processes share its batches; "none" adds a constant for each channel.

    Attributes:
        rows, columns, output_size: of the maps, D their number.
        sums: how many numbers the convolutions make of one picture.
    """

    def __init__(
        self,
        height: int,
        width: int,
        channels: int,
        sizes: list[int],
        strides: list[int],
        norm: PictureNorm = "picture",
    ) -> None:
        if not sizes or min(height, width, channels, *sizes) < 1:
            raise Fault(
                f"pictures of {height} x {width} x {channels} and layers of {sizes} channels: expected one "
                f"layer, and at least 1 everywhere"
            )
        self.height, self.width, self.channels = height, width, channels
        self.scale = Vectors(channels)
        layers: list[nn.Module] = []
        below, rows, columns, self.sums = channels, height, width, 0
        if len(strides) != len(sizes) or not set(strides) <= {1, 2}:
            raise Fault(f"strides {strides} found, expected a 1 or 2 for each of {len(sizes)} layers")
        for size, stride in zip(sizes, strides, strict=True):
            convolution = nn.Conv2d(below, size, 3, stride, padding=1, bias=norm == "none")
            if norm == "none":
                nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            layers += [convolution, _NORMS[norm](size), nn.ReLU()]
            below, rows, columns = size, -(-rows // stride), -(-columns // stride)
            self.sums += size * rows * columns
        self.layers = nn.Sequential(*layers)
        self.rows, self.columns, self.output_size = rows, columns, below

    def learn(self, pictures: Tensor) -> None:
        """Takes mean and deviation of each channel from training pictures `[N, height, width, channels]`."""
        self.scale.learn(pictures.reshape(-1, self.channels).to(self.scale.mean))

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class; any type of numbers.

        Raises:
            Fault: pictures of another height, width or number of channels.
        """
        if pictures.shape[1:] != (self.height, self.width, self.channels):
            raise Fault(
                f"pictures {list(pictures.shape[1:])} found, expected [{self.height}, {self.width}, "
                f"{self.channels}]: height, width, channels"
            )
        scaled: Tensor = self.scale(pictures.to(self.scale.mean.dtype))
        maps: Tensor = self.layers(scaled.movedim(-1, 1))
        return maps


class Pictures(Input):
    """Reads rows of pictures `[N, height, width, channels]`; a picture alone is a row of one."""

    convolution: PictureConvolution


@MODULES.register("picture_vectors")
class PictureVectors(Pictures):
    """One vector for each picture of a row: `W [v, 4 (v - v')] + b`, brought to mean 0 and deviation 1 (Ba et
    al., 2016). v holds of each map its largest number, its mean, and where it is large: the mean place under
    a softmax over the map (Levine et al., 2016); v' is that of the picture before, v itself in the first.

    Motion is in the differences (as in speech: Furui, 1986); without them a network over the frames was not
    seen to learn it. What turns changes these numbers little: with `motion` the convolution sees what
    changed at each place.

    Args:
        convolution: pictures to maps; with motion, of frames as `with_motion` makes them.
        size: width of the vector.
        motion: whether a frame is seen beside its difference from the one before.
    """

    def __init__(self, convolution: PictureConvolution, size: int, motion: bool = False) -> None:
        if motion and convolution.channels % 2:
            raise Fault(
                f"motion: a convolution of {convolution.channels} channels found, expected an even number: "
                f"those of a frame, and what changed in each"
            )
        self.convolution, self.output_size, self.motion = convolution, size, motion
        self.linear = nn.Linear(8 * convolution.output_size, size)
        self.norm = nn.LayerNorm(size)
        self.register_buffer("where", place_grid(convolution.rows, convolution.columns))
        self.where: Tensor

    def forward(self, x: Any) -> Any:
        """Ragged `[N, height, width, channels]`, or a tensor `[B, T, ...]`, to the same kind of vectors."""
        if self.motion:
            x = with_motion(x)
        if isinstance(x, Ragged):
            v = self._summaries(x.data)
            return x.with_data(self._vectors(v, v[_previous(x)]))
        v = self._summaries(x.flatten(0, 1)).reshape(*x.shape[:2], -1)
        return self._vectors(v, _delayed(v))

    def _summaries(self, pictures: Tensor) -> Tensor:
        """v, `[N, 4 D]`."""
        maps = self.convolution(pictures).flatten(2)
        places = (maps.softmax(-1) @ self.where).flatten(1)
        return torch.cat([maps.amax(-1), maps.mean(-1), places], 1)

    def _vectors(self, v: Tensor, previous: Tensor) -> Tensor:
        # from frame to frame little changes: small numbers would be learnt late
        vectors: Tensor = self.norm(self.linear(torch.cat([v, 4 * (v - previous)], -1)))
        return vectors


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
        steps: `[N * places, output_size]`, or `[B, T * places, output_size]`.
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


def place_grid(rows: int, columns: int) -> Tensor:
    """`[rows * columns, 2]`: x and y of each place, from -1 to 1, row by row."""
    across, down = torch.linspace(-1, 1, columns), torch.linspace(-1, 1, rows)
    return torch.stack([across.repeat(rows), down.repeat_interleave(columns)], 1)


def with_motion(x: Any) -> Any:
    """Frames `[N, height, width, channels]` of ragged rows, or a tensor `[B, T, ...]`, to the same kind of
    frames of twice as many channels: each number, and its difference from that of the frame before, 0 in the
    first.
    """
    if isinstance(x, Ragged):
        frames = _floats(x.data)
        return x.with_data(torch.cat([frames, frames - frames[_previous(x)]], -1))
    frames = _floats(x)
    return torch.cat([frames, frames - _delayed(frames)], -1)


def _floats(frames: Tensor) -> Tensor:
    return frames if frames.is_floating_point() else frames.to(torch.get_default_dtype())


def _delayed(rows: Tensor) -> Tensor:
    """`[B, T, ...]`: at each step what the step before had; the first, its own."""
    return torch.cat([rows[:, :1], rows[:, :-1]], 1)


def _previous(rows: Ragged) -> Tensor:
    """`[N]`: the index of the step before each, in its row of packed rows; of the first step, its own."""
    step = rows.step_of
    width = torch.tensor((0, *rows.batch_sizes), device=step.device)[step]
    here = torch.arange(len(step), device=step.device)
    return here - width
