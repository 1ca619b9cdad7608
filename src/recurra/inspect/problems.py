"""Two problems whose answer lies far back, generated in batches, and a network that answers at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.cells.base import Cell
from recurra.errors import Fault, nearest
from recurra.layers import Recurrent

_CLOSE = 0.2  # of a sum: within that an answer is right


@dataclass(frozen=True)
class Problem:
    """A problem of one answer a row.

    Attributes:
        inputs, outputs: numbers of a step, and of an answer.
        batch: (rows, steps, generator) -> x `[B, T, inputs]` and the targets `[B]`.
        cost: (answers `[B, outputs]`, targets) -> the loss, a mean over rows.
        right: (answers, targets) -> `[B]` bool, which rows are answered.
    """

    name: str
    inputs: int
    outputs: int
    batch: Callable[[int, int, torch.Generator], tuple[Tensor, Tensor]]
    cost: Callable[[Tensor, Tensor], Tensor]
    right: Callable[[Tensor, Tensor], Tensor]


def adding(rows: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The adding problem (Hochreiter and Schmidhuber, 1997): sum the two marked numbers.

    x `[B, T, 2]`: a number in [0, 1) and a mark, 1 at one step of each half; targets `[B]`. Always answering
    1 gives a mean squared error of 1/6.
    """
    x = torch.zeros(rows, steps, 2)
    x[..., 0] = torch.rand(rows, steps, generator=generator)
    half, every = steps // 2, torch.arange(rows)
    for low, high in ((0, half), (half, steps)):
        x[every, torch.randint(low, high, (rows,), generator=generator), 1] = 1.0
    return x, x.prod(-1).sum(1)


def temporal_order(rows: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Temporal order (Hochreiter and Schmidhuber, 1997, experiment 6a; places as in Pascanu et al., 2013).

    x `[B, T, 6]`: one of six symbols a step, four of them noise; an A or a B stands at one step of the second
    tenth and at one of the fifth. Targets `[B]`: which of AA, AB, BA, BB it was, 0 to 3.
    """
    symbols = torch.randint(2, 6, (rows, steps), generator=generator)
    letters = torch.randint(0, 2, (rows, 2), generator=generator)
    every = torch.arange(rows)
    for number, tenth in ((0, 1), (1, 4)):
        low, high = tenth * steps // 10, max((tenth + 1) * steps // 10, tenth * steps // 10 + 1)
        symbols[every, torch.randint(low, high, (rows,), generator=generator)] = letters[:, number]
    return F.one_hot(symbols, 6).float(), 2 * letters[:, 0] + letters[:, 1]


PROBLEMS = {
    "adding": Problem(
        "adding",
        2,
        1,
        adding,
        lambda answers, targets: F.mse_loss(answers[:, 0], targets),
        lambda answers, targets: (answers[:, 0] - targets).abs() < _CLOSE,
    ),
    "temporal_order": Problem(
        "temporal_order",
        6,
        4,
        temporal_order,
        F.cross_entropy,
        lambda answers, targets: answers.argmax(-1) == targets,
    ),
}
"""By name."""


def problem_named(name: str) -> Problem:
    """One of `PROBLEMS`; another name is a Fault."""
    if name not in PROBLEMS:
        raise Fault(f"no problem is called {name!r}{nearest(name, PROBLEMS)}")
    return PROBLEMS[name]


class LastAnswer(nn.Module):
    """A cell over time, and a linear answer from its last output."""

    def __init__(self, cell: Cell, outputs: int) -> None:
        super().__init__()
        self.layer = Recurrent(cell)
        self.output = nn.Linear(cell.output_size, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """x `[B, T, inputs]` -> answers `[B, outputs]`."""
        y, _ = self.layer(x)
        answers: Tensor = self.output(y[:, -1])
        return answers
