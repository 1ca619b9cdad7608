"""How many words a second trained dependency parsers read, on this machine.

    python benchmarks/parsing.py runs/afrikaans_dependencies runs/afrikaans_dependencies-arc_hybrid

For each run the recipe's validation sentences are parsed (read, encoded, decoded, labelled) `ROUNDS` times,
by turns with the other runs; a biaffine parser with each of its decoders. The best round counts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import get_args

import torch

import recurra
from recurra.cli.app import exit_code
from recurra.decode.trees.best import Decoder
from recurra.errors import Fault
from recurra.models import BiaffineParser
from recurra.tasks.parse.dependency.task import DependencyTask

ROUNDS = 5


def parsers(run: str) -> tuple[int, dict[str, Callable[[], object]]]:
    """How many words there are, and what parses them, by name."""
    task = recurra.load(run)
    if not isinstance(task, DependencyTask):
        raise Fault(f"{run}: a {task.name} run of another kind, expected a dependency parser's")
    sentences = task.data.validation.words
    model = task.model
    calls: dict[str, Callable[[], object]] = {}
    if isinstance(model, BiaffineParser):

        def by(decoder: Decoder) -> Callable[[], object]:
            def parse() -> object:
                model.decoder = decoder
                return task.parse(sentences)

            return parse

        calls |= {f"{run}, {decoder}": by(decoder) for decoder in get_args(Decoder)}
    else:
        calls[f"{run}, arc_hybrid"] = lambda: task.parse(sentences)
    return sum(map(len, sentences)), calls


def main(runs: Sequence[str]) -> int:
    if not runs:
        print(__doc__)
        return 2
    counts: dict[str, int] = {}
    calls: dict[str, Callable[[], object]] = {}
    for run in runs:
        words, parses = parsers(run)
        calls |= parses
        counts |= dict.fromkeys(parses, words)
    seconds = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = perf_counter()
            call()
            seconds[name] = min(seconds[name], perf_counter() - start)
    print(f"{torch.get_num_threads()} threads, {recurra.__version__}")
    for name, best in seconds.items():
        print(f"{name}: {counts[name] / best:,.0f} words a second ({counts[name]:,} words in {best:.2f} s)")
    return 0


if __name__ == "__main__":
    raise SystemExit(exit_code(lambda: main(sys.argv[1:])))
