"""Numbers too small for their type's full precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def flushed_subnormals() -> Iterator[None]:
    """Within it a processor that can takes numbers below the smallest normal one (1.2e-38) as 0.

    They gain nothing in training and may cost much: an Adam update of nothing but such means of gradients
    took twelve times as long. Where a training has none of them, as most at first, nothing is gained.
    """
    earlier = not bool(torch.tensor([1e-40]) * 1.0 != 0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(earlier)
