"""The series of a forecast: to train on, to validate on, to test on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from recurra.data import Examples
from recurra.data.series import Series, Windows, cut, read_series
from recurra.errors import Fault
from recurra.tasks.forecast.windows import WindowOptions, window_batches
from recurra.tasks.parts.batches import Epoch
from recurra.tasks.parts.sources import Source, SourceOptions, read_like, read_source

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")


class ForecastOptions(WindowOptions):
    """Series, and what is told of them.

    Attributes:
        train: the series, all parts of them; see `parts`.
        targets: columns to forecast.
        covariates: columns that are read, too.
        known: columns that are known ahead of time (a price set, a holiday).
        time: column of time stamps; None: rows follow one another evenly.
        series: column that tells series apart.
        gaps: a missing time stamp is a fault, or series begin anew there ("split"), or rows count as evenly
            spaced, as trading days do ("allow").
        calendar: what is known of each time: "minute", "hour", "weekday", "day", "yearday".
        logarithms: columns that are read and forecast as logarithms.
        parts: to train, to validate and to test on, one after another in time: numbers of rows of each
            series, or shares. What is left over is not used.
        season: steps after which a series repeats, for a baseline.
        direction: whether the sign of the change over the horizon is scored.
        interval: share that the interval told is to hold.
    """

    train: Source
    targets: list[str] = Field(min_length=1)
    covariates: list[str] = Field(default_factory=list)
    known: list[str] = Field(default_factory=list)
    time: str | None = None
    series: str | None = None
    gaps: Literal["fault", "split", "allow"] = "fault"
    calendar: list[str] = Field(default_factory=list)
    logarithms: list[str] = Field(default_factory=list)
    parts: tuple[float, float, float] = (0.7, 0.1, 0.2)
    season: int | None = Field(default=None, ge=1)
    direction: bool = False
    interval: float = Field(default=0.8, gt=0, lt=1)

    @property
    def columns(self) -> list[str]:
        """What is measured: the targets first."""
        return [*self.targets, *self.covariates]


class ForecastData:
    """The parts of a recipe's series, read when they are first asked for."""

    def __init__(self, options: ForecastOptions, seed: int) -> None:
        self.options, self.seed = options, seed
        self.notes: list[str] = []
        self._windows: dict[str, Windows] = {}

    def part(self, name: Part) -> Windows:
        """The windows whose steps ahead lie in that part; their context may reach back before it."""
        if not self._windows:
            self._windows = self._cut(read_source(self.options.train))
        windows = self._windows[name]
        if not windows.origins:
            raise self._too_short(windows, f"the {name} part of {self._source}", name)
        return windows

    def like(self, data: str | Path) -> Windows:
        """The windows of a part, by its name; else every window of another file."""
        if str(data) in PARTS:
            return self.part(str(data))  # type: ignore[arg-type]
        series = self.read(read_like(SourceOptions(train=self.options.train), data))
        windows = self._over(series, [(0, len(each.values)) for each in series], 1)
        if not windows.origins:
            raise self._too_short(windows, str(data), "train")
        return windows

    def evaluation(self, data: str | Path | None) -> Windows:
        """What `evaluate(data)` measures: the validation part for None."""
        return self.part("validation") if data is None else self.like(data)

    def training_rows(self) -> Tensor:
        """`[N, V]`: what scaling may know. Fault where a target never changes."""
        windows = self.part("train")
        rows = torch.cat([s.values[:end] for s, (_, end) in zip(windows.series, self._ends, strict=True)])
        exact = rows.double()
        constant = exact.std(0, correction=0) <= 1e-6 * exact.abs().amax(0)
        for name, never in zip(self.options.columns, constant.tolist(), strict=True):
            if never and name in self.options.targets:
                raise Fault(
                    f"{self._source}: column {name!r} is constant ({float(rows[0, self._at(name)]):g}) in "
                    f"its {len(rows)} training rows: there is nothing to forecast; remove it from targets"
                )
            if never:
                self.notes.append(f"column {name!r} is constant in the training part: it tells nothing")
        return rows

    def batches(self, epoch: int, rank: int, world: int) -> Epoch:
        """Windows of an epoch: see `Windows.take`."""
        windows = self.part("train")
        return window_batches(windows, self.options, seed=self.seed, epoch=epoch, rank=rank, world=world)

    def read(self, examples: Examples) -> list[Series]:
        """The series of a table of this format."""
        options = self.options
        self._check_columns()
        if options.calendar and options.gaps == "allow":
            raise Fault("calendar needs evenly spaced times: set gaps to 'fault' or 'split'")
        series, self.step = read_series(
            examples,
            options.columns,
            known=options.known,
            time=options.time,
            name=options.series,
            gaps=options.gaps,
            cycles=options.calendar,
        )
        for name in options.logarithms:
            for each in series:
                low = (each.values[:, self._at(name)] <= 0).nonzero().flatten()
                if len(low):
                    place, value = each.places[int(low[0])], float(each.values[low[0], self._at(name)])
                    raise Fault(
                        f"{place}: column {name!r}: {value:g} found, expected a number above 0: "
                        f"it has no logarithm"
                    )
        return series

    def _cut(self, examples: Examples) -> dict[str, Windows]:
        self._source = examples.source
        series = self.read(examples)
        parts = [cut(len(each.values), self.options.parts, self._source) for each in series]
        self._ends = [each[0] for each in parts]
        strides = (self.options.stride, 1, 1)
        return {
            name: self._over(series, [each[k] for each in parts], strides[k]) for k, name in enumerate(PARTS)
        }

    def _over(self, series: Sequence[Series], parts: Sequence[tuple[int, int]], stride: int) -> Windows:
        return Windows(series, self.options.context, self.options.horizon, parts, stride)

    def _too_short(self, windows: Windows, what: str, part: str) -> Fault:
        options = self.options
        longest = max(len(each.values) for each in windows.series)
        room = f"context + horizon = {options.context} + {options.horizon} steps"
        if part != "train":
            room = f"horizon = {options.horizon} steps, context = {options.context} before them"
        return Fault(
            f"{what}: no room for {room} (the longest series has {longest} rows in all, "
            f"parts = {list(options.parts)}): give longer series, or set a shorter horizon or context"
        )

    def _at(self, name: str) -> int:
        return self.options.columns.index(name)

    def _check_columns(self) -> None:
        names = [*self.options.columns, *self.options.known]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise Fault(f"column {twice!r} is named twice among targets, covariates and known")
        stray = next((name for name in self.options.logarithms if name not in self.options.columns), None)
        if stray is not None:
            raise Fault(f"logarithms: column {stray!r} is neither among targets nor covariates")
