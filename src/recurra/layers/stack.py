"""Layers on top of one another."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout as drop

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("stack")
class Stack(Layer):
    """Each layer reads the one below; any layers, of different cells too.

    Args:
        layers: from the input up.
        dropout: share of the numbers dropped between two layers (not after the last), in training.

    The state is `{"0": ..., "1": ...}`, by layer.
    """

    def __init__(self, *layers: Layer, dropout: float = 0.0) -> None:
        require_layers(layers, dropout)
        for number, (below, above) in enumerate(pairwise(layers)):
            if above.input_size != below.output_size:
                raise Fault(
                    f"layer {number + 1} of the stack reads {above.input_size} numbers a step, layer "
                    f"{number} gives {below.output_size}: make them equal"
                )
        self.layers = nn.ModuleList(layers)
        self.dropout = dropout
        self.input_size = layers[0].input_size

    @property
    def output_size(self) -> int:
        return self._parts[-1].output_size

    @property
    def delay(self) -> int | None:
        delays = [layer.delay for layer in self._parts]
        return None if None in delays else sum(delay for delay in delays if delay is not None)

    def initial_state(self, batch: int) -> Any:
        return {str(k): layer.initial_state(batch) for k, layer in enumerate(self._parts)}

    def begin(self, state: Any) -> Any:
        return {str(k): layer.begin(state[str(k)]) for k, layer in enumerate(self._parts)}

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        final = {}
        for k, layer in enumerate(self._parts):
            if k and self.dropout:
                rows = rows.map(self._drop)
            rows, final[str(k)] = layer(rows, None if state is None else state[str(k)], resets=resets)
        return rows, final

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        next_state = {}
        for k, layer in enumerate(self._parts):
            x, next_state[str(k)] = layer.step(self._drop(x) if k else x, state[str(k)])
        return x, next_state

    def feed(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        if self.delay is None:
            raise self.refusal()
        next_state = {}
        for k, layer in enumerate(self._parts):
            x, next_state[str(k)] = layer.feed(self._drop(x) if k else x, state[str(k)])
        return x, next_state

    def finish(self, state: Any) -> Tensor | None:
        below: Tensor | None = None  # what the layer below still gave
        for k, layer in enumerate(self._parts):
            part, outputs = state[str(k)], []
            if below is not None:
                y, part = layer.feed(self._drop(below), part)
                outputs.append(y)
            rest = layer.finish(part)
            if rest is not None:
                outputs.append(rest)
            below = torch.cat(outputs, 1) if outputs else None
        return below

    def _drop(self, x: Tensor) -> Tensor:
        return drop(x, self.dropout, self.training)

    @property
    def _parts(self) -> list[Layer]:
        return list(self.layers)  # type: ignore[arg-type]


def require_layers(layers: tuple[Layer, ...], dropout: float) -> None:
    """Fault unless these can be stacked."""
    if not layers:
        raise Fault("a stack needs at least one layer, found none")
    wrong = next((layer for layer in layers if not isinstance(layer, Layer)), None)
    if wrong is not None:
        raise Fault(
            f"a stack is made of layers, found {type(wrong).__name__}: wrap a cell in Recurrent(cell), "
            f"unpack a list with Stack(*layers)"
        )
    if not 0 <= dropout < 1:
        raise Fault(f"dropout is {dropout}, expected a share from 0 to below 1")
