"""Steps that no one wrote: random programs of torch operations, the same from the same seed."""

from __future__ import annotations

from collections.abc import Callable
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
        self.next = [self.of_width(size) for (size,) in self.sizes.values()]
        self.out = self.pick()
        del self.random

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return self.sizes

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        values = [x, *state]
        for line in self.lines:
            values.append(line.run(values))
        return values[self.out], self.State(*(values[k] for k in self.next))

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
        form = self.random.randrange(3)
        if form == 0:
            return self.add(
                f"linear(v{k}, w{w}, w{b})", width, lambda v: F.linear(v[k], self.weights[w], self.weights[b])
            )
        if form == 1:
            return self.add(f"v{k} @ w{w}.T", width, lambda v: v[k] @ self.weights[w].T)
        return self.add(
            f"v{k} @ softmax(w{w}).T + w{b}",
            width,
            lambda v: v[k] @ self.weights[w].softmax(0).T + self.weights[b],
        )

    def add_any(self, smooth: bool) -> None:
        kind = self.random.choice(["product", "product", "one", "one", "two", "two", "vector", "structure"])
        k = self.pick()
        width = self.widths[k]
        if kind == "product":
            self.product(k, self.random.randint(1, 6))
        elif kind == "one":
            name = self.random.choice([*SMOOTH, *({} if smooth else KINKED)])
            run = {**SMOOTH, **KINKED}[name]
            self.add(f"{name}(v{k})", 1 if name in ("mean", "sum", "amax") else width, lambda v: run(v[k]))
        elif kind == "two":
            name = self.random.choice([*JOINED, *({} if smooth else BY_CASE)])
            both = {**JOINED, **BY_CASE}[name]
            j = self.random.choice(
                [j for j, other in enumerate(self.widths) if other in (1, width) or width == 1]
            )
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
            first = self.random.randrange(width)
            self.add(f"v{k}[:, {first}:]", width - first, lambda v: v[k][:, first:])
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
