"""Where a window of a series is looked at from."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from recurra.registry import Configured


class Frame(Configured):
    """Brings a window to a place, direction and size that suit a network, and answers back.

    Everything it must know of the data is learnt from the training part alone, by `learn`.

    Attributes:
        features: numbers a step that the network reads.
        targets: numbers a step that it forecasts: the first columns of the values.
    """

    features: int
    targets: int

    def learn(self, rows: Tensor, contexts: Tensor, futures: Tensor) -> None:
        """Learns sizes from training rows `[N, V]` and from windows `[M, L, V]`, `[M, H, V]` of them."""
        raise NotImplementedError(f"{type(self).__name__} has no learn(rows, contexts, futures)")

    def enter(self, context: Tensor, horizon: int) -> tuple[Tensor, Any]:
        """`[B, L, V]` in the data's unit -> `[B, L, features]`, and a memo of where the window is."""
        raise NotImplementedError(f"{type(self).__name__} has no enter(context, horizon)")

    def inside(self, future: Tensor, memo: Any) -> Tensor:
        """`[B, H, targets]` in the data's unit -> what the network is to give."""
        raise NotImplementedError(f"{type(self).__name__} has no inside(future, memo)")

    def outside(self, local: Tensor, memo: Any) -> Tensor:
        """The inverse of `inside`."""
        raise NotImplementedError(f"{type(self).__name__} has no outside(local, memo)")
