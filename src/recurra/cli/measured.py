"""Figures of an evaluation, for people and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.cli.output import emit, table
from recurra.tasks.base import Task
from recurra.tasks.parts.measurement import Measurement

Intervals = Mapping[str, tuple[float, float]]


def show(task: Task, measurement: Measurement, intervals: Intervals, as_json: bool) -> None:
    """Prints which data was measured and a line for each figure: its value, unit, whether higher or lower is
    better, and its interval where there are any; or all of that as one line of JSON.
    """
    if as_json:
        emit(facts(task, measurement, intervals))
        return
    print(measurement.describe)
    columns = ["name", "value", "unit", "better", *(["from", "to"] if intervals else [])]
    rows = []
    for name, value in measurement.scores.items():
        unit = task.unit(name)
        times = 1 if unit is None else unit.factor
        bounds = [bound * times for bound in intervals[name]] if name in intervals else ["", ""]
        words = ["", ""] if unit is None else [unit.name, unit.better]
        rows.append([name, value * times, *words, *(bounds if intervals else [])])
    table(columns, rows)


def facts(task: Task, measurement: Measurement, intervals: Intervals) -> dict[str, Any]:
    """The figures by their names, and besides `data`, `units` and `intervals`."""
    scores = measurement.scores
    units = {name: task.unit(name) for name in scores}
    data: dict[str, Any] = {"split": measurement.part or None, "source": measurement.source}
    if measurement.count:
        data |= {"count": measurement.count, "unit": measurement.unit, "held_out": measurement.held_out}
    return {
        **scores,
        "data": {**data, "described": measurement.describe},
        "units": {
            name: {
                "unit": "share" if unit.factor == 100 else unit.name,
                "better": unit.better or None,
            }
            for name, unit in units.items()
            if unit is not None
        },
        **({"intervals": {name: list(bounds) for name, bounds in intervals.items()}} if intervals else {}),
    }
