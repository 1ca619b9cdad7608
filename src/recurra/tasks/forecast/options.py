"""What a recipe says of series to forecast, and how a table of them is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from recurra.data.clocks import find_zone
from recurra.data.filling import Filling
from recurra.data.notation import DecimalMark
from recurra.data.steps import Step, step_of
from recurra.tasks.forecast.windows import WindowOptions
from recurra.tasks.parts.sources import Source

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
            spaced, as trading days do ("allow"), or rows that lack every number are put in ("fill"), which
            `incomplete` then fills.
        calendar: what is known of each time, on the clock of the place: "second", "minute", "hour",
            "weekday", "day", "month", "yearday".
        zone: the place, as "Europe/Berlin": the clock of stamps without UTC offset, with its hours that come
            twice or never, and of the calendar; None: the clock that the stamps show.
        incomplete: a row that lacks a number is an error, or left out ("skip"), as a gap is in the times, or
            what it lacks is made up: the number before it in its series ("previous"), the "linear" way from
            there to the next one, the "mean" of all before it, or "zero". A forecast is not scored on what is
            made up.
        masks: the model reads, beside each number, whether it was missing.
        scale: numbers are brought to size 1 by the mean and deviation over "all" series, or of each "series"
            by its own: of its training rows, or, where it had none, of its first `context` rows.
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
    gaps: Literal["error", "split", "allow", "fill"] = "error"
    incomplete: Literal["error", "skip", "previous", "linear", "mean", "zero"] = "error"
    masks: bool = False
    scale: Literal["all", "series"] = "all"
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
        if self.filling is None and (self.masks or self.gaps == "fill"):
            what = "masks" if self.masks else "gaps = 'fill'"
            raise ValueError(f"{what} needs numbers that are made up: set incomplete, as to 'previous'")
        if self.gaps == "fill" and self.time is None:
            raise ValueError("gaps = 'fill' needs a column of time stamps: set time to one")
        return self

    @property
    def filling(self) -> Filling | None:
        """What stands for missing numbers, if anything does."""
        return None if self.incomplete == "error" or self.incomplete == "skip" else self.incomplete

    @property
    def columns(self) -> list[str]:
        """What is measured: the targets first."""
        return [*self.targets, *self.covariates]

    @property
    def width(self) -> int:
        """Numbers of a row that the model reads: what is measured, and masks."""
        return len(self.columns) * (1 + self.masks)

    @property
    def logged(self) -> list[int]:
        """Where the columns that are read as logarithms stand."""
        return [self.columns.index(name) for name in self.logarithms]


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
