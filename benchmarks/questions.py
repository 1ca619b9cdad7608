"""Trains one model for each task of bAbI, and prints what they reach on test data.

    python benchmarks/questions.py runs/questions                   memory networks, 1,000 questions a task
    python benchmarks/questions.py runs/questions recurrent         the LSTM beside them
    python benchmarks/questions.py runs/questions entity            entity networks, 10,000 questions a task
    python benchmarks/questions.py runs/questions --tasks 1 2 --seeds 3
    python benchmarks/questions.py runs/questions --table           the table of those that are there

Of several seeds the one counts whose validation was best. Test data are looked at once, when a training is
over.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from recurra.cli.app import exit_code
from recurra.recipes import find_recipe
from recurra.runs import load
from recurra.storage.files import write_json
from recurra.train import read_recipe, train

ROOT = Path(__file__).resolve().parent.parent
RESULT = "test.json"
RECURRENT = (
    "model.kind=recurrent",
    "model.hidden=100",
    "model.embedding=50",
    "train.epochs=25",
    'train.optimiser={ name = "Adam", lr = 3e-3 }',  # plain descent is the memory network's
    "train.clip_norm=1.0",
)
# name -> recipe, changes, what the recipe sets that the model has not
MODELS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "memory": ("babi", (), ()),
    "recurrent": ("babi", RECURRENT, ("model.hops", "model.as_program", "model.linear_epochs")),
    "entity": ("babi_10k", (), ()),
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="*", default=["memory"], help=", ".join(MODELS))
    parser.add_argument("--tasks", type=int, nargs="*", default=list(range(1, 21)))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_intermixed_args(arguments)
    folder = options.folder.resolve()
    os.chdir(ROOT)  # where the paths of recipes start
    if not options.table:
        for model in options.models:
            for seed in range(options.seeds):
                for task in options.tasks:
                    if (model, task) != ("entity", 3):  # whose training data are not to be had
                        run(model, task, seed, folder)
    print("\n".join(table(folder)))
    return 0


def run(model: str, task: int, seed: int, folder: Path) -> None:
    """Trains and tests, unless that was done."""
    place = folder / f"{model}-{task}-{seed}"
    if (place / RESULT).exists():
        return
    name, changes, removals = MODELS[model]
    recipe = read_recipe(
        find_recipe(name), [*changes, f"data.common.task={task}", f"train.seed={seed}"], removals
    )
    trained = train(recipe, place, resume=place.exists(), quiet=True)
    test = dict(load(place).evaluate("test"))
    write_json(place / RESULT, {"dev": trained.best["metrics"], "test": test})
    dev = trained.best["metrics"]["accuracy"]
    print(f"{place.name}: dev {dev:.3f}, test {test['accuracy']:.3f}", flush=True)


def table(folder: Path) -> Iterator[str]:
    """The test accuracy of each task, and the mean, in percent."""
    best: dict[str, dict[int, dict[str, Any]]] = {}
    for path in folder.glob(f"*/{RESULT}"):
        model, task, _ = path.parent.name.split("-")
        result = json.loads(path.read_text())
        other = best.setdefault(model, {}).get(int(task))
        if other is None or result["dev"]["accuracy"] > other["dev"]["accuracy"]:
            best[model][int(task)] = result
    names = [name for name in MODELS if name in best]
    yield "\t".join(["task", *names])
    for task in range(1, 21):
        yield "\t".join([str(task), *(_percent(best[name].get(task)) for name in names)])
    for what in ("mean", "tasks"):
        cells = []
        for name in names:
            shares = [result["test"]["accuracy"] for result in best[name].values()]
            cells.append(f"{100 * sum(shares) / len(shares):.1f}" if what == "mean" else str(len(shares)))
        yield "\t".join([what, *cells])


def _percent(result: dict[str, Any] | None) -> str:
    return "" if result is None else f"{100 * result['test']['accuracy']:.1f}"


if __name__ == "__main__":
    raise SystemExit(exit_code(lambda: main(sys.argv[1:])))
