"""Figures of an evaluation, for people and as JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recurra.cli.output import emit, table
from recurra.errors import Fault
from recurra.tasks.base import Task
from recurra.tasks.parts.confusions import Confusion, LabelScore
from recurra.tasks.parts.measurement import Measurement
from recurra.tasks.parts.thresholds import Best, best_threshold

_WIDEST = 12  # labels of a matrix for people
_MISTAKES = 20


class Sheet:
    """What is told of a measurement.

    Attributes:
        scores: every figure. intervals: of figures that have one.
    """

    def __init__(self, task: Task, measurement: Measurement) -> None:
        self.task, self.measurement = task, measurement
        self.scores = measurement.scores
        self.intervals: Mapping[str, tuple[float, float]] = {}
        self._confusions: Mapping[str, Confusion] = {}
        self._thresholds: Mapping[str, Best] = {}

    def add_intervals(self, resamples: int, seed: int) -> None:
        """The 95 % interval of each figure."""
        self.intervals = self.measurement.intervals(resamples, seed)

    def add_labels(self) -> None:
        """Each label's figures, and the confusion of labels. Fault where the task gives none."""
        if self.measurement.confusions is None:
            raise Fault(f"--by-label: a {self.task.name} model gives no labels")
        self._confusions = self.measurement.confusions()

    def add_best_thresholds(self) -> None:
        """Of two labels, the threshold of each with the best F1.

        Raises:
            Fault: there are no two labels, or the data is none to choose on.
        """
        choices = self.measurement.choices
        if choices is None or len(choices.names) != 2:
            raise Fault("--best-threshold: expected a model that gives each example one of two labels")
        if self.measurement.part != "validation":
            raise Fault(
                "--best-threshold: a threshold is chosen on validation data: leave out --split, --data"
            )
        self._thresholds = {
            name: best_threshold(choices.shares[:, k], choices.targets == k)
            for k, name in enumerate(choices.names)
        }

    def show(self, as_json: bool) -> None:
        """One line of JSON, or tables."""
        if as_json:
            emit(self.facts())
            return
        print(self.measurement.describe.replace(f"{Path.cwd()}{os.sep}", ""))
        table(["name", "value", "unit", "better", *(["from", "to"] if self.intervals else [])], self._rows())
        for what, confusion in self._confusions.items():
            print(f"\n{what}")
            percents = [_percents(row) for row in confusion.scores()]
            table(LabelScore._fields, percents)
            _show_confusion(confusion)
        if self._thresholds:
            print()
            rows = [[f"{name}={best.threshold:.4g}", *best[1:]] for name, best in self._thresholds.items()]
            table(("threshold", "f1", "precision", "recall"), [_percents(row) for row in rows])

    def facts(self) -> dict[str, Any]:
        """The figures by their names, and what else is told."""
        measurement = self.measurement
        data: dict[str, Any] = {"split": measurement.part or None, "source": measurement.source}
        if measurement.count:
            data |= {
                "count": measurement.count,
                "unit": measurement.unit,
                "held_out": measurement.held_out,
            }
        units = {name: self.task.unit(name) for name in self.scores}
        facts: dict[str, Any] = {
            **self.scores,
            "data": {**data, "described": measurement.describe},
            "units": {
                name: {
                    "unit": "share" if unit.factor == 100 else unit.name,
                    "better": unit.better or None,
                }
                for name, unit in units.items()
                if unit is not None
            },
        }
        if self.intervals:
            facts["intervals"] = {name: list(bounds) for name, bounds in self.intervals.items()}
        if self._confusions:
            facts["labels"] = {
                what: {
                    "scores": [score._asdict() for score in confusion.scores()],
                    "confusion": {"labels": confusion.labels, "counts": confusion.matrix()},
                }
                for what, confusion in self._confusions.items()
            }
        if self._thresholds:
            facts["thresholds"] = {name: best._asdict() for name, best in self._thresholds.items()}
        return facts

    def _rows(self) -> list[list[Any]]:
        rows = []
        for name, value in self.scores.items():
            unit = self.task.unit(name)
            factor = 1 if unit is None else unit.factor
            words = ["", ""] if unit is None else [unit.name, unit.better]
            bounds: list[Any] = []
            if self.intervals:
                bounds = [bound * factor for bound in self.intervals.get(name, ())] or ["", ""]
            rows.append([name, value * factor, *words, *bounds])
        return rows


def _show_confusion(confusion: Confusion) -> None:
    if len(confusion.labels) <= _WIDEST:
        rows = zip(confusion.labels, confusion.matrix(), strict=True)
        table(["true \\ predicted", *confusion.labels], [[label, *counts] for label, counts in rows])
        return
    mistakes = confusion.mistakes(_MISTAKES)
    print(
        f"the {len(mistakes)} most frequent mistakes of {len(confusion.labels)} labels (--json has them all)"
    )
    table(("true", "predicted", "count"), mistakes)


def _percents(row: Sequence[Any]) -> list[str]:
    """Shares in percent, for people."""
    return [f"{100 * cell:.2f} %" if isinstance(cell, float) else str(cell) for cell in row]
