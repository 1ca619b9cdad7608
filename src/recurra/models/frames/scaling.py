"""Columns of measurements, each brought to size 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.errors import Fault, nearest
from recurra.layers.inputs import spread as spread_of
from recurra.models.frames.base import Frame
from recurra.registry import MODULES

ANCHORS = ("none", "last", "mean")
LEAST = 0.1
"""Training deviations that are added to a window's own one: a window that stands still has none."""


class Level(NamedTuple):
    """Where a window is, in training deviations.

    Attributes:
        base: `[B, 1, targets]`, what is taken off it.
        size: what it is divided by, `[B, 1, targets]`, or 1.
    """

    base: Tensor
    size: Tensor


@MODULES.register("scaling")
class Scaling(Frame):
    """Every column at mean 0 and deviation 1 of the training part, and seen from its own recent level.

    Args:
        columns: of the values, V. targets: how many of them, the first ones, are forecast.
        anchor: what is taken off a window and put back on its forecast: its `last` value, its `mean`
            (both as Kim et al., 2022), or nothing. Answers then follow a series that wanders off from where
            it was in training.
        differences: the network reads each column's last change as well.
        logarithms: columns that are read and forecast as logarithms: prices, say. A mean then becomes the
            median of the price.
        spread: a window is divided by its own deviation, too, and its forecast multiplied by it (Kim et al.,
            2022, without their learnt weights).
    """

    def __init__(
        self,
        columns: int,
        targets: int,
        anchor: str = "none",
        differences: bool = False,
        logarithms: Sequence[int] = (),
        spread: bool = False,
    ) -> None:
        if anchor not in ANCHORS:
            raise Fault(f"no anchor is called {anchor!r}{nearest(anchor, ANCHORS)}")
        self.anchor, self.differences, self.targets, self.spread = anchor, differences, targets, spread
        self.features = columns * (1 + differences)
        marks = torch.zeros(columns, dtype=torch.bool)
        marks[list(logarithms)] = True
        self.register_buffer("logged", marks, persistent=False)
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("deviation", torch.ones(columns))
        self.register_buffer("read", torch.ones(self.features))
        self.register_buffer("change", torch.ones(()))
        self.logged: Tensor
        self.mean: Tensor
        self.deviation: Tensor
        self.read: Tensor
        self.change: Tensor

    def learn(self, rows: Tensor, contexts: Tensor, futures: Tensor) -> None:
        rows = self._logs(rows)
        self.mean.copy_(rows.double().mean(0))
        self.deviation.copy_(spread_of(rows))
        if self.anchor != "none" or self.spread:
            self.read.fill_(1.0)
            self.change.fill_(1.0)
            features, memo = self.enter(contexts, futures.shape[1])
            self.read.copy_(spread_of(features.flatten(0, 1)))
            # one number for all targets, so that the loss weighs them as the standardised error does
            change = self.inside(futures[..., : self.targets], memo).square().mean().sqrt()
            # windows that never leave their anchor leave nothing whose size could be learnt
            self.change.copy_(change.where(change > 1e-6, 1.0))
        elif self.differences:
            features, _ = self.enter(contexts, futures.shape[1])
            columns = len(self.mean)
            self.read[columns:].copy_(spread_of(features.flatten(0, 1)[:, columns:]))

    def standard(self, values: Tensor) -> Tensor:
        """`[..., V]` or `[..., targets]` in the data's unit -> in deviations from the training mean."""
        width = values.shape[-1]
        return (self._logs(values) - self.mean[:width]) / self.deviation[:width]

    def enter(self, context: Tensor, horizon: int) -> tuple[Tensor, Any]:
        return self._anchored(self.standard(context))

    def inside(self, future: Tensor, memo: Any) -> Tensor:
        local: Tensor = (self.standard(future) - memo.base) / self.unit(memo)
        return local

    def outside(self, local: Tensor, memo: Any) -> Tensor:
        width = self.targets
        values = local * self.unit(memo) + memo.base
        return self._measurements(values * self.deviation[:width] + self.mean[:width])

    def unit(self, memo: Any) -> Tensor:
        """What 1 of the network's own unit is in training deviations, as `standard` gives them:
        `[B, 1, targets]`, or one number for all.
        """
        size: Tensor = memo.size * self.change
        return size

    def _anchored(self, values: Tensor) -> tuple[Tensor, Level]:
        """Features of standardised windows `[B, L, V]`, and their level."""
        base = torch.zeros_like(values[:, -1:])
        if self.anchor != "none":
            base = values[:, -1:] if self.anchor == "last" else values.mean(1, keepdim=True)
        size = torch.ones_like(self.change)
        if self.spread:
            size = values.std(1, keepdim=True, correction=0) + LEAST
        features = [(values - base) / size]
        if self.differences:
            features.append(torch.cat([torch.zeros_like(base), (values[:, 1:] - values[:, :-1]) / size], 1))
        level = Level(base[..., : self.targets], size[..., : self.targets] if self.spread else size)
        return torch.cat(features, -1) / self.read, level

    def _measurements(self, values: Tensor) -> Tensor:
        """Targets whose logarithms some columns are, as they were measured."""
        marks = self.logged[: self.targets]
        return torch.where(marks, values, 0.0).exp().where(marks, values)

    def _logs(self, values: Tensor) -> Tensor:
        marks = self.logged[: values.shape[-1]]
        return torch.where(marks, values, 1.0).log().where(marks, values)


@MODULES.register("series_scaling")
class SeriesScaling(Scaling):
    """Every column of every series at mean 0 and deviation 1 of that series, as each row tells them.

    A row holds its measurements `[V]`, then the means `[V]` and the deviations `[V]` of its series (of the
    logarithms, where a column is read so). The rest is as in `Scaling`, whose `standard` goes by all series.
    """

    def learn(self, rows: Tensor, contexts: Tensor, futures: Tensor) -> None:
        super().learn(rows[:, : len(self.mean)], contexts, futures)

    def enter(self, context: Tensor, horizon: int) -> tuple[Tensor, Any]:
        width = self.targets
        values, mean, deviation = context.chunk(3, -1)
        features, level = self._anchored((self._logs(values) - mean) / deviation)
        return features, (level, mean[:, :1, :width], deviation[:, :1, :width])

    def inside(self, future: Tensor, memo: Any) -> Tensor:
        level, mean, deviation = memo
        local: Tensor = ((self._logs(future) - mean) / deviation - level.base) / super().unit(level)
        return local

    def outside(self, local: Tensor, memo: Any) -> Tensor:
        level, mean, deviation = memo
        return self._measurements((local * super().unit(level) + level.base) * deviation + mean)

    def unit(self, memo: Any) -> Tensor:
        level, _, deviation = memo
        unit: Tensor = super().unit(level) * deviation / self.deviation[: self.targets]
        return unit
