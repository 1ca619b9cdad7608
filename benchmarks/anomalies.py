"""How well a forecaster's surprise tells what is wrong with a series, beside two simple scores.

    python benchmarks/anomalies.py runs/anomalies                      trains the forecaster if it is missing
    python benchmarks/anomalies.py runs/anomalies --part validation

Into the test part of ETTh1, seven columns an hour, faults are put by seed, each kind into a copy of its own:

    spike   one column is off for one hour, by 1 to 3 deviations of its training part
    stuck   one column stays where it is for 24 hours
    drift   one column leaves over 24 hours, to 2 deviations off
    swap    two columns are exchanged for 24 hours

Every score is of one hour, made of what came before it, faults included:

    surprise    -ln of the density that the recipe `etth1`, one hour ahead, gives to what came (`--anomalies`)
    change      the distance from the hour before
    yesterday   the distance from the same hour of the day before

Distances are means over columns of the squared difference, in deviations of such differences in the training
part, which is the surprise of a random walk. Told are the area under the curve of true against false alarms
(50: chance), and the share of faulty hours among the k highest scores, where k hours are faulty. Of five
seeds: mean and least.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from commands import output
from numpy.typing import NDArray

from recurra.cli.app import exit_code
from recurra.data import columns, read
from recurra.runs.folder import load
from recurra.tasks import ForecastTask

ROOT = Path(__file__).resolve().parent.parent
CHANGES = ("data.horizon=1", "data.context=48", "model.output=gaussian", "model.anchor=last")
TARGETS = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
SPLIT = (8640, 2880, 2880)
DAY, CONTEXT, EVENTS = 24, 48, 30
Numbers = NDArray[np.float64]
Damage = Callable[[Numbers, int, random.Random, Numbers], int]
"""Changes rows `[N, columns]` from a place on, in place, and tells how many; the last argument: the columns'
deviations."""


class Result(NamedTuple):
    """Of a score: the area, and the precision at k."""

    area: float
    precision: float


def spike(rows: Numbers, at: int, draw: random.Random, deviations: Numbers) -> int:
    column = draw.randrange(rows.shape[1])
    rows[at, column] += draw.choice((-1, 1)) * draw.uniform(1, 3) * deviations[column]
    return 1


def stuck(rows: Numbers, at: int, draw: random.Random, deviations: Numbers) -> int:
    column = draw.randrange(rows.shape[1])
    rows[at : at + DAY, column] = rows[at - 1, column]
    return DAY


def drift(rows: Numbers, at: int, draw: random.Random, deviations: Numbers) -> int:
    column, side = draw.randrange(rows.shape[1]), draw.choice((-1, 1))
    rows[at : at + DAY, column] += side * np.linspace(0, 2, DAY + 1)[1:] * deviations[column]
    return DAY


def swap(rows: Numbers, at: int, draw: random.Random, deviations: Numbers) -> int:
    one, other = draw.sample(range(rows.shape[1]), 2)
    rows[at : at + DAY, [one, other]] = rows[at : at + DAY, [other, one]]
    return DAY


KINDS: dict[str, Damage] = {"spike": spike, "stuck": stuck, "drift": drift, "swap": swap}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--part", default="test", choices=("validation", "test"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args(arguments)
    place = options.folder.resolve() / "forecaster"
    if not (place / "metrics.json").exists():
        changes = [part for change in CHANGES for part in ("--set", change)]
        output("train", "etth1", "-o", str(place), *changes)
    task = load(place)
    assert isinstance(task, ForecastTask)
    print("\t".join(("fault", "score", "area", "least", "precision at k", "least")))
    for kind, results in measured(task, options.part, range(options.seeds)).items():
        for score, each in results.items():
            areas, precisions = ([100 * one[k] for one in each] for k in (0, 1))
            cells = (np.mean(areas), min(areas), np.mean(precisions), min(precisions))
            print("\t".join((kind, score, *(f"{cell:.1f}" for cell in cells))))
    return 0


def measured(task: ForecastTask, part: str, seeds: Sequence[int]) -> dict[str, dict[str, list[Result]]]:
    """For each kind of fault, of each score, the result of each seed."""
    table = read(ROOT.parent / "shared/data/ett/ETTh1.csv.gz")
    values = columns.numbers(table, *TARGETS).numpy().astype(np.float64)
    train = values[: SPLIT[0]]
    first = SPLIT[0] + (SPLIT[1] if part == "test" else 0)
    begin, end = first - CONTEXT, first + SPLIT[2 if part == "test" else 1]
    times = table["date"][begin:end]
    finder = task.anomalies(0.99)

    def surprise(rows: Numbers) -> Numbers:
        cells = {"date": times, **{name: rows[:, k].tolist() for k, name in enumerate(TARGETS)}}
        (answer,) = finder.answers([finder.row(cells)])
        return np.array(answer["series"][0]["surprise"])

    scores: Mapping[str, Callable[[Numbers], Numbers]] = {
        "surprise": surprise,
        "change": lambda rows: distance(rows, train, 1)[CONTEXT:],
        "yesterday": lambda rows: distance(rows, train, DAY)[CONTEXT:],
    }
    results: dict[str, dict[str, list[Result]]] = {}
    for kind, fault in KINDS.items():
        results[kind] = {score: [] for score in scores}
        for seed in seeds:
            rows, faulty = spoilt(values[begin:end], fault, f"{kind}:{seed}", train.std(0))
            for score, function in scores.items():
                results[kind][score].append(result(function(rows), faulty[CONTEXT:]))
    return results


def spoilt(rows: Numbers, fault: Damage, seed: str, deviations: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
    """A copy with faults, evenly drawn over it without overlap, and which rows are faulty."""
    draw, copy, faulty = random.Random(seed), rows.copy(), np.zeros(len(rows), bool)
    room = (len(rows) - CONTEXT) // EVENTS
    for event in range(EVENTS):
        at = CONTEXT + event * room + draw.randrange(room - DAY)
        faulty[at : at + fault(copy, at, draw, deviations)] = True
    return copy, faulty


def distance(rows: Numbers, train: Numbers, steps: int) -> Numbers:
    """`[N]`: of each row from the one so many steps before; the first ones are 0."""
    scale = (train[steps:] - train[:-steps]).std(0)
    far = (((rows[steps:] - rows[:-steps]) / scale) ** 2).mean(1)
    return np.concatenate([np.zeros(steps), far])


def result(scores: Numbers, faulty: NDArray[np.bool_]) -> Result:
    """The area by ranks, ties counting half (Mann and Whitney, 1947)."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    wrong, right = int(faulty.sum()), int((~faulty).sum())
    area = (ranks[faulty].sum() - wrong * (wrong + 1) / 2) / (wrong * right)
    highest = np.argsort(-scores, kind="stable")[:wrong]
    return Result(float(area), float(faulty[highest].mean()))


if __name__ == "__main__":
    raise SystemExit(exit_code(lambda: main(sys.argv[1:])))
