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
from recurra.tasks.algorithm.far_back import CLOSE, adding, temporal_order


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


PROBLEMS = {
    "adding": Problem(
        "adding",
        2,
        1,
        adding,
        lambda answers, targets: F.mse_loss(answers[:, 0], targets),
        lambda answers, targets: (answers[:, 0] - targets).abs() < CLOSE,
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
