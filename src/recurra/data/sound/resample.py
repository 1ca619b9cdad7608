"""Sound at another rate."""

from __future__ import annotations

from math import gcd

import torch
from torch import Tensor

from recurra.errors import Fault

_ZEROS = 16
_ROLL = 0.95


def resample(samples: Tensor, source: int, target: int) -> Tensor:
    """Samples `[N]` at `source` Hz -> `[ceil(N * target / source)]` at `target` Hz.

    Band-limited interpolation (Smith and Gossett, 1984): a sinc that passes 95 % of the lower of the two
    bands, under a Hann window of 16 zero crossings on either side, once for each of the phases that the two
    rates have.
    """
    if source < 1 or target < 1:
        raise Fault(f"rates {source} and {target} Hz found, expected at least 1")
    common = gcd(source, target)
    old, new = source // common, target // common
    if old == new or not len(samples):
        return samples
    cutoff = _ROLL * min(old, new)
    reach = int(_ZEROS * old / cutoff) + 1
    # of output phase p: the distance to each input sample, in units of `common` periods
    inputs = torch.arange(-reach, reach + old, dtype=torch.float64) / old
    distance = inputs - torch.arange(new, dtype=torch.float64).unsqueeze(1) / new
    inside = (distance * cutoff / _ZEROS).clamp(-1, 1)
    kernel = torch.sinc(distance * cutoff) * torch.cos(inside * torch.pi / 2).square() * cutoff / old
    padded = torch.nn.functional.pad(samples, (reach, reach + old))
    phases = torch.nn.functional.conv1d(padded[None, None], kernel.to(samples).unsqueeze(1), stride=old)
    return phases[0].T.reshape(-1)[: -(-len(samples) * new // old)]
