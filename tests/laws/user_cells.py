"""Cells as users write them: each shows one thing that a step may do."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import orthogonal, weight_norm

from recurra.cells import Cell


class Hidden(NamedTuple):
    h: Tensor


class Memory(NamedTuple):
    h: Tensor
    c: Tensor


class Both(Cell):
    """Two linear maps, of the input and of the state; subclasses write the rest."""

    State = Hidden

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, hidden_size)
        self.hidden = nn.Linear(hidden_size, hidden_size, bias=False)
        self.more(hidden_size)

    def more(self, hidden_size: int) -> None: ...

    def total(self, x: Tensor, state: Any) -> Tensor:
        return self.input(x) + self.hidden(state.h)

    def step(self, x: Tensor, state: Hidden) -> tuple[Tensor, Hidden]:
        h = self.new(self.total(x, state), state.h)
        return h, Hidden(h)

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        raise NotImplementedError


class TenLines(Cell):
    """The design's own example."""

    class State(NamedTuple):
        h: Tensor

    def __init__(self, input_size, hidden_size):
        self.input = nn.Linear(input_size, 2 * hidden_size)
        self.hidden = nn.Linear(hidden_size, 2 * hidden_size, bias=False)

    def step(self, x, state):
        update, candidate = (self.input(x) + self.hidden(state.h)).chunk(2, -1)
        z = update.sigmoid()
        h = z * state.h + (1 - z) * candidate.relu()
        return h, self.State(h)


class Parametrised(Both):
    """Weights that are computed from others."""

    def more(self, hidden_size: int) -> None:
        weight_norm(self.input)
        orthogonal(self.hidden)

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(total)


class Tied(Both):
    """One weight in two places."""

    def more(self, hidden_size: int) -> None:
        self.again = nn.Linear(hidden_size, hidden_size)
        self.again.weight = self.hidden.weight

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.again(torch.tanh(total)))


class Buffered(Both):
    """Buffers of floats, whole numbers and flags."""

    def more(self, hidden_size: int) -> None:
        self.register_buffer("decay", torch.linspace(0.1, 0.9, hidden_size))
        self.register_buffer("place", torch.arange(hidden_size))
        self.register_buffer("kept", torch.arange(hidden_size) % 2 == 0)

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        slowed = self.decay * h + (1 - self.decay) * torch.tanh(total + 0.1 * self.place)
        return torch.where(self.kept, slowed, torch.sigmoid(total) * (self.place + 1) * ~self.kept)


class Transformed(Both):
    """Work on weights alone, which needs doing once."""

    def more(self, hidden_size: int) -> None:
        self.mix = nn.Parameter(torch.randn(hidden_size, hidden_size))
        self.rate = nn.Parameter(torch.randn(1, hidden_size))
        self.gain = nn.Parameter(torch.tensor(0.7))

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        mixing = torch.softmax(self.mix @ self.mix.T, 0) / self.mix.norm()
        return torch.tanh(self.gain * total + h @ mixing + torch.sigmoid(self.rate))


class Structural(Both):
    """Numbers moved about: chunk, unflatten, unbind, view, cat, stack, slices."""

    def more(self, hidden_size: int) -> None:
        self.wide = nn.Linear(hidden_size, 6)

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        blocks = self.wide(torch.tanh(total)).unflatten(-1, (3, 2))
        first, second, third = blocks.unbind(1)
        stacked = torch.stack([first * second, third], 1).flatten(1)
        left, right = h.chunk(2, -1)
        turned = torch.cat([right, left], -1).view(len(h), -1, 1).squeeze(-1)
        return torch.tanh(stacked + turned + total[:, :4]) * h[..., 1:2].sigmoid()


class RowWise(Both):
    """Norms and sums along a row, from a state of zeros too."""

    def more(self, hidden_size: int) -> None:
        self.norm = nn.LayerNorm(hidden_size)
        self.plain = nn.LayerNorm(hidden_size, elementwise_affine=False)

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        shares = torch.softmax(total, -1) * F.log_softmax(h, -1)
        spread = total.var(-1, keepdim=True) + total.mean(-1, keepdim=True).abs()
        peak = total.amax(-1, keepdim=True) - total.amin(-1, keepdim=True)
        return torch.tanh(self.norm(total) + self.plain(h) * shares + F.normalize(h, dim=-1) * spread / peak)


class Pointwise(Both):
    """Functions of one number."""

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        a = F.silu(total) + F.gelu(h) - F.softplus(total) * F.elu(h) + F.leaky_relu(total, 0.2)
        b = F.relu6(total) - F.hardtanh(h) + total.clamp(-0.5, 0.4) + h.clamp_min(0.1) + F.logsigmoid(h)
        c = total.exp().log1p() + (h * h + 1).sqrt().reciprocal() + torch.lerp(total, h, 0.3).sin().cos()
        d = total.abs().add(0.1) ** 0.7 + 2 ** h.tanh() + torch.erf(total) / 3 - torch.expm1(h) * 1.5
        return torch.tanh(
            a + b * c - (d * d + 1).rsqrt() + torch.addcmul(h, total, h, value=0.1) + total.sign() * 0.1
        )


class Compared(Both):
    """Comparisons and flags, and what comes of reckoning with them."""

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        rising = total > h
        warm = (h >= 0) & ~(h == 1) | (total.sum(-1, keepdim=True) < -9)
        count = rising.sum(-1, keepdim=True).to(h.dtype) / 4
        both = (rising + warm).to(h.dtype)  # a sum of flags is a flag
        return torch.where(rising, total, h).tanh().masked_fill(h > 0.9, 0.5) * warm + 0.1 * count * both


class AtTies(Cell):
    """Kinks, met exactly: the state begins at zero everywhere."""

    State = Memory

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, hidden_size, bias=False)

    def step(self, x: Tensor, state: Memory) -> tuple[Tensor, Memory]:
        highest, lowest = torch.maximum(state.h, state.c), torch.minimum(state.h, state.c)
        kinks = state.h.relu() + state.c.abs() + state.h.clamp(0, 1) + F.hardtanh(state.c, 0, 1)
        kinks = kinks + F.leaky_relu(state.h) + F.elu(state.c) + state.h.amax(-1, keepdim=True)
        total = self.input(x) + highest * 0.5 + lowest * 0.3 + kinks * 0.2
        return total, Memory(torch.tanh(total), torch.sigmoid(total) - 0.5)


class Broadcast(Both):
    """Width 1 against a row, both ways round."""

    def more(self, hidden_size: int) -> None:
        self.gate = nn.Linear(hidden_size, 1)
        self.column = nn.Linear(1, hidden_size, bias=False)

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        gate = torch.sigmoid(self.gate(h))
        spread = gate.expand(-1, total.shape[1])
        return torch.tanh(
            total * gate + self.column(total.sum(1, keepdim=True)) - spread * total.mean(1)[:, None]
        )


class FromInput(Both):
    """Much that is made of the input alone: of its product, before another one, of one number, of none."""

    def more(self, hidden_size: int) -> None:
        self.norm = nn.LayerNorm(hidden_size)
        self.again = nn.Linear(hidden_size, hidden_size)
        self.column = nn.Linear(1, hidden_size, bias=False)

    def step(self, x: Tensor, state: Hidden) -> tuple[Tensor, Hidden]:
        seen = self.norm(self.input(x))
        low, high = torch.softmax(seen, -1).chunk(2, -1)
        gate = seen.mean(-1, keepdim=True).sigmoid()
        fixed = self.column(torch.ones_like(gate)) * gate + self.column(x.sum(-1, keepdim=True))
        marked = torch.where(seen > 0.1, seen, 0.5 * fixed) + torch.cat([high, low], -1)
        total = marked * self.hidden(state.h) + self.again(seen.tanh()) + self.column(torch.ones_like(gate))
        h = torch.tanh(total + gate * state.h)
        return h, Hidden(h)


class InPlace(Both):
    """Changes of what the step itself made."""

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        total += 0.5 * h
        total.mul_(0.9).tanh_()
        return total


class Outward(Cell):
    """Parts before, inside and after the loop, several states, one of which no step changes."""

    class State(NamedTuple):
        h: Tensor
        before: Tensor
        constant: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.embed = nn.Linear(input_size, 5)
        self.norm = nn.LayerNorm(5)
        self.input = nn.Linear(5, hidden_size)
        self.hidden = nn.Linear(hidden_size, hidden_size)
        self.output = nn.Linear(hidden_size + 5, 6)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size,), "before": (5,), "constant": (1,)}

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        seen = self.norm(self.embed(x).relu())
        h = torch.tanh(self.input(seen + state.before) + self.hidden(state.h) + state.constant)
        y = torch.log_softmax(self.output(torch.cat([h, state.before], -1)), -1)
        return y, self.State(h, seen, state.constant)


class Delay(Cell):
    """The state is the input; the output is the state before the step."""

    State = Hidden

    def __init__(self, input_size: int) -> None:
        self.register_buffer("like", torch.zeros(1))
        self.hidden_size = input_size

    def step(self, x: Tensor, state: Hidden) -> tuple[Tensor, Hidden]:
        return state.h, Hidden(x)


class Memoryless(Cell):
    """No state at all."""

    class State(NamedTuple):
        pass

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.linear = nn.Linear(input_size, hidden_size)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.linear(x).tanh(), state


class LearntStart(Both):
    """The state before the first step is learnt."""

    def more(self, hidden_size: int) -> None:
        self.first = nn.Parameter(torch.randn(1, hidden_size))

    def initial_state(self, batch: int) -> Hidden:
        return Hidden(torch.tanh(self.first).expand(batch, -1))

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(total)


class Frozen(Both):
    """Weights that are not trained, and a part that no gradient passes."""

    def more(self, hidden_size: int) -> None:
        self.input.requires_grad_(False)

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(total) * torch.sigmoid(h.detach())


# steps that no program can hold


class DataDependent(Both):
    """Python that looks at the numbers."""

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        rows = [
            torch.tanh(a) if float(a.detach().sum()) > 0 else 0.5 * b for a, b in zip(total, h, strict=True)
        ]
        return torch.stack(rows)


class Cumulative(Both):
    """An operation that programs don't know."""

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(torch.logcumsumexp(total, -1)) * torch.tanh(total) + 0.1 * h


class Matrix(Cell):
    """A state that is a matrix a row."""

    class State(NamedTuple):
        m: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.key, self.value = nn.Linear(input_size, hidden_size), nn.Linear(input_size, 2)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"m": (self.hidden_size, 2)}

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        key = self.key(x).softmax(-1)
        m = 0.9 * state.m + key[:, :, None] * self.value(x)[:, None]
        return (m * key[:, :, None]).sum(1), self.State(m)


class Level(Cell):
    """A state of one number a row, which has no dimension of its own, beside one that has."""

    class State(NamedTuple):
        h: Tensor
        level: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.layer = nn.Linear(input_size + hidden_size, hidden_size)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size,), "level": ()}

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        h = torch.tanh(self.layer(torch.cat([x, state.h], -1)) + state.level[:, None])
        return h, self.State(h, 0.9 * state.level + 0.1 * h.mean(-1))


class Counting(Cell):
    """A state of whole numbers beside one of real ones."""

    class State(NamedTuple):
        h: Tensor
        steps: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.linear = nn.Linear(input_size + hidden_size, hidden_size)

    def initial_state(self, batch: int) -> Any:
        like = self.example()
        return self.State(
            like.new_zeros(batch, self.hidden_size), like.new_zeros(batch, 1, dtype=torch.int64)
        )

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        steps = state.steps + 1
        new = torch.tanh(self.linear(torch.cat([x, state.h], -1)))
        h = state.h + (new - state.h) / steps
        return h, self.State(h, steps)


class Doubled(torch.autograd.Function):
    """A derivative of its own: twice the identity's."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return 2 * gradient


class OwnDerivative(Both):
    def new(self, total: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(Doubled.apply(total))


class Cut(Both):
    """A part worked out without gradients."""

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        with torch.no_grad():
            scale = torch.sigmoid(h)
        return torch.tanh(total) * scale


class PlainTensor(Both):
    """A tensor that is neither parameter nor buffer."""

    def more(self, hidden_size: int) -> None:
        self.scale = torch.full((hidden_size,), 0.5)

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(total) * self.scale


class Keeping(Both):
    """The last memory is kept for looking at."""

    def more(self, hidden_size: int) -> None:
        self.last: Tensor | None = None

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        self.last = h
        return torch.tanh(total)


class Mixed(Both):
    """One part in another precision."""

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(total.to(torch.bfloat16)) + 0 * h
