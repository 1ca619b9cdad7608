"""What a segment's second run must find as its first one did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor


def autocast_now(device: str) -> AbstractContextManager[None]:
    """Autocast as it is now, without its store of cast weights: a segment's belong to its own graph."""
    if not torch.amp.is_autocast_available(device):
        return nullcontext()
    kind, on = torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)
    return torch.autocast(device, dtype=kind, enabled=on, cache_enabled=False)


def random_state(like: Tensor) -> tuple[Tensor, Tensor | None]:
    """Of the generator on the CPU, and of that on `like`'s device."""
    return torch.get_rng_state(), torch.cuda.get_rng_state(like.device) if like.is_cuda else None


@contextmanager
def drawing(state: tuple[Tensor, Tensor | None] | None, like: Tensor) -> Iterator[None]:
    """Random numbers as they were drawn from this state on; outside, none seem drawn."""
    if state is None:
        yield
        return
    with torch.random.fork_rng(devices=[like.device] if like.is_cuda else []):
        torch.set_rng_state(state[0])
        if state[1] is not None:
            torch.cuda.set_rng_state(state[1], like.device)
        yield
