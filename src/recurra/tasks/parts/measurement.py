"""What an evaluation measured: on which data, its figures, and how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from recurra.errors import Fault, quoted

if TYPE_CHECKING:
    from recurra.tasks.parts.confusions import Confusion

E = TypeVar("E")

Figures = Callable[[Tensor], Mapping[str, float]]
"""Figures of examples that count as often as their weights `[N]`, float64, say."""

_LEVELS = (0.025, 0.975)


class Selection(NamedTuple, Generic[E]):
    """Examples to measure on.

    Attributes:
        examples: as the task reads them.
        part: "train", "validation" or "test" of the recipe; "" for other data.
        source: the file or files. held_out: whether they are a part of what `data.train` names.
    """

    examples: E
    part: str
    source: str
    held_out: bool = False

    def measured(
        self,
        count: int,
        unit: str,
        figures: Figures,
        constants: Mapping[str, float] | None = None,
        **more: Any,
    ) -> Measurement:
        """A measurement of them; see there."""
        return Measurement(
            self.part, self.source, self.held_out, count, unit, figures, constants or {}, **more
        )


class Choices(NamedTuple):
    """Labels of examples.

    Attributes:
        names: of the labels. shares: `[N, labels]`, how probable each is. targets: `[N]`, the true ones.
    """

    names: Sequence[str]
    shares: Tensor
    targets: Tensor


@dataclass(frozen=True)
class Measurement:
    """Figures, and what they were measured on.

    Attributes:
        part, source, held_out: see `Selection`.
        count: how many examples, in `unit` ("sentences").
        figures: the means and ratios over examples, for any weights of these.
        constants: figures that no weights change.
        amount: what is told in place of count and unit, where it says more.
        confusions: what labels were taken for which: of "examples", "tokens" or "spans"; None where there are
            no labels.
        choices: what a threshold is chosen by, where each example has one label.
        groups: `[N]`, for each example the number of the group that it is drawn with where examples are not
            independent. group_unit: what these are ("paths").
    """

    part: str
    source: str
    held_out: bool
    count: int
    unit: str
    figures: Figures
    constants: Mapping[str, float] = field(default_factory=dict)
    amount: str = ""
    confusions: Callable[[], Mapping[str, Confusion]] | None = None
    choices: Choices | None = None
    groups: Sequence[int] | None = None
    group_unit: str = ""

    @property
    def scores(self) -> dict[str, float]:
        """Every figure."""
        return {**self.figures(torch.ones(self.count, dtype=torch.float64)), **self.constants}

    @property
    def describe(self) -> str:
        """One line, as "validation, 1,009 examples of rows.csv"."""
        if not self.count:
            return f"{self.part or 'other data'} of {self.source}" if self.source else self.part
        amount = self.amount or f"{self.count:,} {self.unit if self.count != 1 else _one(self.unit)}"
        way = "held out of" if self.held_out else "of"
        return f"{self.part or 'other data'}, {amount} {way} {quoted(self.source)[1:-1]}"

    def intervals(self, resamples: int, seed: int = 0) -> dict[str, tuple[float, float]]:
        """The 95 % percentile interval of each figure: examples (or groups of them) are drawn anew with
        replacement (Efron, 1979).

        Args:
            resamples: how often. seed: of the draws.

        Raises:
            Fault: there is nothing to draw from.
        """
        groups = np.arange(self.count) if self.groups is None else np.asarray(self.groups)
        number = int(groups.max()) + 1 if len(groups) else 0
        if number < 2:
            what = self.amount or f"{number} {_one(self.group_unit or self.unit or 'example')}"
            raise Fault(
                f"an interval is had by drawing examples anew, and there are no two here ({what}): "
                f"leave out the bootstrap"
            )
        generator = np.random.default_rng(seed)
        draws: dict[str, list[float]] = {}
        for _ in range(resamples):
            times = np.bincount(generator.integers(0, number, number), minlength=number)
            for name, value in self.figures(torch.from_numpy(times[groups].astype(np.float64))).items():
                draws.setdefault(name, []).append(value)
        return {name: _interval(values) for name, values in draws.items()}


def plain_measurement(scores: Mapping[str, float], part: str) -> Measurement:
    """Figures alone, of a task that says no more."""
    return Measurement(part, "", False, 0, "", lambda weights: {}, scores)


def ratios(parts: Mapping[str, tuple[Any, Any | None]]) -> Figures:
    """Sums over examples, divided by other sums, or by how many examples there are; 0 where that is 0, and
    NaN where it is by the weights alone: of a draw without any of a group nothing can be said.

    Args:
        parts: name -> numbers `[N]`, and those that their sum is divided by; None counts examples.
    """
    columns = {
        name: (_column(above), None if below is None else _column(below))
        for name, (above, below) in parts.items()
    }

    def ratio(above: Tensor, below: Tensor | None, weights: Tensor) -> float:
        whole = float(weights.sum() if below is None else weights @ below)
        if not whole and below is not None and bool(below.any()):
            return float("nan")
        return share(float(weights @ above), whole)

    return lambda weights: {name: ratio(*pair, weights) for name, pair in columns.items()}


def together(*parts: Figures) -> Figures:
    """The figures of all parts."""
    return lambda weights: {name: value for part in parts for name, value in part(weights).items()}


def ordinals(keys: Iterable[Any]) -> list[int]:
    """Of each key its number in the order in which keys first come."""
    numbers: dict[Any, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def share(part: float, whole: float) -> float:
    """0 for a part of nothing."""
    return part / whole if whole else 0.0


def _column(numbers: Any) -> Tensor:
    return torch.as_tensor(numbers).detach().to("cpu", torch.float64)


def _interval(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.nanquantile(values, _LEVELS) if not np.isnan(values).all() else (np.nan, np.nan)
    return float(low), float(high)


def _one(unit: str) -> str:
    """Of one of them."""
    if unit.endswith("ies"):
        return unit[:-3] + "y"
    return unit.removesuffix("s")
