"""Numbers instead of classes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.layers.inputs import Input, spread
from recurra.models.bag import Bag
from recurra.models.many_to_one import ManyToOne
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


@MODULES.register("regressor")
class Regressor(Configured):
    """A network whose answers are brought to the mean and deviation that the training targets have.

    So the network itself learns numbers around 0 of size 1, and answers are in the targets' own unit.

    Args:
        network: gives `[B, outputs]`.
        outputs: how many numbers an answer has.
    """

    def __init__(self, network: ManyToOne | Bag, outputs: int) -> None:
        self.network = network
        self.register_buffer("mean", torch.zeros(outputs))
        self.register_buffer("deviation", torch.ones(outputs))
        self.mean: Tensor
        self.deviation: Tensor

    def learn(self, targets: Tensor) -> None:
        """Takes mean and deviation from the training targets `[N, outputs]`."""
        self.mean.copy_(targets.mean(0))
        self.deviation.copy_(spread(targets))

    def scaled(self, targets: Tensor) -> Tensor:
        """Targets `[..., outputs]` as the network is to give them."""
        return (targets - self.mean) / self.deviation

    @property
    def causal(self) -> bool:
        """Whether the answer can be had step by step."""
        return self.network.causal

    def initial_state(self, batch: int) -> Any:
        """The state before the first step of `batch` rows."""
        return self.network.initial_state(batch)

    def forward(self, x: Any, state: Any = None) -> tuple[Tensor, Any]:
        """Rows -> answers `[B, outputs]` in the targets' unit, and the state after each row."""
        y, final = self.network(x, state)
        return self._unit(y), final

    def step(self, x: Any, state: Any) -> tuple[Tensor, Any]:
        """One step `[B, ...]` of a causal network -> the answer by now, the next state."""
        y, next_state = self.network.step(x, state)
        return self._unit(y), next_state

    @property
    def input(self) -> Input:
        """What reads the rows."""
        return self.network.input

    def step_features(self, features: Tensor, state: Any) -> tuple[Tensor, Any]:
        """`step`, from what the input makes of x on."""
        y, next_state = self.network.step_features(features, state)
        return self._unit(y), next_state

    def each_step(self, x: Any) -> Ragged:
        """The answer `[N, outputs]` after each prefix of each row."""
        return self.network.each_step(x).map(self._unit)

    def _unit(self, y: Tensor) -> Tensor:
        return y * self.deviation + self.mean
