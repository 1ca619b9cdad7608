"""Spectra as another voice, another room or a worse microphone would have given them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("voice_change")
class VoiceChange(Layer):
    """Each row of spectra changed in training, by amounts drawn for the row: bands moved as by a longer or
    shorter vocal tract (Jaitly and Hinton, 2013), a straight line over the bands added, and noise.

    `y[k] = x[k * f] + g + s (2 k / (size - 1) - 1) + n e`, where x between two bands is read off the line
    between them and beyond the last one is the last.

    Args:
        size: bands; width of x and y.
        warp: f is even from 1 - warp to 1 + warp.
        tilt: g and s are even from -tilt to tilt.
        noise: n is even from 0 to noise; e is normal, of deviation 1, drawn for each number.

    In training each call of `step` is a row of its own.
    """

    def __init__(self, size: int, warp: float = 0.1, tilt: float = 0.0, noise: float = 0.0) -> None:
        if not 0 <= warp < 1 or tilt < 0 or noise < 0:
            raise Fault(
                f"warp = {warp}, tilt = {tilt}, noise = {noise}: expected a warp from 0 to below 1, and "
                f"nothing below 0"
            )
        self.input_size = size
        self.warp, self.tilt, self.noise = warp, tilt, noise

    @property
    def output_size(self) -> int:
        return self.input_size

    @property
    def delay(self) -> int | None:
        return 0

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        if not self.training or not len(rows.data):
            return rows, None
        return rows.with_data(self._changed(rows.data, len(rows), rows.row_of)), None

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        if not self.training:
            return x, None
        return self._changed(x, len(x), torch.arange(len(x), device=x.device)), None

    def _changed(self, x: Tensor, rows: int, row_of: Tensor) -> Tensor:
        """`[N, size]`, of which row each is."""

        def amounts() -> Tensor:
            return 2 * torch.rand(rows, 1, dtype=x.dtype, device=x.device) - 1

        bands = torch.arange(self.input_size, dtype=x.dtype, device=x.device)
        places = (bands * (1 + self.warp * amounts())).clamp(max=self.input_size - 1)
        low = places.floor()
        high = (low + 1).clamp(max=self.input_size - 1)
        share = (places - low)[row_of]
        y = x.gather(1, low.long()[row_of]) * (1 - share) + x.gather(1, high.long()[row_of]) * share
        line = 2 * bands / max(1, self.input_size - 1) - 1
        y = y + (self.tilt * (amounts() + amounts() * line))[row_of]
        deviation = self.noise * amounts().abs()
        return y + deviation[row_of] * torch.randn_like(y)
