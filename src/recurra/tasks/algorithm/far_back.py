"""Problems of one answer a row, which lies far back."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

CLOSE = 0.2
"""Of a sum: within that an answer is right."""


def adding(rows: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The adding problem (Hochreiter and Schmidhuber, 1997): sum the two marked numbers.

    x `[B, T, 2]`: a number in [0, 1) and a mark, 1 at one step of each half; targets `[B]`. Always answering
    1 gives a mean squared error of 1/6.
    """
    x = torch.zeros(rows, steps, 2)
    x[..., 0] = torch.rand(rows, steps, generator=generator)
    half, every = steps // 2, torch.arange(rows)
    for low, high in ((0, half), (half, steps)):
        x[every, torch.randint(low, high, (rows,), generator=generator), 1] = 1.0
    return x, x.prod(-1).sum(1)


def temporal_order(rows: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Temporal order (Hochreiter and Schmidhuber, 1997, experiment 6a; places as in Pascanu et al., 2013).

    x `[B, T, 6]`: one of six symbols a step, four of them noise; an A or a B stands at one step of the second
    tenth and at one of the fifth. Targets `[B]`: which of AA, AB, BA, BB it was, 0 to 3.
    """
    symbols = torch.randint(2, 6, (rows, steps), generator=generator)
    letters = torch.randint(0, 2, (rows, 2), generator=generator)
    every = torch.arange(rows)
    for number, tenth in ((0, 1), (1, 4)):
        low, high = tenth * steps // 10, max((tenth + 1) * steps // 10, tenth * steps // 10 + 1)
        symbols[every, torch.randint(low, high, (rows,), generator=generator)] = letters[:, number]
    return F.one_hot(symbols, 6).float(), 2 * letters[:, 0] + letters[:, 1]
