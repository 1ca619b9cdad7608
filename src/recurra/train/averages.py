"""A mean of the weights over a training, beside the weights that are trained."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.storage.models import weights_of
from recurra.tasks.base import Score
from recurra.train.options import Averaging


class Averages:
    """The mean of every weight and of every buffer of real numbers, each tied one once.

    A mean has at least single precision: an update of a weight in bfloat16 would be lost in it.

    Args:
        planned: updates of the whole training. per_epoch: of one epoch.

    Raises:
        Fault: the training ends before the mean would begin.
    """

    def __init__(
        self, options: Averaging, model: nn.Module, score: Score, *, planned: int, per_epoch: int
    ) -> None:
        self._options, self._model, self._score = options, model, score
        self._start_step, self._start_epoch = options.start_step, options.start_epoch
        if (
            options.name != "ema"
            and (options.start_step, options.start_epoch, options.trigger) == (None,) * 3
        ):
            self._start_step = planned * 3 // 4
        start = max(self._start_step or 0, (self._start_epoch or 0) * per_epoch)
        last = planned // per_epoch * per_epoch if options.name == "swa" else planned
        if last <= start:
            raise Fault(
                f"train.average: {options.name!r} would begin after update {start}, but the last "
                f"{'end of an epoch' if options.name == 'swa' else 'update'} is at {last}: train for longer, "
                f"or set train.average.start_step or start_epoch lower"
            )
        self._means: dict[str, Tensor] = {}
        self._count = 0
        self._scores: list[float] = []
        self._triggered = options.trigger is None

    def finish(self, what: str, step: int, epoch: int) -> None:
        """Takes the weights in, where one is due.

        Args:
            what: "step" after an update, "epoch" at the end of one.
            step, epoch: updates and epochs so far.
        """
        if what != ("epoch" if self._options.name == "swa" else "step") or not self._triggered:
            return
        if step <= (self._start_step or 0) or (epoch - (what == "epoch")) < (self._start_epoch or 0):
            return
        share = self._share()
        for name, weight in _real(self._model).items():
            if name in self._means:
                mean = self._means[name]
                mean.lerp_(weight.detach().to(mean.dtype), share)
            else:
                self._means[name] = weight.detach().to(_precise(weight.dtype), copy=True)
        self._count += 1

    def judge(self, value: float) -> None:
        """After a validation: its score."""
        trigger = self._options.trigger
        if trigger is None or self._triggered or math.isnan(value):
            return
        past = self._scores[: len(self._scores) - trigger] if len(self._scores) > trigger else []
        if past:
            worse = value < max(past) if self._score.larger_is_better else value > min(past)
            self._triggered = worse
        self._scores.append(value)

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Within it the model has the mean of its weights, as far as there is one yet."""
        weights = _real(self._model) if self._means else {}
        own = {name: weight.detach().clone() for name, weight in weights.items()}
        try:
            _copy(self._means, weights)
            yield
        finally:
            _copy(own, weights)

    def state(self) -> dict[str, Any]:
        """What `restore` takes back."""
        rest = {"count": self._count, "scores": self._scores, "triggered": self._triggered}
        return {"means": self._means, **rest}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from there."""
        weights = _real(self._model)
        means = {name: mean.to(weights[name].device) for name, mean in state["means"].items()}
        if means and (
            means.keys() != weights.keys() or any(means[n].shape != weights[n].shape for n in means)
        ):
            raise ValueError("the mean of the weights is of another model")
        self._means, self._count = means, state["count"]
        self._scores, self._triggered = list(state["scores"]), state["triggered"]

    def _share(self) -> float:
        """How far the mean moves towards the weights."""
        plain = 1 / (self._count + 1)
        if self._options.name != "ema":
            return plain
        return 1 - min(self._options.decay, (1 + self._count) / (10 + self._count))


def _copy(numbers: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
    """In place, so that whoever packs weights sees that they are others."""
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(numbers[name])


def _real(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight for name, weight in weights_of(model).items() if weight.is_floating_point()}


def _precise(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)
