"""Vanilla, simplified GRU, GRU and LSTM on problems whose answer lies further and further back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from recurra.cells import GRU, LSTM, Cell, SimplifiedGRU, VanillaRNN
from recurra.errors import Fault
from recurra.inspect.finding import percent
from recurra.inspect.practice import memory_reach, score, train
from recurra.inspect.problems import PROBLEMS, LastAnswer, Problem, problem_named
from recurra.storage.fields import Fields
from recurra.storage.files import check_format, read_json, write_json

FORMAT = 1
CELLS: dict[str, Callable[[int, int], Cell]] = {
    "vanilla": VanillaRNN,
    "simplified_gru": SimplifiedGRU,
    "gru": GRU,
    "lstm": lambda inputs, hidden: LSTM(inputs, hidden, forget_bias=1.0),
}
HIDDEN, ROWS, RATE, CLIP = 32, 32, 5e-3, 1.0
SOLVED = 0.95
"""A problem is solved when this share of 500 fresh rows is answered rightly."""

_CHECKED_EVERY = 100  # updates
_FEWEST, _MOST = 10, 10_000  # steps


@dataclass(frozen=True)
class Training:
    """One network on one problem.

    Attributes:
        reach_start, reach_end: how many steps back its gradient stays above 1 %, before and after training.
        right: share of fresh rows that it answers at the end. updates: that it took.
    """

    problem: str
    steps: int
    cell: str
    seed: int
    reach_start: int
    reach_end: int
    right: float
    updates: int

    @property
    def solved(self) -> bool:
        return self.right >= SOLVED


@dataclass(frozen=True)
class Comparison:
    """All trainings so far.

    Attributes:
        total: how many were asked for; fewer are here where the time ran out.
    """

    trainings: tuple[Training, ...]
    total: int

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Columns and rows: medians over seeds, and how many of them solved the problem."""
        columns = ("problem", "steps", "cell", "reach at start", "reach at end", "right", "solved", "updates")
        groups: dict[tuple[str, int, str], list[Training]] = {}
        for each in self.trainings:
            groups.setdefault((each.problem, each.steps, each.cell), []).append(each)
        rows: list[tuple[str, ...]] = [
            (
                problem.replace("_", " "),
                f"{steps:,}",
                cell.replace("_", " "),
                f"{median(each.reach_start for each in group):g}",
                f"{median(each.reach_end for each in group):g}",
                percent(median(each.right for each in group)),
                f"{sum(each.solved for each in group)}/{len(group)}",
                f"{median(each.updates for each in group):g}",
            )
            for (problem, steps, cell), group in groups.items()
        ]
        return columns, rows

    def to_dict(self) -> dict[str, Any]:
        return {"total": self.total, "trainings": [asdict(each) for each in self.trainings]}

    def __str__(self) -> str:
        rest = self.total - len(self.trainings)
        text = f"{len(self.trainings)} of {self.total} trainings"
        return f"{text}; run it again, or with more minutes, for the rest" if rest else text


def compare(
    lengths: Sequence[int] = (10, 50),
    *,
    problems: Sequence[str] = tuple(PROBLEMS),
    cells: Sequence[str] = tuple(CELLS),
    seeds: int = 3,
    updates: int = 2000,
    minutes: float = 10.0,
    file: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Trains every cell on every problem at every length, short rows first, and says how far each reaches.

    Each network has 32 units (the LSTM a forget bias of 1) and is trained with Adam (rate 0.005, clipped at
    1, 32 rows an update) until 95 % of 500 fresh rows are answered rightly, or for `updates` updates.

    Args:
        lengths: steps of a row, 10 to 10,000.
        seeds: trainings of each kind.
        minutes: no longer; a training that the end cuts short does not count.
        file: a JSON file of what is done, written after each training, and gone on from.
        progress: called with a line after each training.

    Raises:
        Fault: an unknown problem or cell, a length out of bounds, a file of other settings.
    """
    wrong = next((steps for steps in lengths if not _FEWEST <= steps <= _MOST), None)
    if wrong is not None or not lengths:
        raise Fault(f"steps = {wrong}: expected {_FEWEST} to {_MOST:,} steps a row")
    unknown = next((cell for cell in cells if cell not in CELLS), None)
    if unknown is not None:
        raise Fault(f"no cell of the comparison is called {unknown!r}: it has {', '.join(CELLS)}")
    settings = {"hidden": HIDDEN, "rows": ROWS, "rate": RATE, "clip": CLIP, "updates": updates}
    past = {} if file is None else _past(Path(file), settings)
    keys = [
        (name, steps, cell, seed)
        for steps in sorted(set(lengths))
        for name in problems
        for cell in cells
        for seed in range(seeds)
    ]
    end = time.monotonic() + 60 * minutes
    for key in keys:
        if key in past:
            continue
        name, steps, cell, seed = key
        training = _train(problem_named(name), steps, cell, seed, updates, end)
        if training is None:
            break
        past[key] = training
        if file is not None:
            table = {"format": FORMAT, "settings": settings, "trainings": [asdict(t) for t in past.values()]}
            write_json(file, table)
        if progress is not None:
            what = "solved" if training.solved else "not solved"
            progress(
                f"{name}, {steps} steps, {cell}, seed {seed}: reach {training.reach_start} -> "
                f"{training.reach_end}, {percent(training.right)} right, {what} "
                f"after {training.updates} updates"
            )
    return Comparison(tuple(past[key] for key in keys if key in past), len(keys))


def _train(problem: Problem, steps: int, cell: str, seed: int, updates: int, end: float) -> Training | None:
    """None when the time is over."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LastAnswer(CELLS[cell](problem.inputs, HIDDEN), problem.outputs)
    reach_start = memory_reach(model, problem, steps)

    def stop(number: int) -> bool:
        return time.monotonic() > end or (
            number % _CHECKED_EVERY == 0 and score(model, problem, steps)[1] >= SOLVED
        )

    laps = train(model, problem, steps, updates, rate=RATE, clip=CLIP, rows=ROWS, seed=seed, stop=stop)
    if time.monotonic() > end:
        return None
    right = score(model, problem, steps)[1]
    reach_end = memory_reach(model, problem, steps)
    return Training(problem.name, steps, cell, seed, reach_start, reach_end, right, len(laps))


def _past(path: Path, settings: dict[str, Any]) -> dict[tuple[str, int, str, int], Training]:
    if not path.exists():
        return {}
    content = read_json(path)
    check_format(content, FORMAT, str(path))
    if content.get("settings") != settings:
        raise Fault(f"{path}: is of a comparison with other settings: choose another file")
    rows = content.get("trainings")
    if not isinstance(rows, list):
        raise Fault(f"{path}: has no list of trainings: it is damaged or from another version")
    past = {}
    for number, row in enumerate(rows):
        fields = Fields(row, f"{path}: training {number + 1}")
        training = Training(
            fields.text("problem"),
            fields.whole("steps"),
            fields.text("cell"),
            fields.whole("seed"),
            fields.whole("reach_start"),
            fields.whole("reach_end"),
            fields.number("right"),
            fields.whole("updates"),
        )
        past[training.problem, training.steps, training.cell, training.seed] = training
    return past
