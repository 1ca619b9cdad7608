"""The series of a forecast: to train on, to validate on, to test on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import torch
from torch import Tensor

from recurra.data import Examples, columns
from recurra.data.clocks import Clock, find_zone
from recurra.data.notation import DecimalMark
from recurra.data.sentinels import sentinel_notes
from recurra.data.series import Series, SeriesFormat, Windows, cut, read_series
from recurra.errors import Fault
from recurra.tasks.forecast.columns import Sizes, honest, sizes_of, with_masks, with_sizes
from recurra.tasks.forecast.options import PARTS, ForecastOptions, Part, TableFormat
from recurra.tasks.forecast.windows import window_batches
from recurra.tasks.parts.batches import Epoch
from recurra.tasks.parts.measurement import Selection
from recurra.tasks.parts.sources import SourceOptions, read_like, read_source


class ForecastData:
    """The parts of a recipe's series, read when they are first asked for.

    Attributes:
        format: how the training data is written; `read` goes by it.
        sizes: of the series by name, where each is scaled by its own.
    """

    def __init__(
        self, options: ForecastOptions, seed: int, form: TableFormat | None = None, sizes: Sizes | None = None
    ) -> None:
        self.options, self.seed = options, seed
        self.format = form or TableFormat()
        self.sizes = dict(sizes or {})
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
        windows = self._over(series, [(0, len(each.values)) for each in series], 1, str(data))
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
        exact = rows[:, : len(self.options.columns)].double()
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
        """The series of a table of this format, each row with its masks and sizes."""
        series = self._series(examples)
        if self.options.scale == "all":
            return series
        sizes: dict[tuple[str, str], Tensor] = {}
        for each in series:
            rows = each.values[: self.options.context]
            sizes.setdefault(self._key(each), self._sizes(each.name, rows))
        return [with_sizes(each, sizes[self._key(each)]) for each in series]

    def _series(self, examples: Examples) -> list[Series]:
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
            advice=f"{columns.CORRECT_ROWS}, or set incomplete = 'skip' to leave them out, or 'previous' or "
            f"'linear' to have them made up",
            filling=options.filling,
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
        return [with_masks(each) for each in series] if options.masks else series

    def _key(self, series: Series) -> tuple[str, str]:
        return series.places[0].file, series.name

    def _sizes(self, name: str, rows: Tensor) -> Tensor:
        """Of a series: as in training where it has a name that was there, else as rows of it tell."""
        return self.sizes[name] if name in self.sizes else sizes_of(rows, self.options.logged)

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
        """The rows with a number in every column, where others are to be left out; what lacks is noted."""
        if self.options.incomplete == "error":
            return examples
        _, wrong = columns.read_numbers(examples, *self.options.columns, *self.options.known)
        strange = [each for each in wrong if not each.missing]
        if strange:
            raise columns.told_together(strange, columns.CORRECT_ROWS)
        rows = {each.row for each in wrong}
        if self.options.filling is not None:
            if wrong:
                self.notes.append(
                    f"{columns.count_of(wrong)} are missing and made up: {self.options.filling!r}"
                )
            return examples
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
        series = self._series(examples)
        self.format = self._format_of(examples, series)
        names = [f"column {name!r}" for name in self.options.columns]
        self.notes += sentinel_notes(names, torch.cat([each.values[:, : len(names)] for each in series]))
        self._note_gaps(examples, series)
        parts = [cut(len(each.values), self.options.split, self._source) for each in series]
        self._ends = [each[0] for each in parts]
        if self.options.scale == "series":
            series = self._own_sizes(series)
        strides = (self.options.stride, 1, 1)
        return {
            name: self._over(series, [each[k] for each in parts], strides[k], name)
            for k, name in enumerate(PARTS)
        }

    def _own_sizes(self, series: Sequence[Series]) -> list[Series]:
        """Each series with the sizes that its training rows tell; those of names are learnt."""
        rows: dict[tuple[str, str], list[Tensor]] = {}
        for each, (_, end) in zip(series, self._ends, strict=True):
            rows.setdefault(self._key(each), []).append(each.values[:end])
        first = {self._key(each): each.values[: self.options.context] for each in reversed(series)}
        sizes = {}
        for key, pieces in rows.items():
            train = torch.cat(pieces)
            sizes[key] = self._sizes(key[1], train if len(train) > 1 else first[key])
            if self.options.series is not None and len(train) > 1:
                self.sizes.setdefault(key[1], sizes[key])
        return [with_sizes(each, sizes[self._key(each)]) for each in series]

    def _note_gaps(self, examples: Examples, series: Sequence[Series]) -> None:
        """How many rows stand for missing time stamps."""
        rows = sum(len(each.values) for each in series)
        if self.options.gaps == "fill" and rows > len(examples):
            self.notes.append(f"{rows - len(examples):,} rows are put in for missing time stamps")

    def _over(
        self, series: Sequence[Series], parts: Sequence[tuple[int, int]], stride: int, part: str
    ) -> Windows:
        windows = Windows(series, self.options.context, self.options.horizon, parts, stride)
        if self.options.filling is None:
            return windows
        ahead, targets = self.options.filling == "linear", len(self.options.targets)
        real = honest(windows, targets, scored=part != "train", ahead=ahead)
        if len(real) < len(windows):
            why = "their steps ahead" if part != "train" else "the last row they read"
            why += " or the last row they read" if ahead and part != "train" else ""
            self.notes.append(
                f"{part}: {len(windows) - len(real):,} of {len(windows):,} windows are left out: numbers are "
                f"missing in {why}"
            )
        return real

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
