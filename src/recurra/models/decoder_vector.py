"""A decoder that has the whole source in one vector."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.layers.bridge import Bridge
from recurra.models.decoder_base import Decoded, Decoder, require_causal
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("vector_decoder")
class VectorDecoder(Decoder):
    """The vector v sets the first state, and is read and seen at every step (Cho et al., 2014).

    Args:
        body: any causal layer that reads `[x, v]`.
        vector: width of v.
        output_size: width of y.
    """

    def __init__(self, body: Layer, vector: int, output_size: int) -> None:
        require_causal(body)
        self.input_size = body.input_size - vector
        if self.input_size < 0:
            raise Fault(f"the body reads {body.input_size} numbers, expected at least {vector} (the vector)")
        self.output_size = output_size
        self.body, self.bridge = body, Bridge(vector, body)
        self.mix = nn.Linear(body.output_size + vector, output_size)

    def begin(self, memory: Ragged, vector: Tensor) -> Any:
        return {"body": self.bridge(vector, self.body), "vector": vector}

    def run(self, rows: Ragged, state: Any) -> Decoded:
        seen = rows.sort(state["vector"])[rows.row_of]
        h, body = self.body(rows.with_data(torch.cat([rows.data, seen], -1)), state["body"])
        return Decoded(h.map(lambda data: self._mixed(data, seen)), {**state, "body": body}, None)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        h, body = self.body.step(torch.cat([x, state["vector"]], -1), state["body"])
        return self._mixed(h, state["vector"]), {**state, "body": body}

    def _mixed(self, h: Tensor, seen: Tensor) -> Tensor:
        return torch.tanh(self.mix(torch.cat([seen, h], -1)))
