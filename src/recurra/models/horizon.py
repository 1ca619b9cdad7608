"""From what was read to every step ahead."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.registry import MODULES, Configured


class Horizon(Configured):
    """Answers for steps 1 to `horizon` after a context."""

    horizon: int

    def forward(self, y: Tensor, state: Any, known: Tensor) -> Tensor:
        """The encoder's outputs `[B, L, F]`, its state, and what is known ahead, `[B, H, K]` ->
        `[B, H, width]`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward(y, state, known)")


@MODULES.register("direct_horizon")
class DirectHorizon(Horizon):
    """All steps at once, from the encoder's last output: a linear layer (Wen et al., 2017, without their
    decoder). What is known ahead is not read.
    """

    def __init__(self, input_size: int, horizon: int, width: int) -> None:
        self.horizon, self.width = horizon, width
        self.output = nn.Linear(input_size, horizon * width)

    def forward(self, y: Tensor, state: Any, known: Tensor) -> Tensor:
        answers: Tensor = self.output(y[:, -1])
        return answers.view(len(y), self.horizon, self.width)


@MODULES.register("recurrent_horizon")
class RecurrentHorizon(Horizon):
    """Step by step, from the encoder's state on, reading what is known ahead and the share of the horizon
    gone by; not its own answers, so that errors do not feed on themselves.

    Args:
        body: a causal layer whose state is that of the encoder; reads K + 1 numbers a step.
    """

    def __init__(self, body: Layer, horizon: int, width: int) -> None:
        if not body.causal:
            raise Fault("steps ahead are told in order: expected causal layers")
        self.body, self.horizon = body, horizon
        self.output = nn.Linear(body.output_size, width)

    def forward(self, y: Tensor, state: Any, known: Tensor) -> Tensor:
        gone = torch.linspace(0, 1, self.horizon + 1, dtype=y.dtype, device=y.device)[1:]
        place = gone[:, None].expand(len(y), -1, 1)
        answers, _ = self.body(torch.cat([known, place], -1), state)
        return self.output(answers)  # type: ignore[no-any-return]
