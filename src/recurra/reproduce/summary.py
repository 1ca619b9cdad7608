"""All figures that were measured, as one table: means over seeds, their spread, their age."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from recurra.reproduce.figures import Figure, Mean, Table, Training
from recurra.reproduce.record import Record, change_since, read_record


def records_of(training: Training, folder: Path) -> list[Record]:
    """The records of a training's runs, by seed."""
    records = [read_record(place) for place in (folder / training.name).glob("seed-*")]
    return sorted((record for record in records if record is not None), key=lambda record: record.seed)


def summary(table: Table, folder: Path, old: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Every figure by its key, JSON-ready, in the table's order.

    Args:
        old: such rows; what is not in `folder` is as it is in them.
    """
    rows: dict[str, Any] = {}
    for training in table.trainings:
        records = records_of(training, folder)
        for figure in training.figures:
            key = key_of(training.name, figure)
            # a record of an earlier day may lack a metric that is asked for today
            complete = [record for record in records if record.scores.keys() >= set(figure.metric)]
            if complete:
                rows[key] = _row(training, figure, complete)
            elif old and key in old:
                rows[key] = {**old[key], **_about(training.subject, figure), "commands": training.commands()}
    means = {key_of(mean.name, mean.figure): row for mean in table.means if (row := _mean(mean, rows))}
    return rows | means


def key_of(name: str, figure: Figure) -> str:
    """What a figure is called among all."""
    return f"{name}/{'/'.join(figure.metric)}"


def _row(training: Training, figure: Figure, records: Sequence[Record]) -> dict[str, Any]:
    values = [[record.scores[metric] for metric in figure.metric] for record in records]
    newest = max(records, key=lambda record: record.date)
    seconds = [record.seconds for record in records if record.seconds is not None]
    return {
        **_about(training.subject, figure),
        **_statistics(values),
        "seeds": [record.seed for record in records],
        "data": training.data or "validation",
        "commands": training.commands(),
        "recipe": training.recipe,
        "seconds": median(seconds) if seconds else None,
        "date": min(record.date for record in records),
        "commit": newest.commit,
        "digests": {"recipe": newest.recipe, "modules": newest.modules},
        "machine": newest.machine,
    }


def _mean(mean: Mean, rows: Mapping[str, Any]) -> dict[str, Any] | None:
    """None until every part of it is measured."""
    keys = [f"{name}/{'/'.join(mean.figure.metric)}" for name in mean.over]
    parts = [rows.get(key) for key in keys]
    if not all(parts):
        return None
    measured = [part for part in parts if part is not None]
    seeds = min(len(part["values"]) for part in measured)
    values = [
        [fmean(part["values"][seed][place] for part in measured) for place in range(len(mean.figure.metric))]
        for seed in range(seeds)
    ]
    return {
        **_about(mean.subject, mean.figure),
        **_statistics(values),
        "seeds": [*range(seeds)],
        "over": keys,
        "commands": [f"recurra reproduce {' '.join(mean.over)}"],
        "date": min((part.get("date") or "" for part in measured), default=""),
    }


def _about(subject: str, figure: Figure) -> dict[str, Any]:
    return {"subject": subject, **figure.model_dump(mode="json")}


def _statistics(values: Sequence[Sequence[float]]) -> dict[str, Any]:
    columns = [*zip(*values, strict=True)]
    return {
        "values": [[*row] for row in values],
        "mean": [fmean(column) for column in columns],
        "spread": [stdev(column) for column in columns] if len(values) > 1 else None,
    }


def why_stale(row: Mapping[str, Any], rows: Mapping[str, Any]) -> str | None:
    """Why a figure is older than what it stands for; None for one that is not."""
    if "over" in row:
        reasons = [why_stale(rows[key], rows) for key in row["over"]]
        return next((reason for reason in reasons if reason), None)
    digests = row.get("digests")
    if not digests:
        return "no digest was recorded"
    return change_since(row["recipe"], digests["recipe"], digests["modules"])


def value_text(row: Mapping[str, Any]) -> str:
    """The measured value, with its spread over seeds, in the figure's unit."""
    scale = 100 if row["percent"] else 1
    digits = row["digits"]
    texts = []
    for place, value in enumerate(row["mean"]):
        text = f"{scale * value:.{digits}f}"
        if row["spread"]:
            text += f" ± {scale * row['spread'][place]:.{digits}f}"
        texts.append(text)
    return " / ".join(texts) + (" %" if row["percent"] else "")


def bar_text(row: Mapping[str, Any]) -> str:
    """What is to be reached; "" for a figure that only stands beside others."""
    if not row["reach"]:
        return ""
    sign = {"higher": ">= ", "lower": "<= ", "none": ""}[row["better"]]
    return sign + " / ".join(f"{bar:g}" for bar in row["reach"]) + (" %" if row["percent"] else "")


def holds(row: Mapping[str, Any]) -> bool | None:
    """Whether the mean over seeds reaches what is wanted, as shown, to the last digit; None without a bar."""
    if not row["reach"] or row["better"] == "none":
        return None
    scale = 100 if row["percent"] else 1
    pairs = zip(row["mean"], row["reach"], strict=True)
    if row["better"] == "higher":
        return all(scale * value >= bar for value, bar in pairs)
    return all(scale * value <= bar for value, bar in pairs)


def lines(rows: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """For a terminal: figure, wanted, measured, seeds, reached, age."""
    for row in rows.values():
        verdict = {True: "yes", False: "no", None: ""}[holds(row)]
        age = why_stale(row, rows)
        day = row.get("date") or "?"
        yield (
            row["what"],
            bar_text(row),
            value_text(row),
            str(len(row["values"])),
            verdict,
            f"stale: {age}" if age else day,
        )
