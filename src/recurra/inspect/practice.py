"""Training and measuring small networks, for lessons and comparisons."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.cells.base import Cell
from recurra.inspect import thresholds
from recurra.inspect.problems import LastAnswer, Problem
from recurra.state import named_leaves

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


def state_norms(cell: Cell, x: Tensor, loss: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    """How large the gradient of a loss is by every earlier state: the plain loop, every gradient retained.

    Args:
        x: `[B, T, inputs]`.
        loss: (the last output `[B, outputs]`) -> one number, a sum over rows.

    Returns:
        leaf of the state -> `[T + 1, B]`, the norm over units by the state before step t; by the state that
        the last step leaves at t = T.
    """
    state: Any = cell.initial_state(len(x))
    leaves = {name: leaf.detach().requires_grad_() for name, leaf in named_leaves(state).items()}
    state = type(state)(**leaves)
    history = [state]
    y = x.new_zeros(len(x), cell.output_size)
    for t in range(x.shape[1]):
        y, state = cell.step(x[:, t], state)
        for leaf in named_leaves(state).values():
            if leaf.requires_grad and not leaf.is_leaf:
                leaf.retain_grad()
        history.append(state)
    loss(y).backward()  # type: ignore[no-untyped-call]
    norms = {}
    for name in leaves:
        gradients = [named_leaves(each)[name].grad for each in history]
        norms[name] = torch.stack([x.new_zeros(len(x)) if g is None else g.norm(dim=-1) for g in gradients])
    return norms


def backward_curve(cell: Cell, x: Tensor) -> Tensor:
    """The gradient's norm k steps before the end over its norm at the end, `[T + 1]`: median over rows, of
    all leaves together. The loss is the last output's sum with signs drawn once.
    """
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (cell.output_size,), generator=generator).to(x) * 2 - 1
    norms = state_norms(cell, x, lambda y: (y * signs).sum())
    total = torch.stack(list(norms.values())).square().sum(0).sqrt().flip(0)
    return (total / total[0]).median(1).values


def reach(curve: Tensor) -> int:
    """How many steps back a curve is still above `thresholds.REACH_SHARE`."""
    steps = (curve >= thresholds.REACH_SHARE).nonzero()
    return int(steps.max()) if len(steps) else 0


def memory_reach(model: LastAnswer, problem: Problem, steps: int, rows: int = 16) -> int:
    """`reach` of a network's state on rows of a problem."""
    x, _ = problem.batch(rows, steps, torch.Generator().manual_seed(7))
    return reach(backward_curve(model.layer.cell, x))
