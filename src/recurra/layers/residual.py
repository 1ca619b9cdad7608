"""A short way past a layer."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("residual")
class Residual(Layer):
    """`y = x + layer(x)` (He et al., 2016; between recurrent layers, Wu et al., 2016). State: the layer's.

    It streams where the layer is causal.

    Args:
        layer: any layer as wide in as out.
    """

    def __init__(self, layer: Layer) -> None:
        if layer.input_size != layer.output_size:
            raise Fault(
                f"a residual connection adds a layer's input to its output, found widths "
                f"{layer.input_size} and {layer.output_size}: make them equal, for instance with "
                f"FeedForward({layer.input_size}, {layer.output_size}, 'identity') below"
            )
        self.layer = layer
        self.input_size = layer.input_size

    @property
    def output_size(self) -> int:
        return self.layer.output_size

    @property
    def delay(self) -> int | None:
        return 0 if self.layer.causal else None

    def initial_state(self, batch: int) -> Any:
        return self.layer.initial_state(batch)

    def begin(self, state: Any) -> Any:
        return self.layer.begin(state)

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        y, final = self.layer(rows, state, resets=resets)
        return rows.with_data(rows.data + y.data), final

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        y, next_state = self.layer.step(x, state)
        return x + y, next_state
