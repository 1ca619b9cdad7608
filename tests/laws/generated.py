"""Steps that no one wrote: random programs of torch operations, the same from the same seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.cells import Cell

SMOOTH: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
    "silu": F.silu,
    "gelu": F.gelu,
    "sin": torch.sin,
    "softmax": lambda a: torch.softmax(a, -1),
    "log_softmax": lambda a: torch.log_softmax(a, -1),
    "layer_norm": lambda a: F.layer_norm(a, a.shape[-1:], eps=0.1),
    "mean": lambda a: a.mean(-1, keepdim=True),
    "sum": lambda a: a.sum(1)[:, None],
    "square": lambda a: a.tanh() ** 2,
    "exp": lambda a: torch.exp(a.tanh()) / 2,
    "less": lambda a: 0.7 - a,
    "share": lambda a: 0.5 / (a * a + 1),
}
KINKED: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "abs": torch.abs,
    "leaky_relu": lambda a: F.leaky_relu(a, 0.3),
    "clamp": lambda a: a.clamp(-0.4, 0.5),
    "amax": lambda a: a.amax(-1, keepdim=True),
    "detach": lambda a: a.detach() * a,
}
JOINED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: torch.sub(a, b, alpha=0.5),
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / (b * b + 1),
    "lerp": lambda a, b: torch.lerp(a, b, 0.3),
    "mixed": lambda a, b: b.sigmoid() * a + (1 - b.sigmoid()) * b,
}
BY_CASE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "maximum": torch.maximum,
    "where": lambda a, b: torch.where(a > b, a * 0.5, b),
    "gated": lambda a, b: a * (b > 0),
}


class Line(NamedTuple):
    """One operation: how it reads, and what it does to the values so far."""

    text: str
    run: Callable[[list[Tensor]], Tensor]


class Generated(Cell):
    """A step of random operations over its input and one to three states.

    Products stand one behind the other, share what they multiply and their weights, and are made of weights
    alone: what may leave a loop, and what may not, depends on all of these.

    Args:
        smooth: without kinks, so that derivatives can be had by differences.
    """

    def __init__(self, seed: int, smooth: bool = False) -> None:
        self.random = Random(seed)
        self.input_size = self.random.randint(1, 4)
        self.sizes = {f"s{k}": (self.random.randint(1, 5),) for k in range(self.random.randint(1, 3))}
        self.State = NamedTuple("State", [(name, Tensor) for name in self.sizes])  # type: ignore[misc]
        self.widths = [self.input_size, *(size for (size,) in self.sizes.values())]
        self.weights = nn.ParameterList()
        self.lines: list[Line] = []
        for _ in range(self.random.randint(5, 14)):
            self.add_any(smooth)
        if not len(self.weights):  # they say what type the cell computes in
            self.chain(0)
        self.next = [self.of_width(size) for (size,) in self.sizes.values()]
        first = self.random.choice([0, len(self.widths)])
        for _ in range(self.random.randint(1, 4)):  # of what no state is made
            self.add_any(smooth)
        self.out = self.random.randrange(min(first, len(self.widths) - 1), len(self.widths))
        del self.random

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return self.sizes

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        values = [x, *state]
        for line in self.lines:
            values.append(line.run(values))
        return values[self.out], self.State(*(values[k] for k in self.next))

    @property
    def text(self) -> str:
        """How the step reads."""
        lines = "\n".join(line.text for line in self.lines)
        return f"x {self.input_size}, states {self.sizes} become {self.next}, y is v{self.out}, in\n{lines}"

    # writing a step

    def pick(self) -> int:
        return self.random.randrange(len(self.widths))

    def add(self, text: str, width: int, run: Callable[[list[Tensor]], Tensor]) -> int:
        self.lines.append(Line(f"v{len(self.widths)} = {text}", run))
        self.widths.append(width)
        return len(self.widths) - 1

    def weight(self, *shape: int) -> int:
        self.weights.append(nn.Parameter(torch.randn(shape) * 0.6))
        return len(self.weights) - 1

    def of_width(self, width: int) -> int:
        """A value to become a state: bounded, so that no run explodes; or a state or the input as it is."""
        alike = [k for k, other in enumerate(self.widths) if other == width]
        if alike and self.random.random() < 0.3:
            k = self.random.choice(alike)
        else:
            k = self.product(self.random.randrange(len(self.widths) // 2, len(self.widths)), width)
        return k if k <= len(self.sizes) else self.add(f"tanh(v{k})", width, lambda v: torch.tanh(v[k]))

    def product(self, k: int, width: int) -> int:
        w, b = self.weight(width, self.widths[k]), self.weight(width)
        form = self.random.randrange(8)
        if form <= 1:
            return self.add(
                f"linear(v{k}, w{w}, w{b})", width, lambda v: F.linear(v[k], self.weights[w], self.weights[b])
            )
        if form == 2:
            return self.add(
                f"v{k} @ softmax(w{w}).T + w{b}",
                width,
                lambda v: v[k] @ self.weights[w].softmax(0).T + self.weights[b],
            )
        if form == 3:
            u = self.weight(self.widths[k], self.widths[k])
            return self.add(
                f"v{k} @ (w{w} @ w{u}).T", width, lambda v: v[k] @ (self.weights[w] @ self.weights[u]).T
            )
        if form == 4:
            j = self.random.choice(self.alike(1, width))
            return self.add(
                f"addmm(v{j}, v{k}, w{w}.T)", width, lambda v: torch.addmm(v[j], v[k], self.weights[w].T)
            )
        return self.add(f"v{k} @ w{w}.T", width, lambda v: v[k] @ self.weights[w].T)

    def chain(self, k: int) -> None:
        """Products one behind the other, straight or with something between them."""
        for _ in range(self.random.randint(2, 4)):
            k = self.product(k, self.random.randint(1, 5))
            form = self.random.randrange(5)
            if form == 0:
                k = self.one(k, self.random.choice(["tanh", "silu", "less"]))
            elif form == 1 and self.widths[k] > 1:
                k = self.part(k, 1)
            elif form == 2:
                k = self.beside(k, self.pick())

    def beside(self, k: int, j: int) -> int:
        """Value k again, out of a row that value j has a part in."""
        width = self.widths[k]
        both = self.add(f"cat(v{k}, v{j})", width + self.widths[j], lambda v: torch.cat([v[k], v[j]], -1))
        return self.add(f"v{both}[:, :{width}] * 1", width, lambda v: v[both][:, :width] * 1.0)

    def again(self, k: int) -> None:
        """One more product of a value with a weight that another product has, or with its transpose."""
        alike = [w for w, weight in enumerate(self.weights) if self.widths[k] in tuple(weight.shape)]
        matrices = [w for w in alike if self.weights[w].dim() == 2 and self.weights[w].numel()]
        if not matrices:
            return
        w = self.random.choice(matrices)
        rows, columns = self.weights[w].shape
        if columns == self.widths[k]:
            self.add(f"v{k} @ w{w}.T", rows, lambda v: v[k] @ self.weights[w].T)
        else:
            self.add(f"v{k} @ w{w}", columns, lambda v: v[k] @ self.weights[w])

    def alike(self, *widths: int) -> list[int]:
        """The values of one of these widths; a new one where there are none."""
        values = [k for k, width in enumerate(self.widths) if width in widths]
        return values or [self.product(self.pick(), widths[-1])]

    def one(self, k: int, name: str) -> int:
        run = {**SMOOTH, **KINKED}[name]
        width = 1 if name in ("mean", "sum", "amax") else self.widths[k]
        return self.add(f"{name}(v{k})", width, lambda v: run(v[k]))

    def part(self, k: int, first: int) -> int:
        return self.add(f"v{k}[:, {first}:]", self.widths[k] - first, lambda v: v[k][:, first:])

    def add_any(self, smooth: bool) -> None:
        kind = self.random.choice([*("product", "one", "two") * 2, "vector", "structure", "chain", "again"])
        k = self.pick()
        width = self.widths[k]
        if kind == "product":
            self.product(k, self.random.randint(1, 6))
        elif kind == "chain":
            self.chain(self.random.choice([0, k]))
        elif kind == "again":
            self.again(k)
        elif kind == "one":
            self.one(k, self.random.choice([*SMOOTH, *({} if smooth else KINKED)]))
        elif kind == "two":
            name = self.random.choice([*JOINED, *({} if smooth else BY_CASE)])
            both = {**JOINED, **BY_CASE}[name]
            j = self.random.choice(
                [j for j, other in enumerate(self.widths) if other in (1, width) or width == 1]
            )
            if j == k and name == "mixed":
                return  # what is itself but for rounding makes ties of two orders
            self.add(f"{name}(v{k}, v{j})", max(width, self.widths[j]), lambda v: both(v[k], v[j]))
        elif kind == "vector":
            w = self.weight(*self.random.choice([(width,), (1,), (1, width), ()]))
            self.add(f"v{k} * sigmoid(w{w})", width, lambda v: v[k] * torch.sigmoid(self.weights[w]))
        else:
            self.structure(k, width)

    def structure(self, k: int, width: int) -> None:
        j = self.pick()
        form = self.random.randrange(4)
        if form == 0:
            self.add(f"cat(v{k}, v{j})", width + self.widths[j], lambda v: torch.cat([v[k], v[j]], -1))
        elif form == 1:
            self.part(k, self.random.randrange(width))
        elif form == 2 and width % 2 == 0:
            self.add(
                f"b * a of chunk(v{k})",
                width // 2,
                lambda v: v[k].chunk(2, -1)[1] * v[k].chunk(2, -1)[0].sin(),
            )
        elif form == 3 and width % 2 == 0:
            self.add(
                f"turned v{k}",
                width,
                lambda v: torch.stack(v[k].unflatten(-1, (2, -1)).unbind(1)[::-1], 1).flatten(1),
            )


CHAINS: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "two": lambda x, h, a, b: (h, (x @ a) @ b),
    "four": lambda x, h, a, b: (h, x @ a @ b @ a.T @ a @ b.relu()),
    "of a part": lambda x, h, a, b: (h, (x @ a)[:, :1] @ b[:1]),
    "with something between": lambda x, h, a, b: (h, torch.tanh(x @ a) @ b),
    "shared": lambda x, h, a, b: (h, (x @ a) @ b + (x @ a).sum(-1, keepdim=True) * h + (x @ a) @ a.T @ a @ b),
    "inside and outside": lambda x, h, a, b: ((x @ a) @ b + h, h * ((x @ a) @ b)),
    "after": lambda x, h, a, b: (h @ b.T @ a.T @ a @ b + (x @ a) @ b, x @ a @ b),
    "beside the state": lambda x, h, a, b: (h, torch.cat([x @ a, h], -1)[:, :2] * 1.0 @ b),
    "before the state": lambda x, h, a, b: (
        h,
        torch.addmm(h, x @ a, b) + torch.addmm((x @ a) @ b, h, b.T @ b),
    ),
    "of weights": lambda x, h, a, b: (h, x @ (a @ b) @ (b.T @ b)),
    "of what is cut": lambda x, h, a, b: (h, (x @ a).detach() @ b + (x @ a)),
}
"""What a step with products one behind the other gives out, and adds to its next state: x `[rows, 3]` and the
state `[rows, 2]` with weights `[3, 2]` and `[2, 2]`."""


class Chained(Cell):
    """A step with products one behind the other."""

    class State(NamedTuple):
        h: Tensor

    def __init__(self, name: str) -> None:
        self.name = name
        self.input_size, self.hidden_size = 3, 2
        self.a, self.b = nn.Parameter(torch.randn(3, 2)), nn.Parameter(torch.randn(2, 2))

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        y, more = CHAINS[self.name](x, state.h, self.a, self.b)
        return y, self.State(torch.tanh(0.5 * state.h + more))


def choose_gradients(tensors: Sequence[Tensor], random: Random) -> None:
    """Which of the tensors need a gradient: all, one alone, all but one, or each by chance."""
    form, single = random.randrange(4), random.randrange(len(tensors))
    for k, tensor in enumerate(tensors):
        needs = (True, k == single, k != single, random.random() < 0.5)[form]
        tensor.requires_grad_(needs)
