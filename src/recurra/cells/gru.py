"""Gated recurrent units: the reset gate after the product, before it, and none."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.initial import uniform_


class HiddenState(NamedTuple):
    h: Tensor  # [B, H]


@cell("gru")
class GRU(Cell):
    """The reset-after form, with the weights of `torch.nn.GRU` (gates r, z, n).

    `r = s(W_r x + U_r h)`, `z = s(W_z x + U_z h)`, `n = tanh(W_n x + b + r * (U_n h + c))`,
    `h' = (1 - z) * n + z * h`, `y = h'` (Cho et al., 2014, with the reset gate moved behind the product).
    """

    State = HiddenState

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        self.input = nn.Linear(input_size, 3 * hidden_size, bias)
        self.hidden = nn.Linear(hidden_size, 3 * hidden_size, bias)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        x_r, x_z, x_n = self.input(x).chunk(3, -1)
        h_r, h_z, h_n = self.hidden(state.h).chunk(3, -1)
        r = torch.sigmoid(x_r + h_r)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        h = n + z * (state.h - n)
        return h, HiddenState(h)


@cell("cho_gru")
class ChoGRU(Cell):
    """The reset-before form: `n = tanh(W_n x + U_n (r * h))`, `h' = z * h + (1 - z) * n` (Cho et al.,
    2014).
    """

    State = HiddenState

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, 3 * hidden_size)
        self.gates = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        self.candidate = nn.Linear(hidden_size, hidden_size, bias=False)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        x_r, x_z, x_n = self.input(x).chunk(3, -1)
        h_r, h_z = self.gates(state.h).chunk(2, -1)
        r = torch.sigmoid(x_r + h_r)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + self.candidate(r * state.h))
        h = n + z * (state.h - n)
        return h, HiddenState(h)


@cell("simplified_gru")
class SimplifiedGRU(Cell):
    """The update gate alone: `n = tanh(W [h, x])`, `u = s(W_u [h, x])`, `h' = u * n + (1 - u) * h`, `y = h'`.

    The form in which the gate is first taught; compare the minimal gated unit (Zhou et al., 2016).
    """

    State = HiddenState

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, 2 * hidden_size)
        self.hidden = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        update, candidate = (self.input(x) + self.hidden(state.h)).chunk(2, -1)
        u = torch.sigmoid(update)
        h = state.h + u * (torch.tanh(candidate) - state.h)
        return h, HiddenState(h)


@cell("light_gru")
class LightGRU(Cell):
    """No reset gate and a ReLU candidate: `h' = z * h + (1 - z) * relu(n)` (Ravanelli et al., 2018).

    The source normalises the input's part over the batch; here it is left plain, as a step sees one row.
    """

    State = HiddenState

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, 2 * hidden_size)
        self.hidden = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        update, candidate = (self.input(x) + self.hidden(state.h)).chunk(2, -1)
        z = torch.sigmoid(update)
        h = z * state.h + (1 - z) * torch.relu(candidate)
        return h, HiddenState(h)


@cell("layer_norm_gru")
class LayerNormGRU(Cell):
    """The reset-after form with each product normalised before it is used (Ba et al., 2016, section 3.1)."""

    State = HiddenState

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, 3 * hidden_size, bias=False)
        self.hidden = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.input_norm = nn.LayerNorm(3 * hidden_size)
        self.hidden_norm = nn.LayerNorm(3 * hidden_size)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        x_r, x_z, x_n = self.input_norm(self.input(x)).chunk(3, -1)
        h_r, h_z, h_n = self.hidden_norm(self.hidden(state.h)).chunk(3, -1)
        r = torch.sigmoid(x_r + h_r)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        h = n + z * (state.h - n)
        return h, HiddenState(h)
