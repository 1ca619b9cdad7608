"""Trains recursive networks on trees, with flat ones beside them, and prints what they reach on test data.

    python benchmarks/trees.py runs/trees                  every training that is not there yet, one by one
    python benchmarks/trees.py runs/trees --seeds 1 sst    the first seed of those whose name begins so
    python benchmarks/trees.py runs/trees --table          the table of those that are there

A training that was interrupted is resumed. Test data are looked at once, when a training is over; settings
of recipes, and those below, were chosen on development data alone.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, pstdev
from typing import Any, NamedTuple

from recurra.storage.files import write_json

ROOT = Path(__file__).resolve().parent.parent
SST = "../shared/data/sst"
GLOVE = "../shared/data/glove/glove.6b.50d.txt.gz"
RESULT = "test.json"


class Case(NamedTuple):
    """A model, `recurra train RECIPE` with changes, and its test, `recurra evaluate --data DATA`."""

    name: str
    recipe: str
    data: str
    changes: tuple[str, ...] = ()


FLAT = (f"model.embeddings='{GLOVE}'", "data.common.plain=true")
FLAT_FIVE = (f"model.embeddings='{GLOVE}'", "data.common={format='trees',plain=true}")
# what differs from the recipe for a cell
CELLS = {
    "recursive": ("model.cell=recursive", "model.hidden=100"),
    "rntn": ("model.cell=rntn", "model.hidden=40"),
    "tree_lstm": (),
}
CASES = (
    *(Case(f"sst5-{cell}", "sst_trees", "test", changes) for cell, changes in CELLS.items()),
    Case("sst5-bilstm", "sentiment", f"{SST}/test.txt", FLAT_FIVE),
    *(Case(f"sst2-{cell}", "sst_trees_binary", "test", changes) for cell, changes in CELLS.items()),
    Case("sst2-bilstm", "sentiment", f"{SST}/test.txt", FLAT),
    Case("logic-tree_lstm", "prop_logic", "test"),
    Case("logic-recursive", "prop_logic", "test", ("model.cell=recursive",)),
    Case("logic-lstm", "prop_logic", "test", ("model.kind=recurrent", "model.cell=lstm")),
)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="cases, or how their names begin")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_intermixed_args(arguments)
    if not options.table:
        for seed in range(options.seeds):
            for case in CASES:
                if not options.names or any(case.name.startswith(name) for name in options.names):
                    run(case, seed, options.folder.resolve())
    print("\n".join(table(options.folder)))
    return 0


def run(case: Case, seed: int, folder: Path) -> None:
    """Trains and tests, unless that was done."""
    place = folder / f"{case.name}-{seed}"
    if (place / RESULT).exists():
        return
    if (place / "last").is_dir():
        call("train", "--resume", "-o", str(place))
    else:
        changes = (*case.changes, f"train.seed={seed}")
        call("train", case.recipe, "-o", str(place), *(part for c in changes for part in ("--set", c)))
    dev, test = (
        call("evaluate", str(place), "--json"),
        call("evaluate", str(place), "--data", case.data, "--json"),
    )
    write_json(place / RESULT, {"dev": json.loads(dev), "test": json.loads(test)})
    print("\n".join(table(folder)), flush=True)


def call(*arguments: str) -> str:
    """The last line that `recurra` prints with these arguments, from the project's root."""
    print(f"recurra {shlex.join(arguments)}", flush=True)
    command = [sys.executable, "-m", "recurra.cli", *arguments]
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return (result.stdout.strip().splitlines() or [""])[-1]


def table(folder: Path) -> Iterator[str]:
    """For each case the accuracies in percent: mean and spread over its seeds."""
    yield "case\tseeds\tdev\ttest\tspread\tby operators, 7 to 12"
    for case in CASES:
        paths = [path / RESULT for path in sorted(folder.glob(f"{case.name}-*")) if (path / RESULT).exists()]
        results: list[dict[str, Any]] = [json.loads(path.read_text()) for path in paths]
        if not results:
            continue
        dev, test = ([100 * each[part]["accuracy"] for each in results] for part in ("dev", "test"))
        keys = [f"accuracy_operators_{count}" for count in range(7, 13)]
        counts = [
            f"{100 * mean(each['test'][key] for each in results):.1f}"
            for key in keys
            if key in results[0]["test"]
        ]
        row = case.name, len(results), f"{mean(dev):.2f}", f"{mean(test):.2f}", f"{pstdev(test):.2f}"
        yield "\t".join(map(str, (*row, " ".join(counts))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
