"""The differentiable neural computer."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.cells import memory
from recurra.cells.base import Cell, cell
from recurra.cells.controllers import Controller, leaf_sizes
from recurra.errors import Fault

_MODES = 3  # a read head goes back, looks by content, or goes on


class DNCState(NamedTuple):
    """A controller's state, the memory, what is known of its use and order, and where heads are."""

    controller: Any  # the controller's own, None where it has none
    memory: Tensor  # [B, slots, width]
    usage: Tensor  # [B, slots]
    links: Tensor  # [B, slots, slots]: row i, column j: how much i was written right after j
    precedence: Tensor  # [B, slots]: how much each was written last
    read_vectors: Tensor  # [B, reads, width]
    read_at: Tensor  # [B, reads, slots]
    write_at: Tensor  # [B, 1, slots]


@cell("dnc")
class DNC(Cell):
    """A controller whose memory gives out slots that are free, and remembers in which order they were written
    (Graves et al., 2016, Methods; one write head).

    Each step: the controller sees `[x; r_1; ..; r_R]`, what was read a step ago. With its output:
    `psi = prod_i (1 - f_i w_i^r)`, `u = (u + w^w - u * w^w) * psi`, allocation `a` by u's sorted order,
    `w^w = g_w (g_a a + (1 - g_a) c^w)`, `M' = M * (1 - w^w e) + w^w v`, links
    `L'(i, j) = (1 - w^w(i) - w^w(j)) L(i, j) + w^w(i) p(j)`, `p' = (1 - sum w^w) p + w^w`, and each read head
    mixes `L^T w`, content, and `L w`. `y = [h; r_1; ..; r_R]`; an output layer stands outside.

    Slots are put in order by how free they are, which no program of row-wise work does: its steps run as the
    plain loop, and `recurra.explain` says so.

    Args:
        slots, width: of the memory.
        reads: how many read heads there are.
        controller: a registered cell's name, `feed_forward` (one tanh layer, no state), or a cell whose input
            size is `input_size + reads * width`.
    """

    State = DNCState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        slots: int = 64,
        width: int = 20,
        reads: int = 1,
        controller: str | Cell = "lstm",
    ) -> None:
        for name, size in (("width", width), ("reads", reads)):
            if size < 1:
                raise Fault(f"DNC: {name} is {size}, expected at least 1")
        self.slots, self.width, self.reads = slots, width, reads
        self.controller = Controller(controller, input_size + reads * width, hidden_size)
        size = self.controller.output_size
        self.read_heads = nn.Linear(size, reads * (width + 2 + _MODES))
        self.write_head = nn.Linear(size, 3 * width + 3)
        self.output_size = size + reads * width

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return leaf_sizes(self.initial_state(1))

    def initial_state(self, batch: int) -> DNCState:
        zeros = self.write_head.weight.new_zeros
        return DNCState(
            self.controller.initial_state(batch),
            zeros(batch, self.slots, self.width) + memory.FRESH,
            zeros(batch, self.slots),
            zeros(batch, self.slots, self.slots),
            zeros(batch, self.slots),
            zeros(batch, self.reads, self.width),
            zeros(batch, self.reads, self.slots),
            zeros(batch, 1, self.slots),
        )

    def begin(self, state: DNCState) -> DNCState:
        return state._replace(controller=self.controller.begin(state.controller))

    def step(self, x: Tensor, state: DNCState) -> tuple[Tensor, DNCState]:
        width = self.width
        h, controller = self.controller(torch.cat([x, state.read_vectors.flatten(1)], -1), state.controller)
        key, erase, add, strength, write_gate, allocation_gate = (
            self.write_head(h).unsqueeze(1).split([width, width, width, 1, 1, 1], -1)
        )
        heads = self.read_heads(h).unflatten(-1, (self.reads, -1))
        read_key, read_strength, free, modes = heads.split([width, 1, 1, _MODES], -1)

        usage = self._usage(state, free.sigmoid())
        by_content = self._by_content(state.memory, key, strength)
        gate = allocation_gate.sigmoid()
        write_at = write_gate.sigmoid() * (gate * allocation(usage).unsqueeze(1) + (1 - gate) * by_content)
        contents = memory.write(state.memory, write_at, erase.sigmoid(), add)

        w, p = write_at.squeeze(1), state.precedence
        links = (1 - w.unsqueeze(2) - w.unsqueeze(1)) * state.links + w.unsqueeze(2) * p.unsqueeze(1)
        links = links * (1 - torch.eye(self.slots, dtype=x.dtype, device=x.device))
        precedence = (1 - w.sum(-1, keepdim=True)) * p + w

        back, content, on = modes.softmax(-1).split(1, -1)
        read_at = (
            back * (state.read_at @ links)
            + content * self._by_content(contents, read_key, read_strength)
            + on * (state.read_at @ links.transpose(1, 2))
        )
        vectors = memory.read(contents, read_at)
        y = torch.cat([h, vectors.flatten(1)], -1)
        return y, DNCState(controller, contents, usage, links, precedence, vectors, read_at, write_at)

    @staticmethod
    def _by_content(contents: Tensor, key: Tensor, strength: Tensor) -> Tensor:
        return torch.softmax((1 + F.softplus(strength)) * memory.similarity(contents, key), -1)

    @staticmethod
    def _usage(state: DNCState, free: Tensor) -> Tensor:
        """How much each slot is in use, after the last write and what read heads free."""
        w = state.write_at.squeeze(1)
        usage = state.usage + w - state.usage * w
        for of_head in (1 - free * state.read_at).unbind(1):
            usage = usage * of_head
        return usage


def allocation(usage: Tensor) -> Tensor:
    """Weights `[B, slots]` for the slot least in use: `a(phi_j) = (1 - u(phi_j)) prod_{i<j} u(phi_i)`, where
    phi are the slots in order of use (Graves et al., 2016).

    Args:
        usage: `[B, slots]`, each from 0 to 1.
    """
    ordered, slots = usage.sort(dim=-1, stable=True)
    earlier = torch.cat([torch.ones_like(ordered[:, :1]), ordered[:, :-1].cumprod(-1)], -1)
    return torch.zeros_like(usage).scatter(-1, slots, (1 - ordered) * earlier)
