"""Training and measuring small networks, for lessons and comparisons."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from recurra.cells.base import Cell
from recurra.inspect import thresholds
from recurra.inspect.problems import LastAnswer, Problem
from recurra.layers import Recurrent
from recurra.loop.watch import watching
from recurra.state import map_state, named_leaves

_VALIDATION = 500  # rows, of a seed of their own


class Lap(NamedTuple):
    """One update of a training.

    Attributes:
        loss: on its batch. norm: of the gradient, unclipped.
    """

    loss: float
    norm: float


def train(
    model: LastAnswer,
    problem: Problem,
    steps: int,
    updates: int,
    *,
    rate: float = 3e-3,
    clip: float | None = 1.0,
    rows: int = 32,
    seed: int = 0,
    optimiser: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    stop: Callable[[int], bool] | None = None,
) -> list[Lap]:
    """Trains on fresh batches of a problem.

    Args:
        steps: of each row. updates: at most. rate: of learning.
        clip: the largest norm of a gradient; None: as it comes.
        optimiser: (parameters, lr) -> what updates the weights.
        stop: asked after each update (its number from 1); true ends the training.

    Returns:
        a lap an update; it ends early where a loss is not finite.
    """
    generator = torch.Generator().manual_seed(seed)
    updater = optimiser(model.parameters(), lr=rate)
    laps: list[Lap] = []
    for number in range(1, updates + 1):
        x, targets = problem.batch(rows, steps, generator)
        loss = problem.cost(model(x), targets)
        updater.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        limit = math.inf if clip is None else clip
        norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), limit))
        laps.append(Lap(float(loss.detach()), norm))
        if not math.isfinite(laps[-1].loss) or not math.isfinite(norm):
            break
        updater.step()
        if stop is not None and stop(number):
            break
    return laps


def score(model: LastAnswer, problem: Problem, steps: int) -> tuple[float, float]:
    """Loss, and share of rows answered rightly, on rows that no training draws."""
    x, targets = problem.batch(_VALIDATION, steps, torch.Generator().manual_seed(2**31))
    with torch.no_grad():
        answers = model(x)
        return float(problem.cost(answers, targets)), float(problem.right(answers, targets).float().mean())


def backward_curve(cell: Cell, x: Tensor) -> Tensor:
    """How large the gradient of the last output is by every earlier state.

    Args:
        x: `[B, T, inputs]`.

    Returns:
        `[T + 1]`: the norm by the state k steps before the end, of all leaves together, over that at the end;
        the median over rows. What is differentiated is the last output's sum, with signs drawn once.
    """
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (cell.output_size,), generator=generator).to(x) * 2 - 1
    first = map_state(lambda leaf: leaf.detach().requires_grad_(), cell.initial_state(len(x)))
    with watching() as watch:
        y, _ = Recurrent(cell)(x, first)
        loss = (y[:, -1] * signs).sum()
        torch.autograd.grad(loss, list(named_leaves(first).values()), allow_unused=True)
    (run,) = watch.runs
    total = torch.stack(list(run.norms.values())).square().sum(0).sqrt().flip(0)
    return (total / total[0]).median(1).values


def reach(curve: Tensor) -> int:
    """How many steps back a curve is still above `thresholds.REACH_SHARE`."""
    steps = (curve >= thresholds.REACH_SHARE).nonzero()
    return int(steps.max()) if len(steps) else 0


def memory_reach(model: LastAnswer, problem: Problem, steps: int, rows: int = 16) -> int:
    """`reach` of a network's state on rows of a problem."""
    x, _ = problem.batch(rows, steps, torch.Generator().manual_seed(7))
    return reach(backward_curve(model.layer.cell, x))
