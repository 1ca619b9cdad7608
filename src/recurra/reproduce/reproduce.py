"""Trains and measures figures again, cheapest first, and goes on where it stopped."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from recurra.errors import Fault
from recurra.reproduce.figures import Training
from recurra.reproduce.record import Record, new_record, read_record
from recurra.runs.folder import LAST, METRICS, load
from recurra.storage.toml_text import read_toml

Call = Callable[[Sequence[str]], None]
"""Runs a command, given by its words; the first is `recurra`."""


class Outcome(NamedTuple):
    """What became of one training.

    Attributes:
        record: None where it was left out, for the `reason`.
    """

    training: Training
    seed: int
    record: Record | None
    reason: str


def reproduce(
    trainings: Sequence[Training],
    folder: Path,
    *,
    seeds: int | None = None,
    hours: float | None = None,
    call: Call | None = None,
) -> Iterator[Outcome]:
    """Trains what has no figure yet, or one older than its recipe or its code, in the order given.

    A stale run is moved to `NAME/old`, not removed. A training that was interrupted is resumed.

    Args:
        folder: of all runs: `folder/NAME/seed-N`.
        seeds: trainings of each figure; without it as many as it wants.
        hours: no training is begun that would take longer than what is left of these; what trainings took
            so far, against what the table says, tells how fast this machine is.

    Raises:
        Fault: a training fails; those before it are kept.
    """
    start = time.monotonic()
    ratios: list[float] = []
    for seed in range(max((seeds or training.seeds for training in trainings), default=0)):
        for training in trainings:
            if seed >= (seeds or training.seeds):
                continue
            place = folder / training.name / f"seed-{seed}"
            record = read_record(place)
            stale = record and record.why_stale(training.recipe)
            new = [metric for metric in training.metrics if record and metric not in record.scores]
            if record is not None and stale is None and not new:
                yield Outcome(training, seed, record, "measured before")
                continue
            expected = 60 * training.minutes * (median(ratios) if ratios else 1)
            late = hours is not None and time.monotonic() - start + expected > 3600 * hours
            if late and (stale is not None or not (place / METRICS).exists()):
                yield Outcome(training, seed, None, f"wants {expected / 60:.0f} more minutes")
                continue
            if stale is not None:
                _put_aside(place)
            record = measure(training, place, seed, call or run_command)
            if record.seconds is not None:
                ratios.append(record.seconds / (60 * training.minutes))
            yield Outcome(training, seed, record, stale or (f"no {new[0]!r} was measured" if new else "new"))


def measure(training: Training, place: Path, seed: int, call: Call) -> Record:
    """Trains, or goes on with a training, and evaluates it; the record is written into its folder."""
    start = time.monotonic()
    seconds: float | None = None
    command = training.train_command(str(place), seed)
    if (place / LAST).is_dir():
        # a training that was cut off has figures of its validations, too; one that is over ends at once
        call(["recurra", "train", "--resume", "-o", str(place)])
    elif not (place / METRICS).exists():
        call(command)
        seconds = time.monotonic() - start
    task = load(place)
    scores = task.evaluate(training.data or None)
    missing = [metric for metric in training.metrics if metric not in scores]
    if missing:
        raise Fault(
            f"{training.name}: its evaluation has no {missing[0]!r}, only {', '.join(sorted(scores))}"
        )
    commands = [shlex.join(command), shlex.join(training.evaluate_command(str(place)))]
    record = new_record(
        task,
        training.recipe,
        read_toml(place / "recipe.toml"),
        seed=seed,
        scores=scores,
        seconds=seconds,
        commands=commands,
    )
    record.write(place)
    return record


def run_command(words: Sequence[str]) -> None:
    """In a process of its own, so that one training's memory is gone before the next begins."""
    result = subprocess.run([sys.executable, "-m", "recurra", *words[1:]], stdout=subprocess.DEVNULL)
    if result.returncode:
        raise Fault(f"{shlex.join(words)} ended with exit code {result.returncode}: see its message above")


def _put_aside(place: Path) -> None:
    number = 1
    while (target := place.parent / "old" / f"{place.name}-{number}").exists():
        number += 1
    target.parent.mkdir(exist_ok=True)
    place.rename(target)
