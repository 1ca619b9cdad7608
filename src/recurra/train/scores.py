"""Which validation was best, and how long that is ago."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from recurra.errors import Fault, quoted
from recurra.storage.fields import Fields, is_whole
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

    def restore(self, state: Fields) -> None:
        """Goes on from what `state` gave. Fault where a validation lacks the score, or is none."""
        self.best, self.last = self._validation(state, "best"), self._validation(state, "last")
        self.waited = state.whole("waited")

    def _validation(self, state: Fields, name: str) -> dict[str, Any] | None:
        if state.value(name) is None:
            return None
        fields = Fields(state.table(name), f"{state.where}: {name}")
        metrics = dict(fields.table("metrics"))
        if not all(isinstance(value, float) or is_whole(value) for value in metrics.values()):  # NaN is one
            raise Fault(f"{fields.where}: metrics = {quoted(metrics)} found, expected numbers")
        if self.score.metric not in metrics:
            raise Fault(
                f"{fields.where}: no metric {self.score.metric!r} in it: "
                "it is damaged or from another version"
            )
        return {"step": fields.whole("step"), "epoch": fields.whole("epoch"), "metrics": metrics}

    def summary(self) -> dict[str, Any]:
        """What `metrics.json` holds."""
        direction = "larger" if self.score.larger_is_better else "smaller"
        return {"score": self.score.metric, "better": direction, "best": self.best, "last": self.last}
