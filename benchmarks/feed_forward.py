"""What memory is worth: networks over a window of the last inputs beside recurrent ones.

    python benchmarks/feed_forward.py runs/feed_forward            trains what is missing, prints the table
    python benchmarks/feed_forward.py runs/feed_forward --table    the table of what is there

Three recipes, with the cell `input_window` in place of the recurrent one and otherwise the same settings.
Words: a window of 2 has as many weights as the plain recurrent cell, one of 8 as many as the LSTM. Chords and
the adding problem: all rows have about the same number of weights. Figures are of the validation part.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from commands import output

from recurra.cli.app import exit_code
from recurra.runs.folder import load
from recurra.storage.files import write_json

ROOT = Path(__file__).resolve().parent.parent
WORDS = ("train.steps=400", "model.softmax_draws=2048", "data.rank_shuffled=0")
CHORDS, SUMS = ("train.epochs=80",), ("train.epochs=4",)


class Subject(NamedTuple):
    """A recipe with some settings, and the metric that is printed of it."""

    recipe: str
    metric: str
    settings: tuple[str, ...]


SUBJECTS = {
    "words": Subject("word-lm", "perplexity", WORDS),
    "chords": Subject("jsb", "nll", CHORDS),
    "adding": Subject("adding", "mse", SUMS),
}


class Row(NamedTuple):
    """One network of a subject: its cell, width, and of a window how many inputs it reads."""

    subject: str
    cell: str
    hidden: int
    steps: int | None = None

    @property
    def name(self) -> str:
        """Of its folder."""
        window = "" if self.steps is None else f"-{self.steps}"
        return f"{self.subject}-{self.cell}{window}"

    def changes(self) -> Iterator[str]:
        """Of the recipe."""
        yield from SUBJECTS[self.subject].settings
        yield from (f"model.cell={self.cell}", f"model.hidden={self.hidden}")
        if self.steps is not None:
            yield f"model.cell_options={{ steps = {self.steps} }}"


ROWS = (
    *(Row("words", "input_window", 256, steps) for steps in (2, 4, 8)),
    Row("words", "vanilla", 256),
    Row("words", "lstm", 256),
    Row("chords", "input_window", 129, 1),
    Row("chords", "input_window", 87, 2),
    Row("chords", "gru", 46),
    Row("adding", "input_window", 1000, 8),
    Row("adding", "lstm", 64),
)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--subject", choices=SUBJECTS, help="of one subject alone")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args(arguments)
    folder = options.folder.resolve()
    rows = [row for row in ROWS if options.subject in (None, row.subject)]
    if not options.table:
        for row in rows:
            train(folder / row.name, row)
    print("\n".join(table(folder, rows)))
    return 0


def train(place: Path, row: Row) -> None:
    """Trains a network, unless that was done."""
    if (place / "row.json").exists():
        return
    changes = (part for change in row.changes() for part in ("--set", change))
    begin = monotonic()
    output("train", SUBJECTS[row.subject].recipe, "-o", str(place), *changes)
    seconds = monotonic() - begin
    weights = sum(weight.numel() for weight in load(place).model.parameters())
    metrics = json.loads((place / "metrics.json").read_text())["best"]["metrics"]
    write_json(place / "row.json", {"weights": weights, "seconds": seconds, "metrics": metrics})


def table(folder: Path, rows: Sequence[Row]) -> Iterator[str]:
    """For each network its weights, the seconds of its training, and its figure."""
    yield "\t".join(("subject", "cell", "inputs read", "weights", "seconds", "metric", "figure"))
    for row in rows:
        path = folder / row.name / "row.json"
        if not path.exists():
            continue
        result = json.loads(path.read_text())
        metric = SUBJECTS[row.subject].metric
        reach = "all" if row.steps is None else str(row.steps)
        numbers = (f"{result['weights']:,}", f"{result['seconds']:.0f}")
        yield "\t".join((row.subject, row.cell, reach, *numbers, metric, f"{result['metrics'][metric]:.4g}"))


if __name__ == "__main__":
    raise SystemExit(exit_code(lambda: main(sys.argv[1:])))
