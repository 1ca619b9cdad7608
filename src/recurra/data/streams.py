"""Next-token prediction over one long text, or over sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from recurra.data.batches import check_rank
from recurra.errors import Fault
from recurra.ragged import Ragged


class Window(NamedTuple):
    """A piece of every stream, `[N]` int64 ids: `targets` are the inputs one token later.

    `fresh` says that the streams begin here; else the state of the window before goes on, row for row.
    """

    inputs: Ragged
    targets: Ragged
    fresh: bool


class Streams:
    """A text cut into `batch_size` parallel streams, read in windows of `steps` (truncated BPTT).

    Every token but the first is predicted exactly once an epoch. Streams differ by at most one token, longer
    ones first, so rows keep their order; the last window takes what is left, at most `steps + 1`.

    Args:
        ids: `[N]` token ids of the whole text.
        batch_size: streams, those of all ranks together.
        steps: tokens a window.
        rank, world: this process reads every `world`-th stream.
    """

    def __init__(
        self, ids: Tensor | Sequence[int], *, batch_size: int, steps: int, rank: int = 0, world: int = 1
    ) -> None:
        check_rank(rank, world)
        self.ids = torch.as_tensor(ids, dtype=torch.int64)
        self.batch_size, self.steps, self.rank, self.world = batch_size, steps, rank, world
        predicted = len(self.ids) - 1
        if batch_size < world or steps < 1:
            raise Fault(f"batch_size = {batch_size}, steps = {steps}: expected at least {world} and 1")
        if predicted < batch_size:
            raise Fault(
                f"a text of {len(self.ids)} tokens is too short for {batch_size} streams: "
                f"expected at least {batch_size + 1} tokens, or a smaller batch_size"
            )
        shortest, longer = divmod(predicted, batch_size)
        lengths = [shortest + (stream < longer) for stream in range(batch_size)]
        starts = [sum(lengths[:stream]) for stream in range(batch_size)]
        self._bounds = [(start, start + n) for start, n in zip(starts, lengths, strict=True)][rank::world]
        self._count = -(-shortest // steps)

    def count(self, epoch: int) -> int:
        """How many windows an epoch has; the same in each, and on every rank."""
        return self._count

    def item(self, epoch: int, position: int) -> Window:
        """One window; the same in every epoch."""
        last = position == self._count - 1
        offset = position * self.steps
        pieces = [(a + offset, b if last else a + offset + self.steps) for a, b in self._bounds]
        inputs = Ragged.from_list([self.ids[a:b] for a, b in pieces])
        targets = Ragged.from_list([self.ids[a + 1 : b + 1] for a, b in pieces])
        return Window(inputs, targets, position == 0)


def next_token(ids: Sequence[int], begin: int, end: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets `[T + 1]` of a sentence by itself: `begin` before it, `end` as the last target."""
    return torch.tensor([begin, *ids]), torch.tensor([*ids, end])
