"""The Neural Turing Machine."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.cells import memory
from recurra.cells.base import Cell, cell
from recurra.cells.controllers import Controller, leaf_sizes
from recurra.errors import Fault

_TAPS = 3


class NTMState(NamedTuple):
    """A controller's state, the memory, what was read last and where heads are."""

    controller: Any  # the controller's own, None where it has none
    memory: Tensor  # [B, slots, width]
    read_vectors: Tensor  # [B, reads, width]
    read_at: Tensor  # [B, reads, slots]
    write_at: Tensor  # [B, writes, slots]


@cell("ntm")
class NTM(Cell):
    """A controller with a memory that it reads and writes by content and by place (Graves et al., 2014).

    Each step: the controller sees `[x; r_1; ..; r_R]`, what was read a step ago. From its output h each head
    has a key, a strength `softplus(.)`, a gate `s(.)`, a shift `softmax(.)` by -1, 0 or 1 and a power
    `1 + softplus(.)`: see `recurra.cells.memory.address`. Write heads erase `s(.)` and add `.`, then read
    heads read the memory as it is now. `y = [h; r_1; ..; r_R]`; an output layer stands outside.

    Heads start at the first slot of a memory of 1e-6; the controller's output is clipped to +-20.

    Args:
        slots, width: of the memory.
        reads, writes: how many heads there are of each kind.
        controller: a registered cell's name, `feed_forward` (one tanh layer, no state), or a cell whose input
            size is `input_size + reads * width`.
    """

    State = NTMState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        slots: int = 128,
        width: int = 20,
        reads: int = 1,
        writes: int = 1,
        controller: str | Cell = "lstm",
    ) -> None:
        for name, size in (("width", width), ("reads", reads), ("writes", writes)):
            if size < 1:
                raise Fault(f"NTM: {name} is {size}, expected at least 1")
        self.slots, self.width, self.reads, self.writes = slots, width, reads, writes
        self.controller = Controller(controller, input_size + reads * width, hidden_size)
        size = self.controller.output_size
        self.heads = nn.Linear(size, (reads + writes) * (width + 3 + _TAPS))
        self.changes = nn.Linear(size, writes * 2 * width)
        self.output_size = size + reads * width

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return leaf_sizes(self.initial_state(1))

    def initial_state(self, batch: int) -> NTMState:
        like = self.heads.weight
        first = F.one_hot(torch.zeros(1, dtype=torch.int64, device=like.device), self.slots).to(like.dtype)
        return NTMState(
            self.controller.initial_state(batch),
            like.new_full((batch, self.slots, self.width), memory.FRESH),
            like.new_zeros(batch, self.reads, self.width),
            first.expand(batch, self.reads, -1).clone(),
            first.expand(batch, self.writes, -1).clone(),
        )

    def begin(self, state: NTMState) -> NTMState:
        return state._replace(controller=self.controller.begin(state.controller))

    def step(self, x: Tensor, state: NTMState) -> tuple[Tensor, NTMState]:
        h, controller = self.controller(torch.cat([x, state.read_vectors.flatten(1)], -1), state.controller)
        heads = self.heads(h).unflatten(-1, (self.reads + self.writes, -1))
        changes = self.changes(h).unflatten(-1, (self.writes, -1))
        erase, add = changes.split(self.width, -1)
        write_at = self._place(state.memory, state.write_at, heads[:, self.reads :])
        contents = memory.write(state.memory, write_at, erase.sigmoid(), add)
        read_at = self._place(contents, state.read_at, heads[:, : self.reads])
        vectors = memory.read(contents, read_at)
        y = torch.cat([h, vectors.flatten(1)], -1)
        return y, NTMState(controller, contents, vectors, read_at, write_at)

    def _place(self, contents: Tensor, previous: Tensor, heads: Tensor) -> Tensor:
        key, strength, gate, shift, power = torch.split(heads, [self.width, 1, 1, _TAPS, 1], -1)
        return memory.address(
            contents,
            previous,
            key,
            F.softplus(strength),
            gate.sigmoid(),
            shift.softmax(-1),
            1 + F.softplus(power),
        )
