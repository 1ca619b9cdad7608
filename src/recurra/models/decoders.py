"""Decoders: rows of target steps, read in the light of a source row."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.layers.attention import Attention
from recurra.layers.base import Layer
from recurra.layers.bridge import Bridge
from recurra.layers.input_feeding import AttentionFed, FedState
from recurra.loop.scan import scan
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


class Decoded(NamedTuple):
    """What a decoder gives for whole rows.

    Attributes:
        y: `[N, output_size]`.
        state: after each row's last step.
        weights: `[N, M]`, where each step looked in the source; None without attention.
    """

    y: Ragged
    state: Any
    weights: Ragged | None


class Decoder(Configured):
    """A causal body that starts from the vector of the source row; a subclass says how else it sees the
    source.

    The state is a named tree, leaves in the caller's order. `y = tanh(W [c, h] + b)`, where h is the body's
    output and c what the decoder sees of the source at this step.

    Attributes:
        input_size: width of x. output_size: width of y.
    """

    input_size: int
    output_size: int

    def begin(self, memory: Ragged, vector: Tensor) -> Any:
        """The state before the first step: `memory [N, D]` holds the source's steps, `vector [B, V]` each
        row's summary.
        """
        raise NotImplementedError(f"{type(self).__name__} has no begin(memory, vector)")

    def run(self, rows: Ragged, state: Any) -> Decoded:
        """All steps `[N, input_size]` of target rows."""
        raise NotImplementedError(f"{type(self).__name__} has no run(rows, state)")

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One step `[B, input_size]` -> y, the next state."""
        raise NotImplementedError(f"{type(self).__name__} has no step(x, state)")


def require_causal(body: Layer) -> None:
    """Fault unless the body can be a decoder's."""
    if not body.causal:
        raise Fault("a decoder's layers must be causal: one that reads backwards sees the answer")


@MODULES.register("vector_decoder")
class VectorDecoder(Decoder):
    """The vector v sets the first state, is read at every step, and is c (Cho et al., 2014).

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
        vectors = rows.sort(state["vector"])[rows.row_of]
        h, body = self.body(rows.with_data(torch.cat([rows.data, vectors], -1)), state["body"])
        return Decoded(h.map(lambda data: self._mix(vectors, data)), {**state, "body": body}, None)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        h, body = self.body.step(torch.cat([x, state["vector"]], -1), state["body"])
        return self._mix(state["vector"], h), {**state, "body": body}

    def _mix(self, vector: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.mix(torch.cat([vector, h], -1)))


@MODULES.register("attention_decoder")
class AttentionDecoder(Decoder):
    """Attention without input feeding (Luong et al., 2015): c is what the attention gives, and is not fed
    back, so the body runs over all of time alone, and the attention of all steps follows in one pass.

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
        context, weights = self.attention.over_rows(h, state["memory"])
        y = h.map(lambda data: self._mix(context.data, data))
        return Decoded(y, {**state, "body": body}, weights)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        h, body = self.body.step(x, state["body"])
        context, _ = self.attention(h.unsqueeze(1), state["memory"])
        return self._mix(context.squeeze(1), h), {**state, "body": body}

    def explain_lines(self) -> list[str]:
        """For `recurra.explain`."""
        return [
            f"{type(self.attention).__name__} over the source, after the loop over time: what it takes is "
            f"not fed back, so it runs for all steps at once; its scores alone are padded, within a batch"
        ]

    def _mix(self, context: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.mix(torch.cat([context, h], -1)))


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
        nothing = vector.new_zeros(len(vector), self.output_size)
        return FedState(self.bridge(vector, self.fed.body), nothing, self.fed.attention.remember(memory))

    def run(self, rows: Ragged, state: Any) -> Decoded:
        self.fed.make_room(state.memory.values.shape[1])
        both, final = scan(self.fed, rows, state)
        size = self.output_size
        return Decoded(both.map(lambda data: data[:, :size]), final, both.map(lambda data: data[:, size:]))

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        both, next_state = self.fed.step(x, state)
        return both[:, : self.output_size], next_state

    def explain_lines(self) -> list[str]:
        """For `recurra.explain`."""
        return [
            f"{type(self.fed.attention).__name__} over the source, inside the loop over time: what it takes "
            f"is part of the next step's input (input feeding); its scores alone are padded, within a batch"
        ]
