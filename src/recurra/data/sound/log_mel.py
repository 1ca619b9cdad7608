"""What a recogniser reads of sound: the logarithm of the energy in bands as wide as hearing has them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from recurra.errors import Fault

FLOOR = 1e-8
"""Least energy of a band: about that of the last bit of 16."""


class LogMel:
    """Sound -> frames of log mel-filterbank energies (Davis and Mermelstein, 1980; the filters as in Young et
    al., The HTK Book).

    A frame is a piece of `window` seconds under a Hann window, the next one begins `hop` seconds later; none
    reaches beyond the sound, so the frames of a stream are those of the whole. Its power spectrum, divided by
    the window's energy (white noise of variance v has v in each bin), is summed under triangles that are
    evenly spaced on the mel scale, `2595 log10(1 + f / 700)`.

    Args:
        rate: of the sound, in Hz. bands: how many triangles. low, high: their ends in Hz; high is half the
            rate without it.

    Raises:
        Fault: settings that leave a band empty.
    """

    def __init__(
        self,
        rate: int,
        bands: int = 40,
        window: float = 0.025,
        hop: float = 0.01,
        low: float = 20.0,
        high: float | None = None,
    ) -> None:
        high = rate / 2 if high is None else high
        if not 0 <= low < high <= rate / 2:
            raise Fault(f"bands from {low:g} to {high:g} Hz found, expected 0 <= low < high <= {rate / 2:g}")
        self.rate, self.bands = rate, bands
        self.window, self.hop = round(window * rate), round(hop * rate)
        if self.window < 2 or not 1 <= self.hop <= self.window:
            raise Fault(
                f"window = {window} s, hop = {hop} s found at {rate:,} samples a second, expected a hop of "
                f"at least 1 sample, no longer than the window"
            )
        self.size = 2 ** math.ceil(math.log2(self.window))
        self._shape = torch.hann_window(self.window, periodic=False)
        self._shape = self._shape / self._shape.square().sum().sqrt()
        self._filters = _triangles(rate, self.size, bands, low, high)

    def count(self, samples: int) -> int:
        """How many frames so many samples have."""
        return max(0, 1 + (samples - self.window) // self.hop)

    def __call__(self, samples: Tensor) -> Tensor:
        """Samples `[N]`, full scale 1 -> `[count(N), bands]`, natural logarithms."""
        if not self.count(len(samples)):
            return samples.new_zeros(0, self.bands)
        frames = samples.unfold(0, self.window, self.hop) * self._shape
        power = torch.fft.rfft(frames, self.size).abs().square()
        energies: Tensor = power @ self._filters
        return energies.clamp_min(FLOOR).log()


def _triangles(rate: int, size: int, bands: int, low: float, high: float) -> Tensor:
    """`[size / 2 + 1, bands]`: the weight of each bin of the spectrum in each band."""
    first, last = _mel(low), _mel(high)
    edges = [_hertz(first + (last - first) * k / (bands + 1)) for k in range(bands + 2)]
    bins = torch.arange(size // 2 + 1, dtype=torch.float64) * rate / size
    left, middle, right = (torch.tensor(edges[k : k + bands], dtype=torch.float64) for k in range(3))
    rise = (bins.unsqueeze(1) - left) / (middle - left)
    fall = (right - bins.unsqueeze(1)) / (right - middle)
    weights = torch.minimum(rise, fall).clamp_min(0)
    empty = (weights.sum(0) == 0).nonzero().flatten().tolist()
    if empty:
        raise Fault(
            f"bands = {bands}: band {empty[0] + 1}, {edges[empty[0]]:.0f} to {edges[empty[0] + 2]:.0f} Hz, "
            f"holds no bin of a spectrum of {size} points: set fewer bands, a longer window or a higher low"
        )
    return weights.float()


def _mel(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)


def _hertz(mel: float) -> float:
    return 700 * (10 ** (mel / 2595) - 1)
