"""Pairs of a source and the ids of its target, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from recurra.ragged import Ragged
from recurra.tasks.parts.batches import Epoch, shuffled_batches

TokenPair = tuple[Tensor, Tensor]
"""What the source reads, `[M, ...]`, and the ids `[T]` of its target, int64, without an end token."""


class PairBatch(NamedTuple):
    """Sources and targets; ids are int64.

    Attributes:
        source: `[N, ...]`, ids of a text, or what else the source reads.
        inputs: `[K]`, what the decoder reads: the end token, then the target.
        targets: `[K]`, what it should say: the target, then the end token.
        epoch: which one this batch is of.
    """

    source: Ragged
    inputs: Ragged
    targets: Ragged
    epoch: int

    def to(self, device: torch.device) -> PairBatch:
        """On that device."""
        return PairBatch(self.source.to(device), self.inputs.to(device), self.targets.to(device), self.epoch)


def pair_batch(pairs: Sequence[TokenPair], end: int, epoch: int = 0) -> PairBatch:
    """These pairs as one batch; `end` is the target's end token."""
    closing = torch.tensor([end])
    return PairBatch(
        Ragged.from_list([source for source, _ in pairs]),
        Ragged.from_list([torch.cat([closing, target]) for _, target in pairs]),
        Ragged.from_list([torch.cat([target, closing]) for _, target in pairs]),
        epoch,
    )


def pair_batches(
    pairs: Sequence[TokenPair], end: int, size: int, *, seed: int, epoch: int, rank: int, world: int
) -> Epoch:
    """An epoch of training, `size` pairs a batch."""

    def make(indices: Sequence[int]) -> PairBatch:
        return pair_batch([pairs[i] for i in indices], end, epoch)

    return shuffled_batches(pair_lengths(pairs), size, make, seed=seed, epoch=epoch, rank=rank, world=world)


def pair_lengths(pairs: Sequence[TokenPair]) -> list[int]:
    """The steps of each pair, those of the source and of the target."""
    return [len(source) + len(target) for source, target in pairs]
