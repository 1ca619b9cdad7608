"""Long short-term memory, with the weights of torch's (gates i, f, g, o)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.initial import forget_bias_, uniform_


class LSTMState(NamedTuple):
    h: Tensor  # [B, H]
    c: Tensor  # [B, H]: the memory cell


@cell("lstm")
class LSTM(Cell):
    """`i, f, o = s(W x + U h + b)`, `g = tanh(W_g x + U_g h + b_g)`, `c' = f * c + i * g`, `h' = o *
    tanh(c')`.

    Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000). `y = h'`.

    Args:
        forget_bias: the forget gate's bias at the start; None leaves it random, as torch does.
    """

    State = LSTMState

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, forget_bias: float | None = None
    ) -> None:
        self.input = nn.Linear(input_size, 4 * hidden_size, bias)
        self.hidden = nn.Linear(hidden_size, 4 * hidden_size, bias)
        uniform_(self, hidden_size)
        if bias and forget_bias is not None:
            forget_bias_(self.input.bias, 1, 4, forget_bias)
            forget_bias_(self.hidden.bias, 1, 4, 0.0)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        i, f, g, o = (self.input(x) + self.hidden(state.h)).chunk(4, -1)
        c = f.sigmoid() * state.c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, LSTMState(h, c)


@cell("peephole_lstm")
class PeepholeLSTM(Cell):
    """Gates that see the memory: `i, f` also `p * c`, `o` also `p_o * c'`, with p diagonal (Gers et al.,
    2002).
    """

    State = LSTMState

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, 4 * hidden_size)
        self.hidden = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.p_i, self.p_f, self.p_o = (nn.Parameter(torch.zeros(hidden_size)) for _ in range(3))
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        i, f, g, o = (self.input(x) + self.hidden(state.h)).chunk(4, -1)
        i = torch.sigmoid(i + self.p_i * state.c)
        f = torch.sigmoid(f + self.p_f * state.c)
        c = f * state.c + i * g.tanh()
        h = torch.sigmoid(o + self.p_o * c) * c.tanh()
        return h, LSTMState(h, c)


@cell("coupled_lstm")
class CoupledLSTM(Cell):
    """What is forgotten makes room for what comes: `c' = f * c + (1 - f) * g` (CIFG in Greff et al.,
    2017).
    """

    State = LSTMState

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, 3 * hidden_size)
        self.hidden = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        f, g, o = (self.input(x) + self.hidden(state.h)).chunk(3, -1)
        f, g = f.sigmoid(), g.tanh()
        c = g + f * (state.c - g)
        h = o.sigmoid() * c.tanh()
        return h, LSTMState(h, c)


@cell("projected_lstm")
class ProjectedLSTM(Cell):
    """A wide memory behind a narrow state: `h' = P (o * tanh(c'))` (Sak et al., 2014).

    The weights are those of `torch.nn.LSTM` with `proj_size`. `y = h'`.

    Args:
        hidden_size: width of the memory c.
        projection_size: width of h and y.
    """

    State = LSTMState

    def __init__(self, input_size: int, hidden_size: int, projection_size: int, bias: bool = True) -> None:
        self.projection_size = projection_size
        self.input = nn.Linear(input_size, 4 * hidden_size, bias)
        self.hidden = nn.Linear(projection_size, 4 * hidden_size, bias)
        self.projection = nn.Linear(hidden_size, projection_size, bias=False)
        uniform_(self, hidden_size)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.projection_size,), "c": (self.hidden_size,)}

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        i, f, g, o = (self.input(x) + self.hidden(state.h)).chunk(4, -1)
        c = f.sigmoid() * state.c + i.sigmoid() * g.tanh()
        h = self.projection(o.sigmoid() * c.tanh())
        return h, LSTMState(h, c)


@cell("layer_norm_lstm")
class LayerNormLSTM(Cell):
    """Each product normalised, and the memory where it is read (Ba et al., 2016, section 3.1).

    Args:
        memory: whether `tanh` reads a normalised c; without it only the products are normalised.
    """

    State = LSTMState

    def __init__(self, input_size: int, hidden_size: int, memory: bool = True) -> None:
        self.input = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.hidden = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.input_norm = nn.LayerNorm(4 * hidden_size)
        self.hidden_norm = nn.LayerNorm(4 * hidden_size)
        self.memory_norm = nn.LayerNorm(hidden_size) if memory else nn.Identity()
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        i, f, g, o = (self.input_norm(self.input(x)) + self.hidden_norm(self.hidden(state.h))).chunk(4, -1)
        c = f.sigmoid() * state.c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * torch.tanh(self.memory_norm(c))
        return h, LSTMState(h, c)
