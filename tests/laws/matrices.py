"""Steps over matrices that no one wrote: random programs of what keeps each row's matrices apart."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from recurra.cells import Cell

Shape = tuple[int, int]
SIZES = (1, 2, 3, 4, 6, 9, 17, 20)

ALONE: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "softmax": lambda a: a.softmax(-1),
    "softmax of columns": lambda a: a.softmax(1),
    "rolled": lambda a: a.roll(1, -1) * 0.9 + 0.1,
    "rolled down": lambda a: a.roll(-1, 1) * 0.9 + 0.1,
    "summed up": lambda a: 0.3 * a.cumsum(-1),
    "summed down": lambda a: 0.3 * a.cumsum(1),
    "unit": lambda a: a * torch.rsqrt((a * a).sum(-1, keepdim=True) + 0.1),
    "centred": lambda a: a - a.mean(1, keepdim=True),
    "share of the sum": lambda a: a / (a.abs().sum((1, 2), keepdim=True) + 1),
    "turned": lambda a: a.transpose(1, 2),
    "sum of rows": lambda a: a.sum(1, keepdim=True),
    "sum of columns": lambda a: a.sum(-1, keepdim=True),
    "lengths": lambda a: (a * a).sum(-1, keepdim=True),
}
PAIRED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "sub": lambda a, b: a - 0.5 * b,
    "erase": lambda a, b: a * (1 - b.sigmoid()),
    "mixed": lambda a, b: torch.lerp(a, b, 0.3),
    "where": lambda a, b: torch.where(b > 0.2, a, 0.5 * b),
}
MULTIPLIED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "matmul": lambda a, b: a @ b,
    "einsum": lambda a, b: torch.einsum("bnk,bkm->bnm", a, b),
    "summed": lambda a, b: (a.unsqueeze(3) * b.unsqueeze(1)).sum(2),
}


class Line(NamedTuple):
    """One operation: how it reads, and what it does to the values so far."""

    text: str
    run: Callable[[list[Tensor]], Tensor]


class Matrices(Cell):
    """A step of random operations over a matrix made of the input and one or two states that are matrices."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        pick = self.random.choice
        self.input_size = 3
        self.sizes: dict[str, Shape] = {
            f"m{k}": (pick(SIZES), pick(SIZES)) for k in range(self.random.randint(1, 2))
        }
        self.State = NamedTuple("State", [(name, Tensor) for name in self.sizes])  # type: ignore[misc]
        shape = pick([*self.sizes.values(), (1, pick(SIZES))])
        self.layer = nn.Linear(3, shape[0] * shape[1])
        self.shapes = [shape, *self.sizes.values()]
        self.lines: list[Line] = []
        for _ in range(self.random.randint(4, 9)):
            self.add_any()
        self.next = [self.of_shape(shape) for shape in self.sizes.values()]
        del self.random

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return dict(self.sizes)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        values = [self.layer(x).unflatten(-1, self.shapes[0]), *state]
        for line in self.lines:
            values.append(line.run(values))
        return values[-1].flatten(1), self.State(*(values[k] for k in self.next))

    @property
    def text(self) -> str:
        """How the step reads."""
        lines = "\n".join(line.text for line in self.lines)
        return f"v0 {self.shapes[0]}, states {self.sizes} become {self.next}, in\n{lines}"

    def add(self, text: str, run: Callable[[list[Tensor]], Tensor]) -> int:
        examples = [torch.zeros(1, *shape) for shape in self.shapes]
        shape = run(examples).shape[1:]
        self.lines.append(Line(f"v{len(self.shapes)} {list(shape)} = {text}", run))
        self.shapes.append((shape[0], shape[1]))
        return len(self.shapes) - 1

    def add_any(self) -> None:
        random = self.random
        a, b = random.randrange(len(self.shapes)), random.randrange(len(self.shapes))
        (n, k), (height, m) = self.shapes[a], self.shapes[b]
        beside = all(one == other or 1 in (one, other) for one, other in ((n, height), (k, m)))
        name = random.choice([*MULTIPLIED])
        run = MULTIPLIED[name]
        if k == height and random.random() < 0.7:
            self.add(f"{name}(v{a}, v{b})", lambda v: run(v[a], v[b]) * (1 / k))
        elif k == m and random.random() < 0.7:
            self.add(f"{name}(v{a}, v{b}.T)", lambda v: run(v[a], v[b].mT) * (1 / k))
        elif n == height and random.random() < 0.7:
            self.add(f"{name}(v{a}.T, v{b})", lambda v: run(v[a].mT, v[b]) * (1 / n))
        elif beside and random.random() < 0.7:
            name = random.choice([*PAIRED])
            both = PAIRED[name]
            self.add(f"{name}(v{a}, v{b})", lambda v: both(v[a], v[b]))
        else:
            name = random.choice([*ALONE])
            alone = ALONE[name]
            self.add(f"{name}(v{a})", lambda v: alone(v[a]))

    def of_shape(self, shape: Shape) -> int:
        """A value to become a state, bounded: a column times a row of others, on the old."""
        n, m = shape
        state = 1 + list(self.sizes.values()).index(shape)
        columns = [k for k, other in enumerate(self.shapes) if other[0] == n]
        rows = [k for k, other in enumerate(self.shapes) if other[1] == m]
        a, b = self.random.choice(columns), self.random.choice(rows)
        return self.add(
            f"tanh(0.5 v{state} + mean(v{a}) outer mean(v{b}))",
            lambda v: torch.tanh(0.5 * v[state] + v[a].mean(-1, keepdim=True) * v[b].mean(1, keepdim=True)),
        )
