"""Going through data, epoch after epoch, from any point: what batches and streams share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from recurra.errors import Fault

T = TypeVar("T")


class Epochs(Generic[T]):
    """Items of an epoch, one after another; each is a function of (settings, epoch, position) alone.

    `for item in epochs` gives the rest of the current epoch and then turns to the next one. `position` counts
    the items handed out, so a state taken while an item is being worked on continues after that item.
    """

    epoch: int = 0
    position: int = 0

    def count(self, epoch: int) -> int:
        """How many items this epoch has; the same on every rank."""
        raise NotImplementedError

    def item(self, epoch: int, position: int) -> T:
        """One item of an epoch."""
        raise NotImplementedError

    def fingerprint(self) -> str:
        """The settings and the data's size, told apart from others; the number of ranks does not count."""
        raise NotImplementedError

    def __len__(self) -> int:
        """How many items the current epoch has."""
        return self.count(self.epoch)

    def __iter__(self) -> Iterator[T]:
        epoch = self.epoch
        while self.position < self.count(epoch):
            position = self.position
            self.position += 1
            yield self.item(epoch, position)
        self.epoch, self.position = epoch + 1, 0

    def state_dict(self) -> dict[str, Any]:
        """Where it stands, as plain values."""
        return {"epoch": self.epoch, "position": self.position, "fingerprint": self.fingerprint()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there; Fault when the state belongs to other data or settings."""
        if state.get("fingerprint") != self.fingerprint():
            raise Fault(
                f"the place was saved with {state.get('fingerprint')}, found {self.fingerprint()}: "
                f"resume with the data and recipe of the run"
            )
        self.epoch, self.position = int(state["epoch"]), int(state["position"])


def check_rank(rank: int, world: int) -> None:
    """Fault unless `rank` is one of `world`."""
    if world < 1 or not 0 <= rank < world:
        raise Fault(f"rank {rank} of {world} found, expected 0 <= rank < world")
