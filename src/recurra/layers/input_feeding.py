"""A step with an attention in it: what it attended to is part of the next step's input."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell
from recurra.errors import Fault
from recurra.layers.attention import Attention, Memory
from recurra.layers.base import Layer
from recurra.registry import MODULES


class FedState(NamedTuple):
    """The body's state, what was attended to last, and what may be."""

    body: Any
    attended: Tensor  # [B, size]: what the last step gave
    memory: Memory


@MODULES.register("attention_fed")
class AttentionFed(Cell):
    """Input feeding: `h = body([x, g * a])`, `c = attention(h)`, `a' = tanh(W [c, h])` (Luong et al., 2015).

    The gain g, a number a unit, begins at 0 (as in Bachlechner et al., 2020): an untrained attention tells
    nothing, and fed whole it hides x. Training starts from the attention that is not fed.

    y is `[a', weights]` side by side, `size + places` wide.

    The memory is a matrix a row, and its length differs from batch to batch: no program holds such a state,
    so the step runs in the plain loop.

    Args:
        body: any causal layer that reads `[x, a]`.
        attention: from the body's output to a memory.
        size: width of a.

    Attributes:
        places: M, the steps that the memory of the rows at hand has room for.
    """

    State = FedState

    def __init__(self, body: Layer, attention: Attention, size: int) -> None:
        if not body.causal:
            raise Fault("what feeds its own input must be causal: one that reads backwards has no next step")
        if body.input_size <= size or attention.query_size != body.output_size:
            raise Fault(
                f"the body reads {body.input_size} numbers and gives {body.output_size}, expected more than "
                f"{size} (x and the fed part) and {attention.query_size} (query_size)"
            )
        self.body, self.attention, self.size = body, attention, size
        self.input_size = body.input_size - size
        self.hidden_size = size
        self.make_room(1)
        self.mix = nn.Linear(attention.memory_size + body.output_size, size)
        self.gain = nn.Parameter(torch.zeros(size))

    def make_room(self, places: int) -> None:
        """The next rows have a memory of so many steps."""
        self.places = places
        self.output_size = self.size + places

    def begin(self, state: FedState) -> FedState:
        return state._replace(body=self.body.begin(state.body))

    def initial_state(self, batch: int) -> FedState:
        """Nothing attended to yet, and a memory in which there is no step."""
        like = self.example()
        values = like.new_zeros(batch, self.places, self.attention.memory_size)
        keys = self.attention.keys(values)
        present = torch.zeros(batch, self.places, dtype=torch.bool, device=like.device)
        memory = Memory(values, keys.detach(), present)
        return FedState(self.body.initial_state(batch), like.new_zeros(batch, self.size), memory)

    def step(self, x: Tensor, state: FedState) -> tuple[Tensor, FedState]:
        h, body = self.body.step(torch.cat([x, self.gain * state.attended], -1), state.body)
        context, weights = self.attention(h.unsqueeze(1), state.memory)
        attended = torch.tanh(self.mix(torch.cat([context.squeeze(1), h], -1)))
        return torch.cat([attended, weights.squeeze(1)], -1), FedState(body, attended, state.memory)
