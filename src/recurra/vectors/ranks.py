"""Training shared by several processes, on one machine or more, through torch.distributed.

Each rank reads pieces of the corpus of its own, and trains on them alone; every so many words the matrices of
all ranks are replaced by their mean. Without a process group there is one rank, and nothing is exchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from recurra.vectors.native import native

if TYPE_CHECKING:
    from recurra.vectors._vectors import Counter

_BLOCK = 1 << 22


def rank_and_world() -> tuple[int, int]:
    """This process's number, and how many there are."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def merge_counts(counter: Counter) -> Counter:
    """The words of all ranks, the same table on each."""
    merged: Counter = native().Counter()
    words_of_ranks = _gather(np.frombuffer(counter.words(), np.uint8))
    for words, counts in zip(words_of_ranks, _gather(counter.counts()), strict=True):
        merged.add(words.tobytes(), counts)
    return merged


def average(matrix: NDArray[np.float32]) -> None:
    """Replaces the matrix by its mean over the ranks, in place and in blocks."""
    flat = torch.from_numpy(matrix.reshape(-1))
    for start in range(0, len(flat), _BLOCK):
        block = flat[start : start + _BLOCK]
        dist.all_reduce(block)
        block /= dist.get_world_size()


def _gather(values: NDArray[Any]) -> list[NDArray[Any]]:
    world = dist.get_world_size()
    length = torch.tensor([values.size])
    lengths = [torch.zeros_like(length) for _ in range(world)]
    dist.all_gather(lengths, length)
    padded = np.zeros(max(int(n) for n in lengths), values.dtype)
    padded[: values.size] = values
    mine = torch.from_numpy(padded)
    all_of_them = [torch.zeros_like(mine) for _ in range(world)]
    dist.all_gather(all_of_them, mine)
    return [part.numpy()[: int(n)] for part, n in zip(all_of_them, lengths, strict=True)]
