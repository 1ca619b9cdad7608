"""Spectra with holes, so that no band and no moment is relied on alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("spec_augment")
class SpecAugment(Layer):
    """Stretches of time and of frequency set to 0, in training (Park et al., 2019); 0 is the mean where
    features are normalised. Steps are not warped.

    Args:
        size: bands; width of x and y.
        bands: masks over frequency; each covers 0 to `width` bands, drawn for each row.
        moments: masks over time; each covers 0 to `length` steps, and `share` of the row at most.

    In training each call of `step` is a row of its own, and only bands are masked.
    """

    def __init__(
        self,
        size: int,
        bands: int = 2,
        width: int = 8,
        moments: int = 2,
        length: int = 20,
        share: float = 0.2,
    ) -> None:
        if min(bands, width, moments, length) < 0 or width > size or not 0 <= share <= 1:
            raise Fault(
                f"bands = {bands} of width {width}, moments = {moments} of length {length}, share = {share}: "
                f"expected nothing below 0, a width of at most {size} and a share of at most 1"
            )
        self.input_size = size
        self.bands, self.width = bands, width
        self.moments, self.length, self.share = moments, length, share

    @property
    def output_size(self) -> int:
        return self.input_size

    @property
    def delay(self) -> int | None:
        return 0

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        if not self.training or not len(rows.data):
            return rows, None
        data = rows.data * self._band_masks(rows.data, len(rows))[rows.row_of]
        lengths = rows.packed_lengths.to(data.device)
        for _ in range(self.moments):
            most = (lengths * self.share).clamp(max=self.length).floor()
            extent = (_chances(data, len(rows)) * (most + 1)).floor()
            begin = (_chances(data, len(rows)) * (lengths - extent + 1)).floor()
            step = rows.step_of
            inside = (step >= begin[rows.row_of]) & (step < (begin + extent)[rows.row_of])
            data = data * ~inside.unsqueeze(1)
        return rows.with_data(data), None

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        return (x * self._band_masks(x, len(x)) if self.training else x), None

    def _band_masks(self, like: Tensor, rows: int) -> Tensor:
        """`[rows, size]`, 0 in the bands that are masked and 1 elsewhere."""
        masks = torch.ones(rows, self.input_size, dtype=torch.bool, device=like.device)
        places = torch.arange(self.input_size, device=like.device)
        for _ in range(self.bands):
            extent = (_chances(like, rows) * (self.width + 1)).floor().unsqueeze(1)
            begin = (_chances(like, rows).unsqueeze(1) * (self.input_size - extent + 1)).floor()
            masks &= ~((places >= begin) & (places < begin + extent))
        return masks.to(like.dtype)


def _chances(like: Tensor, rows: int) -> Tensor:
    """`[rows]`, each even from 0 to 1."""
    return torch.rand(rows, dtype=like.dtype, device=like.device)
