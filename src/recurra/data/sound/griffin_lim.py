"""Sound made of the energies of its bands."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.data.sound.log_mel import LogMel


class ReversibleLogMel(LogMel):
    """Log mel energies with a way back; see `LogMel`."""

    def sound(self, features: Tensor, rounds: int = 60) -> Tensor:
        """`[T, bands]`, natural logarithms -> samples `[N]` that have about these energies.

        Bands are spread over the spectrum by the filters' pseudo-inverse. Phases, which the energies don't
        tell, start from the same random ones each time, and are brought into agreement round by round: the
        sound of the spectra so far, and the phases of that sound (Griffin and Lim, 1984).
        """
        if not len(features):
            return torch.zeros(0)
        power = features.float().exp() @ torch.linalg.pinv(self._filters)
        size = power.clamp_min(0).sqrt()
        turns = torch.rand(size.shape, generator=torch.Generator().manual_seed(0))
        phases = torch.polar(torch.ones_like(size), 2 * torch.pi * turns)
        sound = self._overlapped(size * phases)
        for _ in range(rounds):
            spectra = torch.fft.rfft(sound.unfold(0, self.window, self.hop) * self._shape, self.size)
            sound = self._overlapped(size * torch.exp(1j * spectra.angle()))
        return sound

    def _overlapped(self, spectra: Tensor) -> Tensor:
        """The sound whose frames come nearest to these, by least squares; where hardly any window reaches, at
        its two ends, it fades: what stands there would be divided by nearly nothing, and click.
        """
        frames = torch.fft.irfft(spectra, self.size)[:, : self.window] * self._shape
        weights = self._shape.square().expand_as(frames)
        length = (len(frames) - 1) * self.hop + self.window

        def joined(pieces: Tensor) -> Tensor:
            return F.fold(
                pieces.T.unsqueeze(0), (1, length), (1, self.window), stride=(1, self.hop)
            ).flatten()

        return joined(frames) / joined(weights).clamp_min(0.25 * float(weights.max()))
