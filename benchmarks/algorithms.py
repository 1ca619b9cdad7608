"""Trains machines with a memory on problems that are drawn, and prints what they reach by length.

    python benchmarks/algorithms.py runs/algorithms            every training that is not there yet
    python benchmarks/algorithms.py runs/algorithms copy       those whose name begins so
    python benchmarks/algorithms.py runs/algorithms --table    the table of those that are there

Test rows are drawn apart from those to train and to validate on, and looked at once, when a training is over;
settings of recipes, and those below, were chosen on rows to validate on alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from commands import last_line

from recurra.cli.app import exit_code
from recurra.storage.files import write_json

ROOT = Path(__file__).resolve().parent.parent
RESULT = "test.json"


class Case(NamedTuple):
    """A model, `recurra train RECIPE` with changes."""

    name: str
    recipe: str
    changes: tuple[str, ...] = ()


CASES = (
    Case("copy-ntm", "copy"),
    Case("copy-lstm", "copy", ("model.cell=lstm", "model.cell_options={}", "model.hidden=256")),
    Case("recall-ntm", "recall"),
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
    for name in options.names:
        if not any(case.name.startswith(name) for case in CASES):
            parser.error(f"no case begins with {name!r}: {', '.join(case.name for case in CASES)}")
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
    start = time.perf_counter()
    if (place / "last").is_dir():
        last_line("resume", str(place))
    else:
        changes = (*case.changes, f"train.seed={seed}")
        last_line("train", case.recipe, "-o", str(place), *(part for c in changes for part in ("--set", c)))
    seconds = time.perf_counter() - start
    test = json.loads(last_line("evaluate", str(place), "--data", "test", "--json"))
    write_json(place / RESULT, {"test": test, "seconds": seconds})
    print("\n".join(table(folder)), flush=True)


def table(folder: Path) -> Iterator[str]:
    """For each case: seconds of a training, and by length the wrong bits of a row, mean and worst of its
    seeds, and the share of rows without any.
    """
    yield "case\tseeds\tseconds\tlength: wrong bits, mean (worst), exact rows"
    for case in CASES:
        paths = [path / RESULT for path in sorted(folder.glob(f"{case.name}-*")) if (path / RESULT).exists()]
        results: list[dict[str, Any]] = [json.loads(path.read_text()) for path in paths]
        if not results:
            continue
        columns = []
        for key in results[0]["test"]:
            if key.startswith("wrong@"):
                length = key.removeprefix("wrong@")
                bits = [each["test"][key] for each in results]
                exact = mean(each["test"][f"exact@{length}"] for each in results)
                columns.append(f"{length}: {mean(bits):.2f} ({max(bits):.2f}) {100 * exact:.1f} %")
        seconds = mean(each["seconds"] for each in results)
        yield "\t".join([case.name, str(len(results)), f"{seconds:.0f}", *columns])


if __name__ == "__main__":
    raise SystemExit(exit_code(lambda: main(sys.argv[1:])))
