"""A zoo of recurrent cells from the literature, each as its paper's equation would be written by a user.

None was written for Recurra: they show what steps are like. `tests/laws/test_zoo.py` holds each to its own
plain loop and counts those that have a program.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import orthogonal, spectral_norm, weight_norm

from recurra.cells import Cell

IN, HIDDEN = 3, 8

ZOO: dict[str, Callable[[], Cell]] = {}
"""Name -> builds a small one."""

C = TypeVar("C", bound="type[Cell]")


def exhibit(name: str) -> Callable[[C], C]:
    """Puts a cell into the zoo."""

    def add(cls: C) -> C:
        ZOO[name] = lambda: cls(IN, HIDDEN)
        return cls

    return add


class Hidden(NamedTuple):
    h: Tensor


class Memory(NamedTuple):
    h: Tensor
    c: Tensor


class Gates(Cell):
    """`total(x, h)`: `W x + U h + b`, for `gates` times the hidden size."""

    State: Any = Hidden
    gates = 1
    bias = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        width = self.gates * hidden_size
        self.w = nn.Linear(input_size, width, bias=self.bias)
        self.u = nn.Linear(hidden_size, width, bias=False)
        self.more(input_size, hidden_size)

    def more(self, input_size: int, n: int) -> None: ...

    def total(self, x: Tensor, h: Tensor) -> Tensor:
        return self.w(x) + self.u(h)

    def vector(self, *shape: int, scale: float = 0.5) -> nn.Parameter:
        return nn.Parameter(torch.randn(shape) * scale)


def one(h: Tensor) -> tuple[Tensor, Hidden]:
    return h, Hidden(h)


def two(h: Tensor, c: Tensor) -> tuple[Tensor, Memory]:
    return h, Memory(h, c)


# simple recurrent networks


@exhibit("vanilla")
class Vanilla(Gates):
    """Elman, Finding structure in time, 1990."""

    def step(self, x: Tensor, s: Hidden) -> Any:
        return one(torch.tanh(self.total(x, s.h)))


@exhibit("irnn")
class IRNN(Gates):
    """Le, Jaitly and Hinton, 2015: ReLU, and an identity to begin with."""

    def more(self, input_size: int, n: int) -> None:
        nn.init.eye_(self.u.weight)

    def step(self, x: Tensor, s: Hidden) -> Any:
        return one(self.total(x, s.h).relu())


@exhibit("np_rnn")
class NpRNN(Gates):
    """Talathi and Vartak, 2015: a normalised positive definite matrix of the state."""

    def step(self, x: Tensor, s: Hidden) -> Any:
        a = self.u.weight.T @ self.u.weight / len(self.u.weight)
        eye = torch.eye(len(a), dtype=a.dtype)
        return one((self.w(x) + s.h @ ((a + eye) / (a.diagonal().amax() + 1))).relu())


@exhibit("scrn")
class SCRN(Gates):
    """Mikolov et al., Learning longer memory, 2014: a slow context beside the state."""

    State = Memory

    def more(self, input_size: int, n: int) -> None:
        self.b, self.p = nn.Linear(input_size, n, bias=False), nn.Linear(n, n, bias=False)
        self.v = nn.Linear(n, n, bias=False)

    def step(self, x: Tensor, s: Memory) -> Any:
        c = 0.05 * self.b(x) + 0.95 * s.c
        h = torch.sigmoid(self.p(c) + self.total(x, s.h))
        return h + self.v(c), Memory(h, c)


@exhibit("mist")
class Mist(Gates):
    """DiPietro et al., MIST RNNs, 2018: attention over delays of 1, 2 and 4 steps."""

    class State(NamedTuple):
        h: Tensor
        past: Tensor

    def more(self, input_size: int, n: int) -> None:
        self.attention, self.reset = nn.Linear(input_size + n, 3), nn.Linear(input_size + n, n)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size,), "past": (4 * self.hidden_size,)}

    def step(self, x: Tensor, s: Any) -> Any:
        past = s.past.view(len(x), 4, -1)
        both = torch.cat([x, s.h], -1)
        shares = self.attention(both).softmax(-1)
        mixed = (shares.unsqueeze(-1) * past[:, [0, 1, 3]]).sum(1)
        h = torch.tanh(self.total(x, torch.sigmoid(self.reset(both)) * mixed))
        return h, self.State(h, torch.cat([h, s.past[:, : -h.shape[1]]], -1))


@exhibit("clockwork")
class Clockwork(Gates):
    """Koutnik et al., A clockwork RNN, 2014: groups of units tick at their own periods."""

    class State(NamedTuple):
        h: Tensor
        t: Tensor

    def more(self, input_size: int, n: int) -> None:
        self.register_buffer("period", torch.tensor([1.0, 2.0, 4.0, 8.0]).repeat_interleave(n // 4))
        self.register_buffer("mask", (self.period[:, None] <= self.period[None]).to(torch.float32))

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size,), "t": (1,)}

    def step(self, x: Tensor, s: Any) -> Any:
        new = torch.tanh(self.w(x) + F.linear(s.h, self.u.weight * self.mask))
        phase = s.t / self.period
        h = torch.where((phase - phase.floor()) < 1e-3, new, s.h)
        return h, self.State(h, s.t + 1)


@exhibit("antisymmetric")
class Antisymmetric(Gates):
    """Chang et al., AntisymmetricRNN, 2019: a stable ordinary differential equation, with a gate."""

    def more(self, input_size: int, n: int) -> None:
        self.gate = nn.Linear(input_size, n)

    def step(self, x: Tensor, s: Hidden) -> Any:
        m = self.u.weight - self.u.weight.T - 0.1 * torch.eye(self.hidden_size, dtype=x.dtype)
        turned = s.h @ m.T
        return one(s.h + 0.3 * torch.tanh(turned + self.w(x)) * torch.sigmoid(turned + self.gate(x)))


@exhibit("lipschitz")
class Lipschitz(Gates):
    """Erichson et al., Lipschitz recurrent neural networks, 2021."""

    def more(self, input_size: int, n: int) -> None:
        self.m = nn.Linear(n, n, bias=False)

    def matrix(self, m: Tensor) -> Tensor:
        eye = torch.eye(len(m), dtype=m.dtype)
        return 0.35 * (m + m.T) + 0.65 * (m - m.T) - 0.001 * eye

    def step(self, x: Tensor, s: Hidden) -> Any:
        inner = torch.tanh(s.h @ self.matrix(self.u.weight).T + self.w(x))
        return one(s.h + 0.1 * (s.h @ self.matrix(self.m.weight).T + inner))


@exhibit("exp_rnn")
class ExpRNN(Gates):
    """Lezcano-Casado and Martinez-Rubio, Cheap orthogonal constraints, 2019."""

    def more(self, input_size: int, n: int) -> None:
        orthogonal(self.u, orthogonal_map="matrix_exp")
        self.b = self.vector(n)

    def step(self, x: Tensor, s: Hidden) -> Any:
        z = self.total(x, s.h)
        return one(z.sign() * F.relu(z.abs() + self.b))


@exhibit("eunn")
class EUNN(Gates):
    """Jing et al., Tunable efficient unitary networks, 2017: rotations of neighbours, real ones."""

    def more(self, input_size: int, n: int) -> None:
        self.angles = self.vector(2, n // 2)

    def turned(self, h: Tensor, angle: Tensor) -> Tensor:
        a, b = h[:, ::2], h[:, 1::2]
        cos, sin = angle.cos(), angle.sin()
        return torch.stack([cos * a - sin * b, sin * a + cos * b], -1).flatten(1)

    def step(self, x: Tensor, s: Hidden) -> Any:
        h = self.turned(s.h, self.angles[0])
        h = self.turned(h.roll(-1, -1), self.angles[1]).roll(1, -1)
        return one(torch.tanh(h + self.w(x)))


@exhibit("urnn")
class URNN(Gates):
    """Arjovsky et al., Unitary evolution RNNs, 2016: diagonals, a reflection, a permutation; real pairs."""

    class State(NamedTuple):
        re: Tensor
        im: Tensor

    def more(self, input_size: int, n: int) -> None:
        self.phase, self.r_re, self.r_im = self.vector(2, n), self.vector(n), self.vector(n)
        self.v, self.b = nn.Linear(input_size, n), self.vector(n)
        self.register_buffer("order", torch.randperm(n, generator=torch.Generator().manual_seed(0)))

    def diagonal(self, re: Tensor, im: Tensor, phase: Tensor) -> tuple[Tensor, Tensor]:
        cos, sin = phase.cos(), phase.sin()
        return cos * re - sin * im, sin * re + cos * im

    def step(self, x: Tensor, s: Any) -> Any:
        re, im = self.diagonal(s.re, s.im, self.phase[0])
        norm = (self.r_re**2 + self.r_im**2).sum()
        a = (re * self.r_re + im * self.r_im).sum(-1, keepdim=True)
        b = (im * self.r_re - re * self.r_im).sum(-1, keepdim=True)
        re, im = (
            re - 2 * (a * self.r_re - b * self.r_im) / norm,
            im - 2 * (a * self.r_im + b * self.r_re) / norm,
        )
        re, im = self.diagonal(re[:, self.order], im[:, self.order], self.phase[1])
        re, im = re + self.w(x), im + self.v(x)
        size = (re**2 + im**2 + 1e-6).sqrt()
        scale = F.relu(size + self.b) / size
        re, im = re * scale, im * scale
        return torch.cat([re, im], -1), self.State(re, im)


@exhibit("cornn")
class CoRNN(Gates):
    """Rusch and Mishra, Coupled oscillatory RNN, 2021."""

    class State(NamedTuple):
        y: Tensor
        z: Tensor

    def more(self, input_size: int, n: int) -> None:
        self.v = nn.Linear(n, n, bias=False)

    def step(self, x: Tensor, s: Any) -> Any:
        z = s.z + 0.05 * (torch.tanh(self.total(x, s.y) + self.v(s.z)) - 2.7 * s.y - 4.7 * s.z)
        y = s.y + 0.05 * z
        return y, self.State(y, z)


@exhibit("unicornn")
class UnICORNN(Gates):
    """Rusch and Mishra, UnICORNN, 2021: undamped, independent, controlled oscillators."""

    class State(NamedTuple):
        y: Tensor
        z: Tensor

    def more(self, input_size: int, n: int) -> None:
        self.a, self.c = self.vector(n), self.vector(n)

    def step(self, x: Tensor, s: Any) -> Any:
        rate = 0.1 * torch.sigmoid(self.c)
        z = s.z - rate * (torch.tanh(self.a * s.y + self.w(x)) + 0.9 * s.y)
        y = s.y + rate * z
        return y, self.State(y, z)


@exhibit("fast_rnn")
class FastRNN(Gates):
    """Kusupati et al., FastGRNN, 2018: the simpler FastRNN, a weighted residual."""

    def more(self, input_size: int, n: int) -> None:
        self.alpha, self.beta = nn.Parameter(torch.tensor(-2.0)), nn.Parameter(torch.tensor(2.0))

    def step(self, x: Tensor, s: Hidden) -> Any:
        return one(self.alpha.sigmoid() * torch.tanh(self.total(x, s.h)) + self.beta.sigmoid() * s.h)


@exhibit("fast_grnn")
class FastGRNN(Gates):
    """Kusupati et al., FastGRNN, 2018: low rank, one total for gate and candidate."""

    def more(self, input_size: int, n: int) -> None:
        self.left, self.right = nn.Linear(n, 2, bias=False), nn.Linear(2, n, bias=False)
        self.bz, self.zeta, self.nu = self.vector(n), self.vector(1), self.vector(1)

    def step(self, x: Tensor, s: Hidden) -> Any:
        total = self.w(x) + self.right(self.left(s.h))
        z = torch.sigmoid(total + self.bz)
        h = (self.zeta.sigmoid() * (1 - z) + self.nu.sigmoid()) * torch.tanh(total) + z * s.h
        return one(h)


@exhibit("ind_rnn")
class IndRNN(Gates):
    """Li et al., Independently recurrent neural network, 2018."""

    def more(self, input_size: int, n: int) -> None:
        self.r = self.vector(n)

    def step(self, x: Tensor, s: Hidden) -> Any:
        return one(F.relu(self.w(x) + self.r.clamp(-1, 1) * s.h))


@exhibit("multiplicative_integration")
class MultiplicativeIntegration(Gates):
    """Wu et al., On multiplicative integration with RNNs, 2016."""

    bias = False

    def more(self, input_size: int, n: int) -> None:
        self.alpha, self.one, self.two, self.b = (self.vector(n) for _ in range(4))

    def step(self, x: Tensor, s: Hidden) -> Any:
        a, b = self.w(x), self.u(s.h)
        return one(torch.tanh(self.alpha * a * b + self.one * b + self.two * a + self.b))


@exhibit("second_order")
class SecondOrder(Gates):
    """Giles et al., Learning finite automata, 1992: products of input and state."""

    def more(self, input_size: int, n: int) -> None:
        self.pair = nn.Bilinear(input_size, n, n)

    def step(self, x: Tensor, s: Hidden) -> Any:
        return one(torch.sigmoid(self.pair(x, s.h)))


@exhibit("multiplicative_rnn")
class MultiplicativeRNN(Gates):
    """Sutskever et al., Generating text, 2011: factored second-order."""

    def more(self, input_size: int, n: int) -> None:
        self.fx, self.fh = nn.Linear(input_size, 5, bias=False), nn.Linear(n, 5, bias=False)
        self.out = nn.Linear(5, n, bias=False)

    def step(self, x: Tensor, s: Hidden) -> Any:
        return one(torch.tanh(self.w(x) + self.out(self.fx(x) * self.fh(s.h))))


@exhibit("maxout")
class Maxout(Gates):
    """Pascanu et al., How to construct deep RNNs, 2014, with maxout units (Goodfellow et al., 2013)."""

    gates = 3

    def step(self, x: Tensor, s: Hidden) -> Any:
        pieces = self.total(x, s.h).view(len(x), -1, 3)
        return one(torch.tanh(pieces.max(-1).values))


@exhibit("deep_transition")
class DeepTransition(Gates):
    """Pascanu et al., How to construct deep RNNs, 2014: DT(S)-RNN with a shortcut."""

    def more(self, input_size: int, n: int) -> None:
        self.inner = nn.Sequential(nn.Linear(n, n), nn.Tanh(), nn.Linear(n, n))

    def step(self, x: Tensor, s: Hidden) -> Any:
        first = torch.tanh(self.total(x, s.h))
        return one(torch.tanh(self.inner(first) + first))


@exhibit("weight_normed")
class WeightNormed(Gates):
    """Salimans and Kingma, Weight normalization, 2016, with a spectral norm on the state's (Miyato, 2018)."""

    def more(self, input_size: int, n: int) -> None:
        weight_norm(self.w)
        spectral_norm(self.u)

    def step(self, x: Tensor, s: Hidden) -> Any:
        return one(torch.tanh(self.total(x, s.h)))


# gated: LSTM and its relatives


class FourGates(Gates):
    State = Memory
    gates = 4

    def gated(self, total: Tensor, c: Tensor) -> Any:
        i, f, g, o = total.chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return two(o.sigmoid() * c.tanh(), c)


@exhibit("lstm")
class LSTM(FourGates):
    """Gers et al., Learning to forget, 2000."""

    def step(self, x: Tensor, s: Memory) -> Any:
        return self.gated(self.total(x, s.h), s.c)


@exhibit("lstm_1997")
class LSTM1997(Gates):
    """Hochreiter and Schmidhuber, 1997: no forget gate, squashed to (-2, 2) and (-1, 1)."""

    State = Memory
    gates = 3

    def step(self, x: Tensor, s: Memory) -> Any:
        i, g, o = self.total(x, s.h).chunk(3, -1)
        c = s.c + i.sigmoid() * (4 * g.sigmoid() - 2)
        return two(o.sigmoid() * (2 * c.sigmoid() - 1), c)


@exhibit("peephole")
class Peephole(Gates):
    """Gers and Schmidhuber, Recurrent nets that time and count, 2000."""

    State = Memory
    gates = 4

    def more(self, input_size: int, n: int) -> None:
        self.p = self.vector(3, n)

    def step(self, x: Tensor, s: Memory) -> Any:
        i, f, g, o = self.total(x, s.h).chunk(4, -1)
        c = torch.sigmoid(f + self.p[0] * s.c) * s.c + torch.sigmoid(i + self.p[1] * s.c) * g.tanh()
        return two(torch.sigmoid(o + self.p[2] * c) * c.tanh(), c)


@exhibit("coupled")
class Coupled(Gates):
    """Greff et al., LSTM: a search space odyssey, 2017: CIFG."""

    State = Memory
    gates = 3

    def step(self, x: Tensor, s: Memory) -> Any:
        f, g, o = self.total(x, s.h).chunk(3, -1)
        c = torch.lerp(g.tanh(), s.c, f.sigmoid())
        return two(o.sigmoid() * c.tanh(), c)


@exhibit("janet")
class JANET(Gates):
    """Van der Westhuizen and Lasenby, The unreasonable effectiveness of the forget gate, 2018."""

    gates = 2

    def step(self, x: Tensor, s: Hidden) -> Any:
        f, g = self.total(x, s.h).chunk(2, -1)
        return one(f.sigmoid() * s.h + (1 - torch.sigmoid(f - 1)) * g.tanh())


@exhibit("projected")
class Projected(Cell):
    """Sak et al., LSTM for large scale acoustic modeling, 2014."""

    State = Memory

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.all, self.project = nn.Linear(input_size + 4, 4 * hidden_size), nn.Linear(hidden_size, 4)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (4,), "c": (self.hidden_size,)}

    def step(self, x: Tensor, s: Memory) -> Any:
        i, f, g, o = self.all(torch.cat([x, s.h], -1)).split(self.hidden_size, -1)
        c = f.sigmoid() * s.c + i.sigmoid() * g.tanh()
        return two(self.project(o.sigmoid() * c.tanh()), c)


@exhibit("layer_norm_lstm")
class LayerNormLSTM(FourGates):
    """Ba et al., Layer normalization, 2016: each gate has its own norm."""

    def more(self, input_size: int, n: int) -> None:
        self.norms = nn.ModuleList(nn.LayerNorm(n) for _ in range(5))

    def step(self, x: Tensor, s: Memory) -> Any:
        parts = self.total(x, s.h).chunk(4, -1)
        i, f, g, o = (norm(part) for norm, part in zip(self.norms, parts, strict=False))
        c = f.sigmoid() * s.c + i.sigmoid() * g.tanh()
        return two(o.sigmoid() * self.norms[4](c).tanh(), c)


@exhibit("group_norm_lstm")
class GroupNormLSTM(FourGates):
    """Wu and He, Group normalization, 2018, within an LSTM: a group a gate."""

    def more(self, input_size: int, n: int) -> None:
        self.norm = nn.GroupNorm(4, 4 * n)

    def step(self, x: Tensor, s: Memory) -> Any:
        return self.gated(self.norm(self.total(x, s.h)), s.c)


@exhibit("rms_norm_lstm")
class RMSNormLSTM(FourGates):
    """Zhang and Sennrich, Root mean square layer normalization, 2019."""

    def more(self, input_size: int, n: int) -> None:
        self.norm = nn.RMSNorm(4 * n)

    def step(self, x: Tensor, s: Memory) -> Any:
        return self.gated(self.norm(self.total(x, s.h)), s.c)


@exhibit("batch_norm_lstm")
class BatchNormLSTM(FourGates):
    """Cooijmans et al., Recurrent batch normalization, 2017, out of training."""

    def more(self, input_size: int, n: int) -> None:
        self.of_x, self.of_h = nn.BatchNorm1d(4 * n), nn.BatchNorm1d(4 * n)

    def step(self, x: Tensor, s: Memory) -> Any:
        return self.gated(self.of_x(self.w(x)) + self.of_h(self.u(s.h)), s.c)


@exhibit("multiplicative_lstm")
class MultiplicativeLSTM(FourGates):
    """Krause et al., Multiplicative LSTM, 2016."""

    def more(self, input_size: int, n: int) -> None:
        self.mx, self.mh = nn.Linear(input_size, n, bias=False), nn.Linear(n, n, bias=False)

    def step(self, x: Tensor, s: Memory) -> Any:
        return self.gated(self.total(x, self.mx(x) * self.mh(s.h)), s.c)


@exhibit("on_lstm")
class OrderedNeurons(Gates):
    """Shen et al., Ordered neurons, 2019: master gates that are running sums of a softmax, in chunks."""

    State = Memory
    gates = 4

    def more(self, input_size: int, n: int) -> None:
        self.master = nn.Linear(input_size + n, 2 * (n // 2))

    def step(self, x: Tensor, s: Memory) -> Any:
        f, i, g, o = self.total(x, s.h).chunk(4, -1)
        low, high = self.master(torch.cat([x, s.h], -1)).chunk(2, -1)
        forget = low.softmax(-1).cumsum(-1).repeat_interleave(2, -1)
        write = 1 - high.softmax(-1).cumsum(-1).repeat_interleave(2, -1)
        overlap = forget * write
        keep = f.sigmoid() * overlap + (forget - overlap)
        enter = i.sigmoid() * overlap + (write - overlap)
        c = keep * s.c + enter * g.tanh()
        return two(o.sigmoid() * c.tanh(), c)


@exhibit("phased_lstm")
class PhasedLSTM(FourGates):
    """Neil et al., Phased LSTM, 2016: a time gate with a learnt period, phase and open share."""

    class State(NamedTuple):
        h: Tensor
        c: Tensor
        t: Tensor

    def more(self, input_size: int, n: int) -> None:
        self.tau, self.shift = nn.Parameter(torch.rand(n) * 3 + 1.3), nn.Parameter(torch.rand(n))

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size,), "c": (self.hidden_size,), "t": (1,)}

    def step(self, x: Tensor, s: Any) -> Any:
        _, (h, c) = self.gated(self.total(x, s.h), s.c)
        phase = torch.remainder(s.t - self.shift, self.tau) / self.tau
        gate = torch.where(phase < 0.1, 20 * phase, torch.where(phase < 0.2, 2 - 10 * phase, 0.01 * phase))
        h, c = torch.lerp(s.h, h, gate), torch.lerp(s.c, c, gate)
        return h, self.State(h, c, s.t + 1)


@exhibit("nested_lstm")
class NestedLSTM(FourGates):
    """Moniz and Krueger, Nested LSTMs, 2017: the memory is itself an LSTM's output."""

    class State(NamedTuple):
        h: Tensor
        c: Tensor
        inner: Tensor

    def more(self, input_size: int, n: int) -> None:
        self.inner = nn.LSTMCell(n, n)

    def step(self, x: Tensor, s: Any) -> Any:
        i, f, g, o = self.total(x, s.h).chunk(4, -1)
        c, inner = self.inner(i.sigmoid() * g.tanh(), (f.sigmoid() * s.c, s.inner))
        h = o.sigmoid() * c.tanh()
        return h, self.State(h, c, inner)


@exhibit("residual_lstm")
class ResidualLSTM(FourGates):
    """Kim et al., Residual LSTM, 2017: a shortcut from the layer below into the output gate's product."""

    def more(self, input_size: int, n: int) -> None:
        self.short, self.project = nn.Linear(input_size, n, bias=False), nn.Linear(n, n, bias=False)

    def step(self, x: Tensor, s: Memory) -> Any:
        i, f, g, o = self.total(x, s.h).chunk(4, -1)
        c = f.sigmoid() * s.c + i.sigmoid() * g.tanh()
        return two(o.sigmoid() * (self.project(c.tanh()) + self.short(x)), c)


@exhibit("nas_cell")
class NASCell(Gates):
    """Zoph and Le, Neural architecture search, 2017: the cell that was found on Penn Treebank."""

    State = Memory
    gates = 8
    bias = False

    def step(self, x: Tensor, s: Memory) -> Any:
        a, b = self.w(x).chunk(8, -1), self.u(s.h).chunk(8, -1)
        first = [
            torch.sigmoid(a[0] + b[0]),
            torch.relu(a[1] + b[1]),
            torch.sigmoid(a[2] + b[2]),
            torch.relu(a[3] * b[3]),
            torch.tanh(a[4] + b[4]),
            torch.sigmoid(a[5] + b[5]),
            torch.tanh(a[6] + b[6]),
            torch.sigmoid(a[7] + b[7]),
        ]
        left = torch.tanh(torch.tanh(first[0] * first[1]) + s.c)
        right = torch.tanh(first[2] + first[3])
        c = left * right
        other = torch.sigmoid(torch.tanh(first[4] * first[5]) * torch.sigmoid(first[6] + first[7]))
        return two(torch.tanh(c * other), c)


@exhibit("gated_feedback")
class GatedFeedback(Cell):
    """Chung et al., Gated feedback RNNs, 2015: two layers, fed the states of both by gates."""

    class State(NamedTuple):
        low: Tensor
        high: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        n = hidden_size
        self.inputs = nn.ModuleList([nn.Linear(input_size, n), nn.Linear(n, n)])
        self.states = nn.ModuleList(nn.Linear(2 * n, n, bias=False) for _ in range(2))
        self.gates = nn.ModuleList([nn.Linear(input_size + 2 * n, 2), nn.Linear(3 * n, 2)])

    def layer(self, k: int, x: Tensor, both: Tensor) -> Tensor:
        gates = torch.sigmoid(self.gates[k](torch.cat([x, both], -1)))
        fed = (both.unflatten(-1, (2, -1)) * gates.unsqueeze(-1)).flatten(1)
        return torch.tanh(self.inputs[k](x) + self.states[k](fed))

    def step(self, x: Tensor, s: Any) -> Any:
        both = torch.cat([s.low, s.high], -1)
        low = self.layer(0, x, both)
        high = self.layer(1, low, both)
        return high, self.State(low, high)


@exhibit("torch_lstm_cell")
class OfTorch(Cell):
    """An encoder that keeps `nn.LSTMCell` inside, as many scripts do, and two more of torch's cells."""

    State = Memory

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.lstm = nn.LSTMCell(hidden_size, hidden_size)
        self.gru = nn.GRUCell(input_size, hidden_size)
        self.rnn = nn.RNNCell(hidden_size, hidden_size)

    def step(self, x: Tensor, s: Memory) -> Any:
        h, c = self.lstm(self.gru(x, s.h), s)
        return self.rnn(h, s.c), Memory(h, c)


@exhibit("sub_lstm")
class SubLSTM(Gates):
    """Costa et al., Cortical microcircuits as gated-recurrent networks, 2017: subtractive gates."""

    State = Memory
    gates = 4

    def step(self, x: Tensor, s: Memory) -> Any:
        i, f, z, o = torch.sigmoid(self.total(x, s.h)).chunk(4, -1)
        c = f * s.c + z - i
        return two(c.sigmoid() - o, c)


@exhibit("slstm")
class SLSTM(Gates):
    """Beck et al., xLSTM, 2024: exponential gates with a stabiliser, heads with a norm each."""

    class State(NamedTuple):
        h: Tensor
        c: Tensor
        n: Tensor
        m: Tensor

    gates = 4

    def more(self, input_size: int, n: int) -> None:
        self.norm = nn.GroupNorm(2, n)

    def step(self, x: Tensor, s: Any) -> Any:
        i, f, z, o = self.total(x, s.h).chunk(4, -1)
        keep = F.logsigmoid(f) + s.m
        m = torch.maximum(keep, i)
        write, forget = torch.exp(i - m), torch.exp(keep - m)
        c, n = forget * s.c + write * z.tanh(), forget * s.n + write
        h = o.sigmoid() * c / n
        return self.norm(h), self.State(h, c, n, m)


# gated: GRU and its relatives


@exhibit("gru")
class GRU(Gates):
    """Cho et al., 2014."""

    gates = 2

    def more(self, input_size: int, n: int) -> None:
        self.wc, self.uc = nn.Linear(input_size, n), nn.Linear(n, n, bias=False)

    def step(self, x: Tensor, s: Hidden) -> Any:
        r, z = torch.sigmoid(self.total(x, s.h)).chunk(2, -1)
        return one(z * s.h + (1 - z) * torch.tanh(self.wc(x) + self.uc(r * s.h)))


@exhibit("mgu")
class MGU(Gates):
    """Zhou et al., Minimal gated unit, 2016."""

    def more(self, input_size: int, n: int) -> None:
        self.candidate = nn.Linear(input_size + n, n)

    def step(self, x: Tensor, s: Hidden) -> Any:
        f = torch.sigmoid(self.total(x, s.h))
        return one((1 - f) * s.h + f * torch.tanh(self.candidate(torch.cat([f * s.h, x], -1))))


@exhibit("li_gru")
class LiGRU(Gates):
    """Ravanelli et al., Light gated recurrent units, 2018, batch norm at rest."""

    gates = 2

    def more(self, input_size: int, n: int) -> None:
        self.norm = nn.BatchNorm1d(2 * n)

    def step(self, x: Tensor, s: Hidden) -> Any:
        z, a = (self.norm(self.w(x)) + self.u(s.h)).chunk(2, -1)
        z = z.sigmoid()
        return one(z * s.h + (1 - z) * a.relu())


@exhibit("sgu")
class SGU(Gates):
    """Gao and Glowacka, Deep gate recurrent neural network, 2016: simple gated unit."""

    def more(self, input_size: int, n: int) -> None:
        self.wz, self.uz = nn.Linear(input_size, n), nn.Linear(n, n, bias=False)
        self.inner = nn.Linear(n, n, bias=False)

    def step(self, x: Tensor, s: Hidden) -> Any:
        a = self.w(x)
        gate = torch.tanh(self.inner(a * s.h))
        z = (0.2 * (self.wz(x) + self.uz(s.h)) + 0.5).clamp(0, 1)
        return one((1 - z) * s.h + z * F.softplus(gate * a))


@exhibit("mut1")
class MUT1(Cell):
    """Jozefowicz et al., An empirical exploration of recurrent network architectures, 2015."""

    State = Hidden

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.xz, self.xh = nn.Linear(input_size, hidden_size), nn.Linear(input_size, hidden_size)
        self.r, self.h = nn.Linear(input_size + hidden_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def step(self, x: Tensor, s: Hidden) -> Any:
        z = torch.sigmoid(self.xz(x))
        r = torch.sigmoid(self.r(torch.cat([x, s.h], -1)))
        return one(torch.tanh(self.h(r * s.h) + torch.tanh(self.xh(x))) * z + s.h * (1 - z))


@exhibit("mut2")
class MUT2(MUT1):
    """Jozefowicz et al., 2015, the second."""

    def step(self, x: Tensor, s: Hidden) -> Any:
        z = torch.sigmoid(self.xz(x) + self.h(s.h))
        r = torch.sigmoid(self.xh(x) + self.h(s.h))
        return one(torch.tanh(self.h(r * s.h) + self.xh(x)) * z + s.h * (1 - z))


@exhibit("mut3")
class MUT3(MUT1):
    """Jozefowicz et al., 2015, the third."""

    def step(self, x: Tensor, s: Hidden) -> Any:
        z = torch.sigmoid(self.xz(x) + self.h(s.h.tanh()))
        r = torch.sigmoid(self.r(torch.cat([x, s.h], -1)))
        return one(torch.tanh(self.h(r * s.h) + self.xh(x)) * z + s.h * (1 - z))


@exhibit("cfn")
class CFN(Gates):
    """Laurent and von Brecht, A recurrent neural network without chaos, 2017."""

    gates = 2

    def more(self, input_size: int, n: int) -> None:
        self.in_ = nn.Linear(input_size, n, bias=False)

    def step(self, x: Tensor, s: Hidden) -> Any:
        theta, eta = torch.sigmoid(self.total(x, s.h)).chunk(2, -1)
        return one(theta * s.h.tanh() + eta * torch.tanh(self.in_(x)))


@exhibit("minimal_rnn")
class MinimalRNN(Gates):
    """Chen, MinimalRNN, 2017."""

    def more(self, input_size: int, n: int) -> None:
        self.embed, self.uz = nn.Linear(input_size, n), nn.Linear(2 * n, n)

    def step(self, x: Tensor, s: Hidden) -> Any:
        z = torch.tanh(self.embed(x))
        u = torch.sigmoid(self.uz(torch.cat([s.h, z], -1)))
        return one(u * s.h + (1 - u) * z)


@exhibit("min_gru")
class MinGRU(Gates):
    """Feng et al., Were RNNs all we needed?, 2024."""

    gates = 2

    def step(self, x: Tensor, s: Hidden) -> Any:
        z, h = self.w(x).chunk(2, -1)
        h = torch.where(h >= 0, h + 0.5, torch.sigmoid(h))
        return one(torch.lerp(s.h, h, z.sigmoid()))


@exhibit("ran")
class RAN(Gates):
    """Lee et al., Recurrent additive networks, 2017."""

    State = Memory
    gates = 2

    def more(self, input_size: int, n: int) -> None:
        self.content = nn.Linear(input_size, n)

    def step(self, x: Tensor, s: Memory) -> Any:
        i, f = torch.sigmoid(self.total(x, s.h)).chunk(2, -1)
        c = i * self.content(x) + f * s.c
        return two(torch.tanh(c), c)


@exhibit("sru")
class SRU(Cell):
    """Lei et al., Simple recurrent units, 2018."""

    class State(NamedTuple):
        c: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.all = nn.Linear(input_size, 4 * hidden_size)
        self.v = nn.Parameter(torch.randn(2, hidden_size) * 0.5)

    def step(self, x: Tensor, s: Any) -> Any:
        z, f, r, skip = self.all(x).chunk(4, -1)
        f = torch.sigmoid(f + self.v[0] * s.c)
        r = torch.sigmoid(r + self.v[1] * s.c)
        c = f * s.c + (1 - f) * z
        return r * c + (1 - r) * skip, self.State(c)


@exhibit("qrnn")
class QRNN(Cell):
    """Bradbury et al., Quasi-recurrent neural networks, 2017: a window of two inputs, fo-pooling."""

    class State(NamedTuple):
        c: Tensor
        last: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.all = nn.Linear(2 * input_size, 3 * hidden_size)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"c": (self.hidden_size,), "last": (self.input_size,)}

    def step(self, x: Tensor, s: Any) -> Any:
        z, f, o = self.all(torch.cat([s.last, x], -1)).chunk(3, -1)
        f = f.sigmoid()
        c = f * s.c + (1 - f) * z.tanh()
        return o.sigmoid() * c, self.State(c, x)


@exhibit("ct_gru")
class CTGRU(Cell):
    """Mozer et al., Discrete-event continuous-time recurrent nets, 2017: a bank of decaying traces."""

    class State(NamedTuple):
        traces: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        n, self.scales = hidden_size, 3
        self.r, self.s, self.q = (nn.Linear(input_size + n, n) for _ in range(3))
        self.register_buffer("log_tau", torch.arange(3) * math.log(10) / 2)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"traces": (self.hidden_size * self.scales,)}

    def spread(self, log_scale: Tensor) -> Tensor:
        return torch.softmax(-((log_scale.unsqueeze(-1) - self.log_tau) ** 2), -1)

    def step(self, x: Tensor, s: Any) -> Any:
        traces = s.traces.view(len(x), -1, self.scales)
        both = torch.cat([x, traces.sum(-1)], -1)
        read = (self.spread(self.r(both)) * traces).sum(-1)
        q = torch.tanh(self.q(torch.cat([x, read], -1))).unsqueeze(-1)
        write = self.spread(self.s(both))
        traces = ((1 - write) * traces + write * q) * torch.exp(-1 / self.log_tau.exp())
        return traces.sum(-1), self.State(traces.flatten(1))


@exhibit("headed_gru")
class HeadedGRU(GRU):
    """A GRU whose candidate has heads, each with its own norm (Vaswani et al., 2017)."""

    def step(self, x: Tensor, s: Hidden) -> Any:
        r, z = torch.sigmoid(self.total(x, s.h)).chunk(2, -1)
        heads = (self.wc(x) + self.uc(r * s.h)).view(len(x), 2, -1)
        heads = F.normalize(heads, dim=-1) * heads.softmax(-1).amax(-1, keepdim=True)
        return one(z * s.h + (1 - z) * heads.flatten(1))


# structure: blocks, heads, slots


@exhibit("block_diagonal")
class BlockDiagonal(Gates):
    """Hwang and Sung, Block-diagonal recurrent networks, 2018; the groups are mixed by a shuffle."""

    def more(self, input_size: int, n: int) -> None:
        self.blocks = self.vector(4, n // 4, n // 4)

    def step(self, x: Tensor, s: Hidden) -> Any:
        moved = torch.einsum("bgi,gij->bgj", s.h.view(len(x), 4, -1), self.blocks)
        return one(torch.tanh(self.w(x) + moved.transpose(1, 2).flatten(1)))


@exhibit("griffin")
class Griffin(Gates):
    """De et al., Griffin, 2024: the RG-LRU, gates from block-diagonal maps of the input."""

    def more(self, input_size: int, n: int) -> None:
        self.a, self.of_r, self.of_i = (
            self.vector(n),
            self.vector(2, n // 2, n // 2),
            self.vector(2, n // 2, n // 2),
        )

    def blocks(self, x: Tensor, weight: Tensor) -> Tensor:
        return torch.einsum("bgi,gij->bgj", x.unflatten(-1, (2, -1)), weight).flatten(-2)

    def step(self, x: Tensor, s: Hidden) -> Any:
        x = self.w(x)
        r, i = torch.sigmoid(self.blocks(x, self.of_r)), torch.sigmoid(self.blocks(x, self.of_i))
        log_a = -8 * r * F.softplus(self.a)
        a = torch.exp(log_a)
        return one(a * s.h + torch.sqrt(1 - torch.exp(2 * log_a) + 1e-6) * (i * x))


@exhibit("rim")
class RIM(Cell):
    """Goyal et al., Recurrent independent mechanisms, 2021: soft rivals for the input, talk by attention."""

    State = Hidden

    def __init__(self, input_size: int, hidden_size: int) -> None:
        n = hidden_size // 4
        self.query, self.key, self.value = nn.Linear(n, 2), nn.Linear(input_size, 2), nn.Linear(input_size, n)
        self.own = nn.Parameter(torch.randn(4, 2 * n, n) * 0.5)
        self.talk = nn.MultiheadAttention(n, 1, batch_first=True)

    def step(self, x: Tensor, s: Hidden) -> Any:
        h = s.h.view(len(x), 4, -1)
        share = torch.softmax((self.query(h) * self.key(x).unsqueeze(1)).sum(-1), -1).unsqueeze(-1)
        inputs = torch.cat([share * self.value(x).unsqueeze(1), h], -1)
        h = torch.tanh(torch.einsum("bki,kij->bkj", inputs, self.own))
        h = h + share * self.talk(h, h, h, need_weights=False)[0]
        return one(h.flatten(1))


@exhibit("slot_attention")
class SlotMemory(Gates):
    """Santoro et al., Relational recurrent networks, 2018, as vectors: attention over slots of the state."""

    def more(self, input_size: int, n: int) -> None:
        self.q, self.k, self.v = (nn.Linear(n // 4, n // 4) for _ in range(3))
        self.gate = nn.Linear(input_size, 1)

    def step(self, x: Tensor, s: Hidden) -> Any:
        slots = (s.h + self.w(x)).view(len(x), 4, -1)
        shares = torch.softmax(self.q(slots) @ self.k(slots).transpose(1, 2) / 2, -1)
        new = torch.tanh(slots + shares @ self.v(slots)).flatten(1)
        return one(torch.lerp(s.h, new, torch.sigmoid(self.gate(x))))


@exhibit("lstm_network")
class LSTMNetwork(FourGates):
    """Cheng et al., LSTM networks for machine reading, 2016: attention over the last four states."""

    class State(NamedTuple):
        h: Tensor
        c: Tensor
        tape: Tensor

    def more(self, input_size: int, n: int) -> None:
        self.of_x, self.of_tape, self.v = nn.Linear(input_size, n), nn.Linear(n, n), nn.Linear(n, 1)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size,), "c": (self.hidden_size,), "tape": (4 * self.hidden_size,)}

    def step(self, x: Tensor, s: Any) -> Any:
        tape = s.tape.view(len(x), 4, -1)
        scores = self.v(torch.tanh(self.of_tape(tape) + self.of_x(x).unsqueeze(1)))
        read = (scores.softmax(1) * tape).sum(1)
        h, (_, c) = self.gated(self.total(x, read), s.c)
        return h, self.State(h, c, torch.cat([s.tape[:, self.hidden_size :], h], -1))


@exhibit("dilated")
class Dilated(Gates):
    """Chang et al., Dilated recurrent neural networks, 2017: the state of four steps ago."""

    class State(NamedTuple):
        past: Tensor

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"past": (4 * self.hidden_size,)}

    def step(self, x: Tensor, s: Any) -> Any:
        old = s.past.unflatten(-1, (4, -1))
        h = torch.tanh(self.total(x, old[:, 0]))
        return h, self.State(torch.roll(s.past, -self.hidden_size, -1) * self.mask(s.past) + self.placed(h))

    def mask(self, past: Tensor) -> Tensor:
        return torch.cat(
            [torch.ones_like(past[:, self.hidden_size :]), torch.zeros_like(past[:, : self.hidden_size])], -1
        )

    def placed(self, h: Tensor) -> Tensor:
        return F.pad(h, (3 * self.hidden_size, 0))


@exhibit("skip_rnn")
class SkipRNN(GRU):
    """Campos et al., Skip RNN, 2018: a binary update gate with a straight-through gradient."""

    class State(NamedTuple):
        h: Tensor
        u: Tensor

    def more(self, input_size: int, n: int) -> None:
        super().more(input_size, n)
        self.delta = nn.Linear(n, 1)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size,), "u": (1,)}

    def step(self, x: Tensor, s: Any) -> Any:
        hard = (s.u > 0.5).to(x.dtype)
        update = s.u + (hard - s.u).detach()
        new, _ = super().step(x, Hidden(s.h))
        h = update * new + (1 - update) * s.h
        change = torch.sigmoid(self.delta(h))
        u = update * change + (1 - update) * (s.u + torch.minimum(change, 1 - s.u))
        return h, self.State(h, u)


@exhibit("recurrent_highway")
class RecurrentHighway(Gates):
    """Zilly et al., Recurrent highway networks, 2017, three deep."""

    gates = 2

    def more(self, input_size: int, n: int) -> None:
        self.deeper = nn.ModuleList(nn.Linear(n, 2 * n) for _ in range(2))

    def step(self, x: Tensor, s: Hidden) -> Any:
        h = s.h
        for total in (self.w(x) + self.u(h), *self.deeper):
            a, t = (total if isinstance(total, Tensor) else total(h)).chunk(2, -1)
            h = torch.lerp(h, a.tanh(), t.sigmoid())
        return one(h)


@exhibit("k_winners")
class KWinners(Gates):
    """Ahmad and Scheinkman, How can we be so dense?, 2019: only the largest of each group of units fires."""

    def step(self, x: Tensor, s: Hidden) -> Any:
        groups = self.total(x, s.h).view(len(x), 4, -1)
        return one(torch.tanh(torch.where(groups == groups.amax(-1, keepdim=True), groups, 0.0).flatten(1)))


@exhibit("top_k_gating")
class TopK(Gates):
    """Shazeer et al., Outrageously large networks, 2017: the two best of four experts, within a step."""

    gates = 4

    def more(self, input_size: int, n: int) -> None:
        self.gate = nn.Linear(input_size + n, 4)

    def step(self, x: Tensor, s: Hidden) -> Any:
        best, places = self.gate(torch.cat([x, s.h], -1)).topk(2, -1)
        shares = torch.zeros(len(x), 4, dtype=x.dtype).scatter(1, places, best.softmax(-1))
        experts = torch.tanh(self.total(x, s.h)).view(len(x), 4, -1)
        return one((shares.unsqueeze(-1) * experts).sum(1))


@exhibit("mixture_of_softmaxes")
class Mixture(Gates):
    """Yang et al., Breaking the softmax bottleneck, 2018: a mixture of softmaxes as the gate."""

    gates = 3

    def more(self, input_size: int, n: int) -> None:
        self.prior = nn.Linear(input_size, 3)

    def step(self, x: Tensor, s: Hidden) -> Any:
        prior = self.prior(x).softmax(-1).unsqueeze(1)
        each = self.total(x, s.h).view(len(x), 3, -1).softmax(-1)
        gate = torch.bmm(prior, each).squeeze(1)
        return one(
            gate * 4 * torch.tanh(s.h) + (1 - gate) * torch.tanh(self.total(x, s.h)[:, : self.hidden_size])
        )


@exhibit("film")
class FiLM(Gates):
    """Perez et al., FiLM, 2018: scale and shift of the normalised state from the input."""

    def more(self, input_size: int, n: int) -> None:
        self.film, self.norm = nn.Linear(input_size, 2 * n), nn.LayerNorm(n, elementwise_affine=False)

    def step(self, x: Tensor, s: Hidden) -> Any:
        scale, shift = self.film(x).chunk(2, -1)
        return one(torch.tanh(self.total(x, (1 + scale) * self.norm(s.h) + shift)))


@exhibit("hyper")
class Hyper(FourGates):
    """Ha et al., HyperNetworks, 2017: a small LSTM scales the rows of a large one's weights."""

    class State(NamedTuple):
        h: Tensor
        c: Tensor
        small_h: Tensor
        small_c: Tensor

    def more(self, input_size: int, n: int) -> None:
        self.small, self.scale = nn.LSTMCell(input_size + n, 4), nn.Linear(4, 4 * n)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size,), "c": (self.hidden_size,), "small_h": (4,), "small_c": (4,)}

    def step(self, x: Tensor, s: Any) -> Any:
        small = self.small(torch.cat([x, s.h], -1), (s.small_h, s.small_c))
        h, (_, c) = self.gated(self.w(x) + self.scale(small[0]) * self.u(s.h), s.c)
        return h, self.State(h, c, *small)


# state spaces, linear recurrences, ordinary differential equations


@exhibit("lmu")
class LMU(Gates):
    """Voelker et al., Legendre memory units, 2019."""

    class State(NamedTuple):
        h: Tensor
        m: Tensor

    def more(self, input_size: int, n: int) -> None:
        order, theta = 4, 8.0
        q = torch.arange(order, dtype=torch.float64)
        r = (2 * q + 1)[:, None] / theta
        i, j = torch.meshgrid(q, q, indexing="ij")
        a = torch.where(i < j, -1.0, (-1.0) ** (i - j + 1)) * r
        self.register_buffer("a", (torch.eye(order, dtype=torch.float64) + a).float())
        self.register_buffer("b", ((-1.0) ** q * r[:, 0]).float())
        self.ex, self.eh = nn.Linear(input_size, 1, bias=False), nn.Linear(n, 1, bias=False)
        self.em, self.wm = nn.Linear(order, 1, bias=False), nn.Linear(order, n, bias=False)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size,), "m": (4,)}

    def step(self, x: Tensor, s: Any) -> Any:
        u = self.ex(x) + self.eh(s.h) + self.em(s.m)
        m = s.m @ self.a.T + u * self.b
        h = torch.tanh(self.total(x, s.h) + self.wm(m))
        return h, self.State(h, m)


@exhibit("s4d")
class S4D(Cell):
    """Gu et al., On the parameterization of diagonal state space models, 2022; real pairs."""

    class State(NamedTuple):
        re: Tensor
        im: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.b = nn.Linear(input_size, hidden_size, bias=False)
        self.log_dt = nn.Parameter(torch.randn(hidden_size) - 2)
        self.log_re = nn.Parameter(torch.full((hidden_size,), math.log(0.5)))
        self.im = nn.Parameter(math.pi * torch.arange(hidden_size))
        self.c, self.d = nn.Linear(2 * hidden_size, hidden_size), nn.Linear(input_size, hidden_size)

    def step(self, x: Tensor, s: Any) -> Any:
        dt = self.log_dt.exp()
        size, angle = torch.exp(-self.log_re.exp() * dt), self.im * dt
        a, b = size * angle.cos(), size * angle.sin()
        u = self.b(x) * dt
        re, im = a * s.re - b * s.im + u, b * s.re + a * s.im
        return F.gelu(self.c(torch.cat([re, im], -1)) + self.d(x)), self.State(re, im)


@exhibit("lru")
class LRU(Cell):
    """Orvieto et al., Resurrecting recurrent neural networks for long sequences, 2023."""

    class State(NamedTuple):
        z: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.nu, self.theta = nn.Parameter(torch.rand(hidden_size)), nn.Parameter(torch.rand(hidden_size))
        self.b, self.c = nn.Linear(input_size, 2 * hidden_size), nn.Linear(2 * hidden_size, hidden_size)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"z": (2 * self.hidden_size,)}

    def step(self, x: Tensor, s: Any) -> Any:
        size, theta = torch.exp(-torch.exp(self.nu)), torch.exp(self.theta)
        gamma = torch.sqrt(1 - size**2)
        re, im = s.z.view(len(x), -1, 2).unbind(-1)
        u_re, u_im = self.b(x).view(len(x), -1, 2).unbind(-1)
        cos, sin = size * theta.cos(), size * theta.sin()
        z = torch.stack([cos * re - sin * im + gamma * u_re, sin * re + cos * im + gamma * u_im], -1).flatten(
            1
        )
        return self.c(z), self.State(z)


@exhibit("mamba")
class Mamba(Cell):
    """Gu and Dao, Mamba, 2023: a selective state space, its [channels, states] kept as one long vector."""

    class State(NamedTuple):
        z: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        n = hidden_size
        self.x, self.gate = nn.Linear(input_size, n), nn.Linear(input_size, n)
        self.dt, self.bc = nn.Linear(n, n), nn.Linear(n, 2 * 3)
        self.log_a = nn.Parameter(torch.log(torch.arange(1.0, 4).repeat(n, 1)))
        self.d = nn.Parameter(torch.ones(n))

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"z": (3 * self.hidden_size,)}

    def step(self, x: Tensor, s: Any) -> Any:
        u = F.silu(self.x(x))
        dt = F.softplus(self.dt(u)).unsqueeze(-1)
        b, c = self.bc(u).unsqueeze(1).chunk(2, -1)
        z = torch.exp(-dt * self.log_a.exp()) * s.z.view(len(x), -1, 3) + dt * b * u.unsqueeze(-1)
        y = ((z * c).sum(-1) + self.d * u) * F.silu(self.gate(x))
        return y, self.State(z.flatten(1))


@exhibit("rwkv")
class RWKV(Cell):
    """Peng et al., RWKV, 2023: token shift, and the stable form of its weighted sums."""

    class State(NamedTuple):
        last: Tensor
        a: Tensor
        b: Tensor
        p: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.r, self.k, self.v = (nn.Linear(input_size, hidden_size, bias=False) for _ in range(3))
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)
        self.mix = nn.Parameter(torch.rand(3, input_size))
        self.w, self.u = nn.Parameter(torch.rand(hidden_size)), nn.Parameter(torch.randn(hidden_size))

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"last": (self.input_size,), **dict.fromkeys("abp", (self.hidden_size,))}

    def step(self, x: Tensor, s: Any) -> Any:
        r, k, v = (
            part(torch.lerp(s.last, x, mix))
            for part, mix in zip((self.r, self.k, self.v), self.mix, strict=True)
        )
        q = torch.maximum(s.p, self.u + k)
        one, other = torch.exp(s.p - q), torch.exp(self.u + k - q)
        y = self.out(torch.sigmoid(r) * (one * s.a + other * v) / (one * s.b + other + 1e-6))
        decay = s.p - torch.exp(self.w)
        p = torch.maximum(decay, k)
        one, other = torch.exp(decay - p), torch.exp(k - p)
        return y, self.State(x, one * s.a + other * v, one * s.b + other, p)


@exhibit("delta_rule")
class DeltaRule(Cell):
    """Schlag et al., Linear transformers are fast weight programmers, 2021; the matrix as one vector."""

    class State(NamedTuple):
        w: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.q, self.k, self.v = (nn.Linear(input_size, 4) for _ in range(3))
        self.beta = nn.Linear(input_size, 1)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"w": (16,)}

    def step(self, x: Tensor, s: Any) -> Any:
        w = s.w.view(len(x), 4, 4)
        q, k = self.q(x).softmax(-1), self.k(x).softmax(-1)
        old = torch.bmm(w, k.unsqueeze(-1)).squeeze(-1)
        delta = torch.sigmoid(self.beta(x)) * (self.v(x) - old)
        w = w + torch.einsum("bi,bj->bij", delta, k)
        return (w @ q.unsqueeze(-1)).squeeze(-1), self.State(w.flatten(1))


@exhibit("retention")
class Retention(Cell):
    """Sun et al., Retentive network, 2023: heads with own decay and norm; the matrix as one vector."""

    class State(NamedTuple):
        s: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.qkv, self.norm = nn.Linear(input_size, 3 * 4), nn.GroupNorm(2, 4)
        self.register_buffer("decay", torch.tensor([0.9, 0.97]).view(1, 2, 1, 1))

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"s": (8,)}

    def step(self, x: Tensor, s: Any) -> Any:
        q, k, v = self.qkv(x).view(len(x), 3, 2, 2).unbind(1)
        memory = self.decay * s.s.view(len(x), 2, 2, 2) + k.unsqueeze(-1) * v.unsqueeze(-2)
        y = (q.unsqueeze(-2) @ memory).flatten(1)
        return self.norm(y), self.State(memory.flatten(1))


@exhibit("ltc")
class LiquidTimeConstant(Gates):
    """Hasani et al., Liquid time-constant networks, 2021: the fused solver, three parts of a step."""

    def more(self, input_size: int, n: int) -> None:
        self.tau, self.a = nn.Parameter(torch.rand(n) + 0.5), self.vector(n)

    def step(self, x: Tensor, s: Hidden) -> Any:
        h, drive = s.h, self.w(x)
        for _ in range(3):
            f = torch.sigmoid(drive + self.u(h))
            h = (h + 0.1 * f * self.a) / (1 + 0.1 * (1 / self.tau + f))
        return one(h)


@exhibit("cfc")
class ClosedForm(Gates):
    """Hasani et al., Closed-form continuous-time networks, 2022."""

    gates = 1

    def more(self, input_size: int, n: int) -> None:
        self.heads = nn.Linear(n, 4 * n)

    def step(self, x: Tensor, s: Hidden) -> Any:
        backbone = 1.7159 * torch.tanh(0.666 * self.total(x, s.h))
        one_, other, a, b = self.heads(backbone).chunk(4, -1)
        gate = torch.sigmoid(a * 1.0 + b)
        return one(one_.tanh() * (1 - gate) + gate * other.tanh())


@exhibit("ode_rnn")
class ODERNN(GRU):
    """Rubanova et al., Latent ODEs, 2019: Runge-Kutta of fourth order between two steps of a GRU."""

    def more(self, input_size: int, n: int) -> None:
        super().more(input_size, n)
        self.field = nn.Sequential(nn.Linear(n, 5), nn.Tanh(), nn.Linear(5, n))

    def step(self, x: Tensor, s: Hidden) -> Any:
        f, dt = self.field, 0.2
        k1 = f(s.h)
        k2 = f(s.h + dt / 2 * k1)
        k3 = f(s.h + dt / 2 * k2)
        k4 = f(s.h + dt * k3)
        return super().step(x, Hidden(s.h + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)))


@exhibit("fru")
class FRU(Gates):
    """Zhang et al., Fourier recurrent units, 2018: running sums over cosines of the time."""

    class State(NamedTuple):
        h: Tensor
        sums: Tensor
        t: Tensor

    def more(self, input_size: int, n: int) -> None:
        self.register_buffer("rate", torch.tensor([0.0, 0.5, 1.0]))
        self.register_buffer("phase", torch.tensor([0.0, 0.3, 0.6]))
        self.mix = nn.Linear(3 * n, n)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size,), "sums": (3 * self.hidden_size,), "t": (1,)}

    def step(self, x: Tensor, s: Any) -> Any:
        z = torch.tanh(self.total(x, s.h))
        wave = torch.cos(s.t * self.rate + self.phase) / 16
        sums = s.sums + (wave.unsqueeze(-1) * z.unsqueeze(1)).flatten(1)
        h = torch.tanh(self.mix(sums))
        return h, self.State(h, sums, s.t + 1)


@exhibit("state_frequency")
class StateFrequency(Gates):
    """Hu and Qi, State-frequency memory, 2017: amplitudes over units and frequencies."""

    class State(NamedTuple):
        h: Tensor
        re: Tensor
        im: Tensor
        t: Tensor

    gates = 2

    def more(self, input_size: int, n: int) -> None:
        self.freq = nn.Linear(input_size + n, 3)
        self.register_buffer("omega", torch.arange(3) * 2 * math.pi / 3)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        n = self.hidden_size
        return {"h": (n,), "re": (3 * n,), "im": (3 * n,), "t": (1,)}

    def step(self, x: Tensor, s: Any) -> Any:
        keep, write = self.total(x, s.h).chunk(2, -1)
        by_frequency = torch.sigmoid(self.freq(torch.cat([x, s.h], -1)))
        forget = keep.sigmoid().unsqueeze(-1) * by_frequency.unsqueeze(1)
        angle = self.omega * s.t
        new = write.tanh().unsqueeze(-1)
        re = forget * s.re.view_as(forget) + new * angle.cos().unsqueeze(1)
        im = forget * s.im.view_as(forget) + new * angle.sin().unsqueeze(1)
        h = torch.tanh((re**2 + im**2 + 1e-4).sqrt().mean(-1))
        return h, self.State(h, re.flatten(1), im.flatten(1), s.t + 1)


# spikes, noise, embeddings


@exhibit("leaky_integrator")
class LeakyIntegrator(Gates):
    """Jaeger et al., Leaky integrator echo state networks, 2007: a fixed sparse reservoir."""

    def more(self, input_size: int, n: int) -> None:
        self.register_buffer("reservoir", F.dropout(torch.randn(n, n), 0.5) * 0.3)

    def step(self, x: Tensor, s: Hidden) -> Any:
        return one(0.7 * s.h + 0.3 * torch.tanh(self.w(x) + s.h @ self.reservoir))


@exhibit("spiking")
class Spiking(Gates):
    """Bellec et al., Long short-term memory in spiking networks, 2018: hard spikes, a soft gradient."""

    class State(NamedTuple):
        v: Tensor
        z: Tensor
        a: Tensor

    def step(self, x: Tensor, s: Any) -> Any:
        a = 0.95 * s.a + s.z
        threshold = 0.5 + 0.2 * a
        v = 0.9 * s.v + self.total(x, s.z) - s.z * threshold
        soft = torch.sigmoid(5 * (v - threshold))
        z = soft + ((v > threshold).to(v.dtype) - soft).detach()
        return z, self.State(v, z, a)


class _Surrogate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: Tensor) -> Tensor:
        ctx.save_for_backward(v)
        return (v > 0).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (v,) = ctx.saved_tensors
        return grad / (1 + 10 * v.abs()) ** 2


@exhibit("spiking_surrogate")
class Surrogate(Gates):
    """Zenke and Ganguli, SuperSpike, 2018: its own derivative."""

    State = Memory

    def step(self, x: Tensor, s: Memory) -> Any:
        v = 0.9 * s.c + self.total(x, s.h)
        z = _Surrogate.apply(v - 1)  # type: ignore[no-untyped-call]
        return two(z, v - z)


@exhibit("sigma_delta")
class SigmaDelta(Gates):
    """Yousefzadeh et al., Sigma-delta quantisation, 2019: changes beyond a threshold."""

    def step(self, x: Tensor, s: Hidden) -> Any:
        change = torch.tanh(self.total(x, s.h)) - s.h
        return one(s.h + torch.where(change.abs() > 0.1, change, torch.zeros_like(change)))


@exhibit("zoneout")
class Zoneout(FourGates):
    """Krueger et al., Zoneout, 2017, out of training: its mean."""

    def step(self, x: Tensor, s: Memory) -> Any:
        _, (h, c) = self.gated(self.total(x, s.h), s.c)
        if self.training:
            return two(
                torch.where(torch.rand_like(h) < 0.1, s.h, h), torch.where(torch.rand_like(c) < 0.1, s.c, c)
            )
        return two(0.1 * s.h + 0.9 * h, 0.1 * s.c + 0.9 * c)


@exhibit("dropout")
class Dropped(FourGates):
    """Semeniuta et al., Recurrent dropout without memory loss, 2016: on the candidate alone."""

    def step(self, x: Tensor, s: Memory) -> Any:
        i, f, g, o = self.total(x, s.h).chunk(4, -1)
        c = f.sigmoid() * s.c + i.sigmoid() * F.dropout(g.tanh(), 0.3, self.training)
        return two(o.sigmoid() * c.tanh(), c)


@exhibit("embedding")
class Embedded(Gates):
    """A step that looks its symbol up, as language models do: x holds a number in its first column."""

    def more(self, input_size: int, n: int) -> None:
        self.table = nn.Embedding(5, n)

    def step(self, x: Tensor, s: Hidden) -> Any:
        ids = x[:, 0].abs().clamp(max=4).long()
        return one(torch.tanh(self.table(ids) + self.u(s.h)))


@exhibit("quantised")
class Quantised(Gates):
    """Van den Oord et al., Discrete representation learning, 2017: the nearest code, straight through."""

    def more(self, input_size: int, n: int) -> None:
        self.codes = self.vector(4, n)

    def step(self, x: Tensor, s: Hidden) -> Any:
        z = torch.tanh(self.total(x, s.h))
        far = ((z.unsqueeze(1) - self.codes) ** 2).sum(-1)
        nearest = (far == far.amin(-1, keepdim=True)).to(z.dtype) @ self.codes
        return one(z + (nearest - z).detach() + 0.1 * nearest)


@exhibit("stack")
class SoftStack(Gates):
    """Joulin and Mikolov, Stack-augmented recurrent nets, 2015: push, pop and stay, mixed."""

    class State(NamedTuple):
        h: Tensor
        stack: Tensor

    def more(self, input_size: int, n: int) -> None:
        self.action, self.push, self.read = nn.Linear(n, 3), nn.Linear(n, 1), nn.Linear(2, n, bias=False)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size,), "stack": (5,)}

    def step(self, x: Tensor, s: Any) -> Any:
        h = torch.tanh(self.total(x, s.h) + self.read(s.stack[:, :2]))
        push, pop, stay = self.action(h).softmax(-1).split(1, -1)
        down = torch.cat([torch.sigmoid(self.push(h)), s.stack[:, :-1]], -1)
        up = F.pad(s.stack[:, 1:], (0, 1))
        return h, self.State(h, push * down + pop * up + stay * s.stack)


@exhibit("convolutional")
class Convolutional(Cell):
    """Shi et al., Convolutional LSTM, 2015, along one dimension; the state is kept flat."""

    State = Memory

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.of_x, self.of_h = nn.Conv1d(1, 4 * 2, 3, padding=1), nn.Conv1d(2, 4 * 2, 3, padding=1)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys("hc", (2 * self.input_size,))

    def step(self, x: Tensor, s: Memory) -> Any:
        total = self.of_x(x.unsqueeze(1)) + self.of_h(s.h.view(len(x), 2, -1))
        i, f, g, o = total.chunk(4, 1)
        c = f.sigmoid() * s.c.view_as(f) + i.sigmoid() * g.tanh()
        return two((o.sigmoid() * c.tanh()).flatten(1), c.flatten(1))


@exhibit("turing_ring")
class DifferentiableRing(Gates):
    """Graves et al., Neural Turing machines, 2014: a ring of eight numbers, addressed by a shift."""

    class State(NamedTuple):
        h: Tensor
        ring: Tensor
        where: Tensor

    def more(self, input_size: int, n: int) -> None:
        self.shift, self.write, self.read = nn.Linear(n, 3), nn.Linear(n, 2), nn.Linear(1, n, bias=False)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size,), "ring": (8,), "where": (8,)}

    def initial_state(self, batch: int) -> Any:
        zero = self.example().new_zeros(batch, 8)
        return self.State(
            zero.new_zeros(batch, self.hidden_size), zero, F.one_hot(torch.zeros(batch).long(), 8).to(zero)
        )

    def step(self, x: Tensor, s: Any) -> Any:
        read = (s.ring * s.where).sum(-1, keepdim=True)
        h = torch.tanh(self.total(x, s.h) + self.read(read))
        back, stay, on = self.shift(h).softmax(-1).unbind(-1)
        where = (
            back[:, None] * s.where.roll(-1, 1) + stay[:, None] * s.where + on[:, None] * s.where.roll(1, 1)
        )
        erase, add = self.write(h).split(1, -1)
        ring = s.ring * (1 - where * erase.sigmoid()) + where * add
        return h, self.State(h, ring, where)


@exhibit("cosine_gate")
class CosineGate(Gates):
    """Luo et al., Cosine normalization, 2018: totals are cosines of weights and rows."""

    def step(self, x: Tensor, s: Hidden) -> Any:
        both, weight = torch.cat([x, s.h], -1), torch.cat([self.w.weight, self.u.weight], -1)
        cosines = F.normalize(both, dim=-1) @ F.normalize(weight, dim=-1).T
        similar = F.cosine_similarity(cosines, s.h, dim=-1).unsqueeze(-1)
        return one(torch.tanh(3 * cosines) + 0.1 * similar * s.h)


@exhibit("gated_linear_attention")
class GLA(Cell):
    """Yang et al., Gated linear attention, 2024: a decay a key; two heads; the matrices as one vector."""

    class State(NamedTuple):
        s: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.q, self.k, self.v, self.a = (nn.Linear(input_size, 4) for _ in range(4))
        self.out, self.gate = nn.Linear(4, hidden_size), nn.Linear(input_size, 4)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"s": (8,)}

    def step(self, x: Tensor, s: Any) -> Any:
        q, k, v, a = (part(x).unflatten(-1, (2, 2)) for part in (self.q, self.k, self.v, self.a))
        decay = torch.sigmoid(a) ** (1 / 16)
        memory = decay.unsqueeze(-1) * s.s.view(len(x), 2, 2, 2) + torch.einsum("bhi,bhj->bhij", k, v)
        y = F.rms_norm(torch.einsum("bhi,bhij->bhj", q, memory), (2,)).flatten(1)
        return self.out(y * F.silu(self.gate(x))), self.State(memory.flatten(1))
