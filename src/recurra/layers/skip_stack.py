"""A stack in which every layer sees the input, and the output sees every layer."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout as drop

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.layers.stack import require_layers
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("skip_stack")
class SkipStack(Layer):
    """Skip connections from the input to every layer and from every layer to the output (Graves, 2013).

    The first layer reads x; each further one `[x, y of the layer below]` side by side; the output is
    `[y_0, y_1, ...]` side by side.

    Args:
        layers: from the input up; each after the first reads `input_size + output_size of the one below`.
        dropout: share of the numbers dropped in what a layer reads from the one below, in training.

    The state is `{"0": ..., "1": ...}`, by layer. It streams where every layer is causal.
    """

    def __init__(self, *layers: Layer, dropout: float = 0.0) -> None:
        require_layers(layers, dropout)
        self.input_size = layers[0].input_size
        for number, (below, above) in enumerate(pairwise(layers)):
            width = self.input_size + below.output_size
            if above.input_size != width:
                raise Fault(
                    f"layer {number + 1} of the skip stack reads {above.input_size} numbers a step, expected "
                    f"{width}: the input's {self.input_size} and the {below.output_size} of layer {number}"
                )
        self.layers = nn.ModuleList(layers)
        self.dropout = dropout

    @property
    def output_size(self) -> int:
        return sum(layer.output_size for layer in self._parts)

    @property
    def delay(self) -> int | None:
        return 0 if all(layer.causal for layer in self._parts) else None

    def initial_state(self, batch: int) -> Any:
        return {str(k): layer.initial_state(batch) for k, layer in enumerate(self._parts)}

    def begin(self, state: Any) -> Any:
        return {str(k): layer.begin(state[str(k)]) for k, layer in enumerate(self._parts)}

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        def over_rows(layer: Layer, x: Tensor, start: Any) -> tuple[Tensor, Any]:
            y, final = layer(rows.with_data(x), start, resets=resets)
            return y.data, final

        y, final = self._climb(over_rows, rows.data, state)
        return rows.with_data(y), final

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self._climb(lambda layer, features, part: layer.step(features, part), x, state)

    def _climb(
        self, run: Callable[[Layer, Tensor, Any], tuple[Tensor, Any]], x: Tensor, state: Any
    ) -> tuple[Tensor, Any]:
        """The layers from the input up, each by `run(layer, x, its state)`."""
        outputs: list[Tensor] = []
        states = {}
        for k, layer in enumerate(self._parts):
            below = [drop(outputs[-1], self.dropout, self.training)] if outputs else []
            start = None if state is None else state[str(k)]
            y, states[str(k)] = run(layer, torch.cat([x, *below], -1), start)
            outputs.append(y)
        return torch.cat(outputs, -1), states

    @property
    def _parts(self) -> list[Layer]:
        return list(self.layers)  # type: ignore[arg-type]
