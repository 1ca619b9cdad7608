"""The series of a forecast: to train on, to validate on, to test on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, cast
from zoneinfo import ZoneInfo

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from recurra.data import Examples, columns
from recurra.data.clocks import Clock, find_zone
from recurra.data.notation import DecimalMark
from recurra.data.sentinels import sentinel_notes
from recurra.data.series import Series, SeriesFormat, Windows, cut, read_series
from recurra.data.steps import Step, step_of
from recurra.errors import Fault
from recurra.tasks.forecast.windows import WindowOptions, window_batches
from recurra.tasks.parts.batches import Epoch
from recurra.tasks.parts.measurement import Selection
from recurra.tasks.parts.sources import Source, SourceOptions, read_like, read_source

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")


class ForecastOptions(WindowOptions):
    """Series, and what is told of them.

    Attributes:
        train: the series, all parts of them; see `split`.
        targets: columns to forecast.
        covariates: columns that are read, too.
        known: columns that are known ahead of time (a price set, a holiday).
        time: column of time stamps; None: rows follow one another evenly.
        series: column that tells series apart.
        gaps: a missing time stamp is an error, or series begin anew there ("split"), or rows count as evenly
            spaced, as trading days do ("allow").
        calendar: what is known of each time, on the clock of the place: "second", "minute", "hour",
            "weekday", "day", "month", "yearday".
        zone: the place, as "Europe/Berlin": the clock of stamps without UTC offset, with its hours that come
            twice or never, and of the calendar; None: the clock that the stamps show.
        incomplete: a row that lacks a number is an error, or left out ("skip"), as a gap is in the times.
        logarithms: columns that are read and forecast as logarithms.
        split: to train, to validate and to test on, one after another in time: numbers of rows of each
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
    zone: str | None = None
    series: str | None = None
    gaps: Literal["error", "split", "allow"] = "error"
    incomplete: Literal["error", "skip"] = "error"
    calendar: list[str] = Field(default_factory=list)
    logarithms: list[str] = Field(default_factory=list)
    split: tuple[float, float, float] = (0.7, 0.1, 0.2)
    season: int | None = Field(default=None, ge=1)
    direction: bool = False
    interval: float = Field(default=0.8, gt=0, lt=1)

    @field_validator("zone")
    @classmethod
    def _real(cls, zone: str | None) -> str | None:
        if zone is not None:
            find_zone(zone)
        return zone

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.zone is not None and self.time is None:
            raise ValueError("zone needs a column of time stamps: set time to one")
        return self

    @property
    def columns(self) -> list[str]:
        """What is measured: the targets first."""
        return [*self.targets, *self.covariates]


class TableFormat(NamedTuple):
    """How the training data writes numbers and time stamps, for what is read later; None: nothing showed it.

    Attributes:
        decimal, day_first: see `recurra.data.notation.Notation`. calendar, step: see `SeriesFormat`.
    """

    decimal: DecimalMark | None = None
    day_first: bool | None = None
    calendar: bool | None = None
    step: Step | None = None

    def to_table(self) -> dict[str, Any]:
        """What `from_table` reads."""
        return {**self._asdict(), "step": None if self.step is None else self.step.to_table()}

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> TableFormat:
        """A format as `to_table` wrote it. KeyError, TypeError or ValueError where it is none."""
        decimal, day_first, calendar = (table[key] for key in ("decimal", "day_first", "calendar"))
        if decimal not in (None, ".", ",") or not {type(day_first), type(calendar)} <= {bool, type(None)}:
            raise ValueError("no notation")
        return cls(decimal, day_first, calendar, None if table["step"] is None else step_of(table["step"]))


class ForecastData:
    """The parts of a recipe's series, read when they are first asked for.

    Attributes:
        format: how the training data is written; `read` goes by it.
    """

    def __init__(self, options: ForecastOptions, seed: int, form: TableFormat | None = None) -> None:
        self.options, self.seed = options, seed
        self.format = form or TableFormat()
        self.notes: list[str] = []
        self._windows: dict[str, Windows] = {}

    @property
    def zone(self) -> ZoneInfo | None:
        """Where stamps without UTC offset are from."""
        return None if self.options.zone is None else find_zone(self.options.zone)

    def part(self, name: Part) -> Windows:
        """The windows whose steps ahead lie in that part; their context may reach back before it."""
        if not self._windows:
            self._windows = self._cut(read_source(self.options.train))
        windows = self._windows[name]
        if not windows.origins:
            raise self._too_short(windows, f"the {name} part of {self._source}", name)
        return windows

    def like(self, data: str | Path) -> Windows:
        """Every window of another file."""
        series = self.read(read_like(SourceOptions(train=self.options.train), data))
        windows = self._over(series, [(0, len(each.values)) for each in series], 1)
        if not windows.origins:
            raise self._too_short(windows, str(data), "train")
        return windows

    def evaluation(self, data: str | Path | None) -> Windows:
        """The windows of `select(data)`."""
        return self.select(data).examples

    def select(self, data: str | Path | None) -> Selection[Windows]:
        """What `evaluate(data)` measures: a part of the series, or another file."""
        part = "validation" if data is None else str(data)
        if part in PARTS:
            windows = self.part(part)
            return Selection(windows, part, self._source)
        assert data is not None
        return Selection(self.like(data), "", str(data))

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
            raise Fault("calendar needs evenly spaced times: set gaps to 'error' or 'split'")
        examples = self._complete(self.readable(examples))
        series, _ = read_series(
            examples,
            options.columns,
            known=options.known,
            time=options.time,
            name=options.series,
            gaps=options.gaps,
            cycles=options.calendar,
            zone=self.zone,
            expected=SeriesFormat(self.format.calendar, self.format.step),
            advice=f"{columns.CORRECT_ROWS}, or set incomplete = 'skip' to leave them out",
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

    def readable(self, examples: Examples) -> Examples:
        """A table, its numbers and dates read as those of the training data."""
        notation, form = examples.notation, self.format
        return examples.with_notation(
            notation._replace(
                decimal=notation.decimal or form.decimal,
                day_first=form.day_first if notation.day_first is None else notation.day_first,
            )
        )

    def _complete(self, examples: Examples) -> Examples:
        """The rows with a number in every column, where others are to be left out."""
        if self.options.incomplete == "error":
            return examples
        _, wrong = columns.read_numbers(examples, *self.options.columns, *self.options.known)
        strange = [each for each in wrong if not each.missing]
        if strange:
            raise columns.told_together(strange, columns.CORRECT_ROWS)
        rows = {each.row for each in wrong}
        if len(rows) == len(examples):
            raise Fault(f"{examples.source}: every row lacks a number")
        if rows:
            self.notes.append(f"{len(rows):,} of {len(examples):,} rows lack a number and are left out")
        return examples.take(row for row in range(len(examples)) if row not in rows)

    def _format_of(self, examples: Examples, series: Sequence[Series]) -> TableFormat:
        """How the training data is written."""
        names = [*self.options.columns, *self.options.known]
        marks = set(columns.decimal_marks(examples, names).values())
        points = any(isinstance(entry, str) and "." in entry for name in names for entry in examples[name])
        decimal = None if len(marks) > 1 or (marks == {"."} and not points) else marks.pop()
        clock, timed = series[0].clock, self.options.time is not None and self.options.gaps != "allow"
        turned = isinstance(clock, Clock) and clock.form.kind == "turned"
        orders = {each.clock.form.day_first for each in series if isinstance(each.clock, Clock)}
        return TableFormat(
            decimal=cast(DecimalMark | None, decimal),
            day_first=orders.pop() if turned and len(orders) == 1 else None,
            calendar=clock.calendar if self.options.time is not None else None,
            step=series[0].step if timed else None,
        )

    def _cut(self, examples: Examples) -> dict[str, Windows]:
        self._source = examples.source
        series = self.read(examples)
        self.format = self._format_of(examples, series)
        names = [f"column {name!r}" for name in self.options.columns]
        self.notes += sentinel_notes(names, torch.cat([each.values for each in series]))
        parts = [cut(len(each.values), self.options.split, self._source) for each in series]
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
            f"split = {list(options.split)}): give longer series, or set a shorter horizon or context"
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
