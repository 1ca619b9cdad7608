"""Language models of one text and one vocabulary, from 5-grams to LSTMs, judged on minimal pairs.

    python benchmarks/agreement.py runs/agreement            trains what is missing, judges, prints the table
    python benchmarks/agreement.py runs/agreement --table    the table of what is there

Each network is the recipe `wikitext2` with another cell; a run of its own may lie in the folder as `lstm`.
The 5-gram model (Kneser-Ney, interpolated, three discounts: Chen and Goodman, 1999) counts the same
training text with the same words.
Accuracies are means over tests, of all pairs and of those whose words are all known; a tie counts as wrong.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from commands import last_line
from numpy.typing import NDArray

from recurra.cli.app import exit_code
from recurra.runs.folder import load
from recurra.storage.files import write_json
from recurra.tasks import LanguageModelTask
from recurra.tasks.language_model.minimal_pairs import read_pairs, score_pairs

ROOT = Path(__file__).resolve().parent.parent
PAIRS = ROOT.parent / "shared/data/blimp/blimp.jsonl.gz"
TEST = ROOT.parent / "shared/data/wikitext2/test.txt.gz"
CELLS = ("vanilla", "gru", "lstm")
AGREEMENT = "subject_verb_agreement"
Ids = NDArray[np.int64]


class NGrams:
    """A Kneser-Ney model: P(w | n - 1 words) = max(c - D(c), 0) / c(context) + rest * P(w | one word less).

    Args:
        ids: `[N]`, the text. size: how many ids there are.
    """

    def __init__(self, ids: Ids, size: int, order: int = 5) -> None:
        self.size = size
        grams = [ids]
        self.keys: list[Ids] = [np.arange(size)]
        for length in range(2, order + 1):
            keys = grams[-1][:-1] * size + ids[length - 1 :]
            unique, inverse = np.unique(keys, return_inverse=True)
            self.keys.append(unique)
            grams.append(inverse)
        self.counts = [np.bincount(grams[-1], minlength=len(self.keys[-1]))]
        for length in range(order - 1, 0, -1):
            # how many different words stand before it
            _, first = np.unique(grams[length], return_index=True)
            self.counts.insert(
                0, np.bincount(grams[length - 1][first + 1], minlength=len(self.keys[length - 1]))
            )
        self.discounts = [_discounts(counts) for counts in self.counts]
        self.totals, self.rests = [], []
        for length in range(order):
            counts, share = self.counts[length], self.discounts[length][np.minimum(self.counts[length], 3)]
            contexts = self.keys[length] // size if length else np.zeros(size, np.int64)
            above = len(self.keys[length - 1]) if length else 1
            total = np.bincount(contexts, counts, above)
            self.totals.append(total)
            self.rests.append(np.bincount(contexts, share, above) / np.maximum(total, 1))

    def log_probabilities(self, ids: Ids) -> NDArray[np.float64]:
        """ln P `[N - 1]` of each id but the first, given all before it."""
        probability = np.full(len(ids), 1 / self.size)
        grams = contexts = np.zeros(len(ids), np.int64)
        for length, (keys, counts) in enumerate(zip(self.keys, self.counts, strict=True)):
            if length:
                # an n-gram's context is the one that is a word shorter and ends a word before
                contexts = np.concatenate([[-1], grams[:-1]])
            key = contexts * self.size + ids
            places = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
            grams = np.where((contexts >= 0) & (ids >= 0) & (keys[places] == key), places, -1)
            count = np.where(grams >= 0, counts[grams], 0)
            total = np.where(contexts >= 0, self.totals[length][contexts], 0)
            rest = np.maximum(count - self.discounts[length][np.minimum(count, 3)], 0)
            share = rest / np.maximum(total, 1) + self.rests[length][contexts] * probability
            probability = np.where(total > 0, share, probability)
        return np.log(probability[1:])


def _discounts(counts: Ids) -> NDArray[np.float64]:
    """What is taken off a count of 0, 1, 2, and 3 or more."""
    one, two, three, four = (max(int((counts == count).sum()), 1) for count in (1, 2, 3, 4))
    y = one / (one + 2 * two)
    return np.array([0, 1 - 2 * y * two / one, 2 - 3 * y * three / two, 3 - 4 * y * four / three])


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args(arguments)
    folder = options.folder.resolve()
    if not options.table:
        for cell in CELLS:
            train(folder / cell, cell, options.steps)
        count_words(folder)
    print("\n".join(table(folder)))
    return 0


def train(place: Path, cell: str, steps: int) -> None:
    """Trains a network and judges it, unless that was done."""
    result = place / "pairs.json"
    if result.exists():
        return
    resumed = (place / "last").is_dir()
    if resumed or not (place / "metrics.json").exists():
        changes = (f"model.cell={cell}", f"train.steps={steps}", f"train.validate_every={steps}")
        last_line(
            *(
                ("train", "--resume", "-o", str(place))
                if resumed
                else ("train", "wikitext2", "-o", str(place))
            ),
            *(part for change in changes if not resumed for part in ("--set", change)),
        )
    scores = json.loads(last_line("evaluate", str(place), "--pairs", str(PAIRS), "--json"))
    test = json.loads(last_line("evaluate", str(place), "--data", str(TEST), "--json"))
    write_json(result, {"perplexity": test["perplexity"], **scores})


def count_words(folder: Path) -> None:
    """The same for the 5-gram model, which has the networks' vocabulary."""
    result = folder / "5-gram" / "pairs.json"
    if result.exists():
        return
    task = load(folder / CELLS[-1])
    assert isinstance(task, LanguageModelTask)
    text = task.text
    stream = np.concatenate([text.stream(one).numpy() for one in task.corpus.train])
    model = NGrams(stream, len(text.tokenizer))

    def log_probabilities(sentences: Sequence[str]) -> list[float]:
        # no context reaches over the -1
        rows = [np.array([-1, text.boundary, *text.sentence(one)[1].tolist()]) for one in sentences]
        costs = model.log_probabilities(np.concatenate(rows))
        starts = np.cumsum([0, *map(len, rows)])
        # neither it nor the boundary that a sentence begins with is predicted
        return [float(costs[start + 1 : stop - 1].sum()) for start, stop in pairwise(starts)]

    test = np.concatenate([text.stream(one).numpy() for one in task.corpus.select(TEST).examples])
    perplexity = math.exp(-model.log_probabilities(np.concatenate([[text.boundary], test])).mean())
    scores = score_pairs(text, read_pairs(PAIRS), log_probabilities)
    result.parent.mkdir(parents=True, exist_ok=True)
    write_json(result, {"perplexity": perplexity, **scores.to_dict()})


def table(folder: Path) -> Iterator[str]:
    """For each model its perplexity and its shares of right pairs in percent."""
    yield "\t".join(("model", "perplexity", "subject-verb", "words known", "of pairs", "all", "words known"))
    for name in ("5-gram", *CELLS):
        path = folder / name / "pairs.json"
        if not path.exists():
            continue
        result: dict[str, Any] = json.loads(path.read_text())
        means = {row["phenomenon"]: row for row in result["tests"] if row["test"] == "(mean)"}
        verbs, whole = means[AGREEMENT], means["all"]
        shares = (verbs["accuracy"], verbs["accuracy_known"], verbs["words_known"] / verbs["pairs"])
        shares += (whole["accuracy"], whole["accuracy_known"])
        yield "\t".join([name, f"{result['perplexity']:.1f}", *(f"{100 * share:.1f}" for share in shares)])


if __name__ == "__main__":
    raise SystemExit(exit_code(lambda: main(sys.argv[1:])))
