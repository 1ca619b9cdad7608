"""`recurra runs`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Dark, Json
from recurra.cli.output import emit, table
from recurra.errors import Fault

_MOST = 8  # settings of a row; --json gives all


class Order(StrEnum):
    """What runs are sorted by; see `recurra.reports.compare.ORDERS`."""

    name = "name"
    task = "task"
    score = "score"
    steps = "steps"
    time = "time"
    date = "date"


def runs(
    folder: Annotated[Path, typer.Argument(help="Where runs lie, in it or below it.")] = Path("runs"),
    order: Annotated[
        Order,
        typer.Option("--sort", help="By name or task; best score, most steps, longest, or latest first."),
    ] = Order.name,
    picture: Annotated[
        Path | None, typer.Option(help="Draw the validation scores over steps too: a .png, .svg or .pdf.")
    ] = None,
    dark: Dark = False,
    as_json: Json = False,
) -> None:
    """Compare runs: scores, steps, times, and in which settings those of one task differ."""
    from recurra.reports.compare import differences, in_order, read_runs
    from recurra.reports.plots import curves
    from recurra.storage.figures import check_ending, save_figure

    if picture is not None:
        check_ending(picture)
    rows = in_order(read_runs(folder), order.value)
    changes = differences(rows)
    if picture is not None:
        scored = {row.name: row for row in rows if row.value is not None}
        if not scored:
            raise Fault(f"{folder}: no run has been validated yet: there is no curve to draw")
        logs = {name: row.log for name, row in scored.items()}
        save_figure(curves(logs, {name: row.metric for name, row in scored.items()}, dark), picture)
    if as_json:
        emit([row.to_dict(own) for row, own in zip(rows, changes, strict=True)])
        return
    columns = ("name", "task", "score", "steps", "time", "date", "differs in")
    lines = []
    for row, own in zip(rows, changes, strict=True):
        score = "" if row.value is None else f"{row.metric} {row.value:.4f}"
        date = row.date.strftime("%Y-%m-%d %H:%M")
        more = f", and {len(own) - _MOST} more" if len(own) > _MOST else ""
        settings = ", ".join(f"{key} = {value}" for key, value in list(own.items())[:_MOST])
        last = row.note or f"{settings}{more}"
        lines.append((row.name, row.task, score, f"{row.steps:,}", _duration(row.seconds), date, last))
    table(columns, lines)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
