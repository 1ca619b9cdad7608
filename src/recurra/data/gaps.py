"""Time stamps that are missing from a series: told, cut at, or put in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from recurra.data.clocks import Moment
from recurra.data.examples import Place
from recurra.data.steps import Step
from recurra.data.times import Times
from recurra.errors import Fault

Gaps = Literal["error", "split", "allow", "fill"]
_MOST_FILLED = 100  # rows for each one that is there


def pieces(times: Times, places: Sequence[Place], step: Step | None, gaps: Gaps) -> list[tuple[int, int]]:
    """Where runs of regular steps begin and end; one run where irregular steps are allowed."""
    moments, clock = times
    if gaps == "allow" or step is None:
        return [(0, len(moments))]
    cuts = [0]
    for k in range(1, len(moments)):
        count = step.count(moments[k - 1], moments[k])
        if count == 1:
            continue
        if gaps == "error":
            raise Fault(
                f"{places[k]}: time stamp {clock.text(moments[k])} found after "
                f"{clock.text(moments[k - 1])}, expected {clock.text(step.ahead(moments[k - 1], 1, clock))}: "
                f"{_missing(count, step)}; add the rows, or set gaps = 'split' to begin anew there, "
                f"'allow' to take rows as evenly spaced, or 'fill' to have them made up"
            )
        cuts.append(k)
    return list(zip(cuts, [*cuts[1:], len(moments)], strict=True))


def without_gaps(
    times: Times, rows: Sequence[int], places: Sequence[Place], step: Step
) -> tuple[list[int], list[Moment]]:
    """Rows and moments of a series with one for every step: -1 for rows that are not there.

    Raises:
        Fault: a time stamp between two steps, or a gap of more than a hundred times the rows that are there.
    """
    moments, clock = times
    index, stamps = list(rows[:1]), list(moments[:1])
    for k in range(1, len(moments)):
        prev, now = moments[k - 1], moments[k]
        count = step.count(prev, now)
        if count is None or count < 1:
            raise Fault(
                f"{places[k]}: time stamp {clock.text(now)} found after {clock.text(prev)}: "
                f"{_missing(count, step)}; correct it, or remove the row"
            )
        if len(index) + count > _MOST_FILLED * (len(rows) + 1):
            raise Fault(
                f"{places[k]}: time stamp {clock.text(now)} found after {clock.text(prev)}: "
                f"{_missing(count, step)}, which are too many to fill; correct the stamp, or set "
                f"gaps = 'split'"
            )
        stamps += [step.ahead(prev, n, clock) for n in range(1, count)]
        index += [-1] * (count - 1)
        stamps.append(now)
        index.append(rows[k])
    return index, stamps


def following(index: Sequence[int]) -> list[int]:
    """For each row itself; for one that is not there (-1) the next that is."""
    answer, last = [], -1
    for row in reversed(index):
        last = row if row >= 0 else last
        answer.append(last)
    return answer[::-1]


def _missing(count: int | None, step: Step) -> str:
    if count is None or count < 1:
        return f"it does not fit the steps of the others ({step.describe()})"
    return "1 time stamp is missing" if count == 2 else f"{count - 1} time stamps are missing"
