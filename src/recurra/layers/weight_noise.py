"""Noise on weights, for any layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("weight_noise")
class WeightNoise(Layer):
    """A layer whose linear maps are seen, in training, with normal noise on every weight: drawn once a run,
    anew for the next (Jim et al., 1996; Graves, 2011, with a fixed deviation).

    The layer given is changed: each weight becomes a torch parametrization, so that optimisers see the one
    without noise.

    Args:
        layer: any layer.
        deviation: of the noise.
    """

    def __init__(self, layer: Layer, deviation: float) -> None:
        if deviation < 0:
            raise Fault(f"deviation is {deviation}, expected at least 0")
        self.layer = layer
        self.input_size = layer.input_size
        for module in list(layer.modules()):
            if isinstance(module, nn.Linear):
                parametrize.register_parametrization(module, "weight", _Noisy(deviation))

    @property
    def output_size(self) -> int:
        return self.layer.output_size

    @property
    def delay(self) -> int | None:
        return self.layer.delay

    def initial_state(self, batch: int) -> Any:
        return self.layer.initial_state(batch)

    def begin(self, state: Any) -> Any:
        return self.layer.begin(state)

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        return self.layer(rows, state, resets=resets)  # type: ignore[no-any-return]

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.layer.step(x, state)

    def feed(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.layer.feed(x, state)

    def finish(self, state: Any) -> Tensor | None:
        return self.layer.finish(state)


class _Noisy(nn.Module):
    """A weight as training sees it."""

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = deviation

    def forward(self, weight: Tensor) -> Tensor:
        if not self.training or self.deviation == 0:
            return weight
        return weight + self.deviation * torch.randn_like(weight)
