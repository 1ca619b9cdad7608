"""Which validation was best, and how long that is ago."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from recurra.tasks.base import Score


class Scores:
    """The course of a score over the validations of a training.

    Attributes:
        best, last: {"step", "epoch", "metrics"} of the best validation and of the latest, None before it.
        waited: validations since the best one.
    """

    def __init__(self, score: Score) -> None:
        self.score = score
        self.best: dict[str, Any] | None = None
        self.last: dict[str, Any] | None = None
        self.waited = 0

    def judge(self, metrics: Mapping[str, float], step: int, epoch: int) -> bool:
        """Takes a validation in; whether it is the best so far. NaN is never better."""
        value = metrics[self.score.metric]
        self.last = {"step": step, "epoch": epoch, "metrics": dict(metrics)}
        if math.isnan(value):
            better = False
        elif self.best is None:
            better = True
        else:
            best = self.best["metrics"][self.score.metric]
            better = value > best if self.score.larger_is_better else value < best
        self.waited = 0 if better else self.waited + 1
        if better:
            self.best = self.last
        return better

    def state(self) -> dict[str, Any]:
        """What `restore` takes back, JSON-ready."""
        return {"best": self.best, "last": self.last, "waited": self.waited}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from there."""
        self.best, self.last, self.waited = state["best"], state["last"], state["waited"]

    def summary(self) -> dict[str, Any]:
        """What `metrics.json` holds."""
        direction = "larger" if self.score.larger_is_better else "smaller"
        return {"score": self.score.metric, "better": direction, "best": self.best, "last": self.last}
