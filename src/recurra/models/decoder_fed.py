"""A decoder that is told where it looked before."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from recurra.layers.attention_base import Attention
from recurra.layers.attention_fed import AttentionFed, FedState
from recurra.layers.base import Layer
from recurra.layers.bridge import Bridge
from recurra.models.decoder_base import Decoded, Decoder
from recurra.ragged import Ragged
from recurra.registry import MODULES
from recurra.scan import scan


@MODULES.register("fed_decoder")
class FedDecoder(Decoder):
    """Attention with input feeding (Luong et al., 2015): see `AttentionFed`, which is its loop.

    Args:
        body: any causal layer that reads `[x, y of the step before]`.
        attention: from the body's output to the source's steps.
        vector: width of what sets the first state.
        output_size: width of y.
    """

    def __init__(self, body: Layer, attention: Attention, vector: int, output_size: int) -> None:
        self.fed = AttentionFed(body, attention, output_size)
        self.input_size, self.output_size = self.fed.input_size, output_size
        self.bridge = Bridge(vector, body)

    def begin(self, memory: Ragged, vector: Tensor) -> Any:
        held = self.fed.attention.remember(memory)
        nothing = vector.new_zeros(len(vector), self.output_size)
        return FedState(self.bridge(vector, self.fed.body), nothing, held)

    def run(self, rows: Ragged, state: Any) -> Decoded:
        self.fed.make_room(state.memory.values.shape[1])
        made, after = scan(self.fed, rows, state)
        size = self.output_size
        return Decoded(made.map(lambda data: data[:, :size]), after, made.map(lambda data: data[:, size:]))

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        y, after = self.fed.step(x, state)
        return y[:, : self.output_size], after

    def explain_lines(self) -> list[str]:
        """For `recurra.explain`."""
        return [
            f"{type(self.fed.attention).__name__} over the source, inside the loop over time: what it takes "
            f"is part of the next step's input (input feeding); its scores alone are padded, within a batch"
        ]
