"""Properties of a text, one number a token, for probes to look for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def inside_quotes(tokens: Sequence[str], mark: str = '"') -> Tensor:
    """`[T]`: 1 from an opening mark up to the closing one, else 0; the same mark opens and closes."""
    inside, values = False, []
    for token in tokens:
        if token.count(mark) % 2:
            inside = not inside
        values.append(float(inside))
    return torch.tensor(values)


def position_in_line(tokens: Sequence[str], end: str = "\n") -> Tensor:
    """`[T]`: how many tokens of its line come before each, 0 for the first; a line ends with a token that
    holds `end`.
    """
    position, values = 0, []
    for token in tokens:
        values.append(float(position))
        position = 0 if end in token else position + 1
    return torch.tensor(values)
