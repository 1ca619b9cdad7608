"""From gradients to new weights: clipping, the optimiser, the learning rate over time."""

from __future__ import annotations

import inspect
import math
from typing import Any

import torch
from torch import nn
from torch.nn.utils import clip_grad_value_, clip_grads_with_norm_, get_total_norm

from recurra.tasks.base import Score
from recurra.train.groups import Groups
from recurra.train.optimise import SCHEDULES, optimiser_of, schedule_of
from recurra.train.options import TrainOptions


class Updates:
    """The optimiser of a model with its schedule.

    Args:
        planned: steps of the whole training. per_epoch: steps of one epoch.
    """

    def __init__(
        self, options: TrainOptions, model: nn.Module, score: Score, *, planned: int, per_epoch: int
    ) -> None:
        self.options, self.model = options, model
        self.groups = Groups(options.groups, model)
        self.optimiser = optimiser_of(options, self.groups)
        self._length = _length_of_schedule(options, planned, per_epoch)
        self.schedule = schedule_of(options, self.optimiser, score, self._length or 1)

    def norm(self) -> float:
        """The 2-norm of the gradient; one that is finite is then clipped, each number first."""
        gradients = [weight.grad for weight in self.model.parameters() if weight.grad is not None]
        norm = get_total_norm(gradients)
        if bool(torch.isfinite(norm)):
            limited = norm
            if self.options.clip_value is not None:
                clip_grad_value_(self.model.parameters(), self.options.clip_value)
                limited = get_total_norm(gradients)
            if self.options.clip_norm is not None:
                clip_grads_with_norm_(self.model.parameters(), self.options.clip_norm, limited)
        return float(norm)

    def update(self, step: int) -> None:
        """New weights from the gradients; `step` counts from 0."""
        # the rise at the start scales whatever the schedule asks for, so the two need not know each other
        rise = min(1.0, (step + 1) / self.options.warmup) if self.options.warmup else 1.0
        groups = self.optimiser.param_groups
        rates = [group["lr"] for group in groups]
        for group in groups:
            group["lr"] = group["lr"] * rise
        self.optimiser.step()
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate

    def forget(self) -> None:
        """Drops the gradients."""
        self.optimiser.zero_grad(set_to_none=True)

    @property
    def rate(self) -> float:
        """The learning rate that the schedule asks for now."""
        return float(self.optimiser.param_groups[0]["lr"])

    def finish(self, what: str, score: float = math.nan) -> None:
        """Tells the schedule that a step, an epoch or a validation (with its score) is over."""
        choice = self.options.schedule
        if self.schedule is None or choice is None or choice.every != what:
            return
        if self._length is not None and self.schedule.last_epoch >= self._length:
            return  # epochs may differ in batches, and some schedules refuse to go on past their end
        if choice.name == "ReduceLROnPlateau":
            self.schedule.step(score)
        else:
            self.schedule.step()

    def state(self) -> dict[str, Any]:
        """What `restore` takes back."""
        schedule = None if self.schedule is None else self.schedule.state_dict()
        return {"optimiser": self.optimiser.state_dict(), "schedule": schedule}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from there."""
        self.optimiser.load_state_dict(state["optimiser"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])


def planned_steps(options: TrainOptions, batches: int) -> tuple[int, int]:
    """Updates of the whole training, and of one epoch of so many batches."""
    per_epoch = -(-batches // options.accumulate)
    return min(options.epochs * per_epoch, options.steps or options.epochs * per_epoch), per_epoch


def _length_of_schedule(options: TrainOptions, planned: int, per_epoch: int) -> int | None:
    """How often a schedule that must know its end is stepped; None where it needs not, or is told."""
    choice = options.schedule
    if choice is None or choice.name not in SCHEDULES:
        return None
    parameters = inspect.signature(SCHEDULES[choice.name]).parameters
    names = [name for name in ("T_max", "total_steps") if name in parameters]
    if not names or any(name in choice.arguments for name in names):
        return None
    if choice.every == "step":
        return planned
    return options.epochs if choice.every == "epoch" else -(-planned // (options.validate_every or per_epoch))
