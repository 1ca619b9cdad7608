"""A decoder that looks back at every step of the source."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.layers.attention_base import Attention
from recurra.layers.base import Layer
from recurra.layers.bridge import Bridge
from recurra.models.decoder_base import Decoded, Decoder, require_causal
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("attention_decoder")
class AttentionDecoder(Decoder):
    """Attention without input feeding (Luong et al., 2015): nothing that was taken comes back, so the body
    runs over all of time alone, and the attention of all steps follows in one pass.

    Args:
        body: any causal layer.
        attention: from the body's output to the source's steps.
        vector: width of what sets the first state.
        output_size: width of y.
    """

    def __init__(self, body: Layer, attention: Attention, vector: int, output_size: int) -> None:
        require_causal(body)
        if attention.query_size != body.output_size:
            raise Fault(
                f"the attention compares queries of {attention.query_size} numbers, the body gives "
                f"{body.output_size}: make them equal"
            )
        self.input_size, self.output_size = body.input_size, output_size
        self.body, self.bridge = body, Bridge(vector, body)
        self.attention = attention
        self.mix = nn.Linear(attention.memory_size + body.output_size, output_size)

    def begin(self, memory: Ragged, vector: Tensor) -> Any:
        return {"body": self.bridge(vector, self.body), "memory": self.attention.remember(memory)}

    def run(self, rows: Ragged, state: Any) -> Decoded:
        h, body = self.body(rows, state["body"])
        taken, weights = self.attention.over_rows(h, state["memory"])
        y = h.map(lambda data: self._mixed(taken.data, data))
        return Decoded(y, {**state, "body": body}, weights)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        h, body = self.body.step(x, state["body"])
        taken, _ = self.attention(h.unsqueeze(1), state["memory"])
        return self._mixed(taken.squeeze(1), h), {**state, "body": body}

    def explain_lines(self) -> list[str]:
        """For `recurra.explain`."""
        return [
            f"{type(self.attention).__name__} over the source, after the loop over time: what it takes is "
            f"not fed back, so it runs for all steps at once; its scores alone are padded, within a batch"
        ]

    def _mixed(self, taken: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.mix(torch.cat([taken, h], -1)))
