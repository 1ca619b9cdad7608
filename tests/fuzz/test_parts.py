"""Random chains of moves, spreads and sums of parts of a row: as programs they are their own plain loops."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from recurra.cells import Cell
from recurra.engines.choice import NAMES, _engine
from recurra.loop.plan import plan_of
from tests.laws.loops import assert_same, by_hand, by_scan, random_state
from tests.laws.table import features


class Hidden(NamedTuple):
    h: Tensor


class Chained(Cell):
    """`h' = tanh(W x + V chain(h))`, the chain drawn from a seed: the same at every step."""

    State = Hidden

    def __init__(self, seed: int) -> None:
        random = Random(seed)
        self.seed, self.input_size, self.hidden_size = seed, 2, random.choice([4, 6, 8, 12])
        self.input = nn.Linear(2, self.hidden_size)
        width = self.chain(torch.zeros(1, self.hidden_size)).shape[1]
        self.back = nn.Linear(width, self.hidden_size)
        self.register_buffer("order", torch.randperm(self.hidden_size))

    def step(self, x: Tensor, state: Hidden) -> tuple[Tensor, Hidden]:
        source = state.h[:, self.order] if self.seed % 3 == 0 else state.h
        h = torch.tanh(self.input(x) + self.back(self.chain(source)))
        return h, Hidden(h)

    def chain(self, h: Tensor) -> Tensor:
        random = Random(self.seed + 1)
        for _ in range(random.randint(2, 6)):
            h = _link(random, h)
            if random.random() < 0.4:
                h = torch.tanh(h)
        return h.flatten(1)


def _link(random: Random, h: Tensor) -> Tensor:
    """One call on rows `[rows, ...]` of up to three dimensions, without a kink where numbers differ."""
    shape = list(h.shape[1:])
    dim = random.randint(1, h.dim() - 1)
    size = h.shape[dim]
    kind = random.randrange(12)
    if kind == 0 and len(shape) < 3:
        parts = random.choice([n for n in (1, 2, 3, 4) if shape[-1] % n == 0])
        return h.unflatten(-1, (parts, shape[-1] // parts))
    if kind == 1:
        return h.movedim(dim, random.randint(1, h.dim() - 1))
    if kind == 2:
        return random.choice([h.flip(dim), h.roll(random.randint(1, 3), dim)])
    if kind == 3 and size > 1:
        return h.narrow(dim, 1, size - 1)
    if kind == 4 and size > 1:
        return h.index_select(
            dim, torch.tensor([random.randrange(size) for _ in range(random.randint(1, 6))])
        )
    if kind == 5 and math.prod(shape) <= 24:
        return torch.cat([h, h.flip(dim) * 0.5], dim)
    if kind == 6:
        return h - h.mean(dim, keepdim=True)
    if kind == 7:
        return h * torch.softmax(h, dim)
    if kind == 8 and size > 1:
        return h * h.amax(dim, keepdim=True) + h.sum(dim, keepdim=True) * 0.1
    if kind == 9 and len(shape) < 3 and math.prod(shape) <= 24:
        return h.unsqueeze(dim).expand(*h.shape[:dim], 2, *h.shape[dim:]) + 0.1
    if kind == 10:
        return h.select(dim, random.randrange(size)) if len(shape) > 1 else h[:, ::2]
    if kind == 11 and dim == h.dim() - 1:
        return torch.cumsum(h, dim) / size
    return h * torch.linalg.vector_norm(h, dim=dim, keepdim=True).sigmoid()


@pytest.fixture
def engines() -> list[str]:
    return [name for name in NAMES if not isinstance(_engine(name), str)]


def test_parts_of_rows(rounds: Iterator[Random], engines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for random in rounds:
        torch.manual_seed(random.randrange(2**30))
        cell: Any = Chained(random.randrange(2**30)).double()
        assert plan_of(cell).reason == "", cell.seed
        rows = [row.requires_grad_() for row in features(3, 1, 2, size=2)]
        state = random_state(cell, len(rows))
        inputs = [*rows, state.h, *cell.parameters()]
        for engine in engines:
            monkeypatch.setenv("RECURRA_ENGINE", engine)
            assert_same(by_scan(cell, rows, state), by_hand(cell, rows, state), inputs)
