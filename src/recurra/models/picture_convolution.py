"""A small convolutional network over pictures."""

from __future__ import annotations

from torch import Tensor, nn

from recurra.errors import Fault
from recurra.models.inputs import Vectors
from recurra.registry import MODULES, Configured


@MODULES.register("picture_convolution")
class PictureConvolution(Configured):
    """Pictures `[N, height, width, channels]` -> maps `[N, D, rows, columns]`.

    Each layer is a 3 x 3 convolution, a normalisation over all of a picture's numbers (one group; Wu and He,
    2018), and a rectifier.

    Args:
        height, width, channels: of a picture.
        sizes: channels of each layer. strides: 2 halves both sides in that layer, 1 keeps them.

    Attributes:
        rows, columns, output_size: of the maps, D their number.
        sums: how many numbers the convolutions make of one picture.
    """

    def __init__(self, height: int, width: int, channels: int, sizes: list[int], strides: list[int]) -> None:
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
            layers += [
                nn.Conv2d(below, size, 3, stride, padding=1, bias=False),
                nn.GroupNorm(1, size),
                nn.ReLU(),
            ]
            below, rows, columns = size, -(-rows // stride), -(-columns // stride)
            self.sums += size * rows * columns
        self.layers = nn.Sequential(*layers)
        self.rows, self.columns, self.output_size = rows, columns, below

    def learn(self, pictures: Tensor) -> None:
        """Takes mean and deviation of each channel from training pictures `[N, height, width, channels]`."""
        self.scale.learn(pictures.reshape(-1, self.channels).to(self.scale.mean))

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class; any type of numbers."""
        if pictures.shape[1:] != (self.height, self.width, self.channels):
            raise Fault(
                f"pictures {list(pictures.shape[1:])} found, expected [{self.height}, {self.width}, "
                f"{self.channels}]: height, width, channels"
            )
        scaled: Tensor = self.scale(pictures.to(self.scale.mean.dtype))
        made: Tensor = self.layers(scaled.movedim(-1, 1))
        return made
