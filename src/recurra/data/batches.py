"""Batches of examples of similar length. Rows stay as long as they are: padding is never made."""

from __future__ import annotations

import random
from collections.abc import Sequence

from recurra.errors import Fault

_POOL = 50


class Batches:
    """Indices of examples, a list a batch; every example exactly once an epoch.

    With `shuffle` each epoch is drawn anew from (seed, epoch): examples are shuffled, sorted by length within
    pools of about 50 batches, cut into batches, and the batches shuffled. Without it they run from the
    longest to the shortest, for evaluation.

    Args:
        lengths: steps of each example. batch_size: examples a batch; give this or `tokens`. tokens: steps a
            batch; a longer example is a batch of its own. seed, shuffle: see above. rank, world: the share of
            this process: of each batch every `world`-th example, so that sizes and the course of training do
            not depend on how many processes there are. Each batch holds at least `world` examples.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        batch_size: int | None = None,
        tokens: int | None = None,
        seed: int = 0,
        shuffle: bool = True,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        check_rank(rank, world)
        if (batch_size is None) == (tokens is None):
            raise Fault(f"batch_size = {batch_size}, tokens = {tokens}: expected exactly one of the two")
        if (batch_size is not None and batch_size < world) or (tokens is not None and tokens < 1):
            raise Fault(
                f"batch_size = {batch_size}, tokens = {tokens}: expected at least {world}, one a process"
            )
        if len(lengths) < world:
            raise Fault(f"{len(lengths)} examples are too few for {world} processes")
        self.lengths = [int(n) for n in lengths]
        self.batch_size, self.tokens = batch_size, tokens
        self.seed, self.shuffle, self.rank, self.world = seed, shuffle, rank, world
        self._last_plan: tuple[int, list[list[int]]] | None = None

    def count(self, epoch: int) -> int:
        """How many batches this epoch has; the same on every rank."""
        return len(self.plan(epoch))

    def item(self, epoch: int, position: int) -> list[int]:
        """One batch, this rank's share of it; a function of (settings, epoch, position) alone."""
        return self.plan(epoch)[position][self.rank :: self.world]

    def plan(self, epoch: int) -> list[list[int]]:
        """The batches of an epoch, those of all ranks together."""
        if self._last_plan is None or self._last_plan[0] != epoch:
            self._last_plan = (epoch, self._plan(epoch))
        return self._last_plan[1]

    def _plan(self, epoch: int) -> list[list[int]]:
        order = list(range(len(self.lengths)))
        if not self.shuffle:
            return self._cut(sorted(order, key=lambda i: -self.lengths[i]))
        # the standard library's generator, seeded by text, draws the same numbers everywhere
        rng = random.Random(f"{self.seed}:{epoch}")
        rng.shuffle(order)
        pool = self._pool()
        pools = [order[start : start + pool] for start in range(0, len(order), pool)]
        batches = self._cut([i for part in pools for i in sorted(part, key=lambda i: -self.lengths[i])])
        rng.shuffle(batches)
        return batches

    def _pool(self) -> int:
        if self.batch_size is not None:
            return _POOL * self.batch_size
        mean = max(1.0, sum(self.lengths) / len(self.lengths))
        return max(1, int(_POOL * (self.tokens or 1) / mean))

    def _cut(self, order: list[int]) -> list[list[int]]:
        batches: list[list[int]] = [[]]
        steps = 0
        for index in order:
            batch = batches[-1]
            if self.batch_size is not None:
                full = len(batch) == self.batch_size
            else:
                full = len(batch) >= self.world and steps + self.lengths[index] > (self.tokens or 0)
            if full:
                batches.append([])
                steps = 0
            batches[-1].append(index)
            steps += self.lengths[index]
        if len(batches) > 1 and len(batches[-1]) < self.world:
            rest = batches.pop()
            batches[-1].extend(rest)
        return batches


def check_rank(rank: int, world: int) -> None:
    """Fault unless `rank` is one of `world`."""
    if world < 1 or not 0 <= rank < world:
        raise Fault(f"rank {rank} of {world} found, expected 0 <= rank < world")
