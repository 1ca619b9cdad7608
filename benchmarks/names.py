"""What a language model of names is worth beside n-grams, and how new its names are.

    recurra train names -o runs/names
    python benchmarks/names.py runs/names                      on test data
    python benchmarks/names.py runs/names --part validation

Of each name the letters and the end count, when its kind is read already. The n-grams are interpolated
(Witten and Bell, 1991) and count the same training names, those of all kinds or of each kind by itself. Of
each kind 200 names are drawn.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from recurra.cli.app import exit_code
from recurra.data.builtin.names import names
from recurra.runs.folder import load
from recurra.tasks import LanguageModelTask
from recurra.tasks.language_model.costs import as_window, token_costs
from recurra.tasks.parts.contexts import evaluating

BEGIN, END = "\N{START OF TEXT}", "\N{END OF TEXT}"
ORDERS = {"unigram": 1, "bigram": 2, "trigram": 3, "4-gram": 4, "5-gram": 5}


class NGrams:
    """P(c | n - 1 letters) = (count(letters, c) + followers * P(c | one letter less)) / (count(letters) +
    followers), where followers is how many different letters stand after them; at last all signs alike.
    """

    def __init__(self, texts: Sequence[str], order: int, signs: int) -> None:
        self.order, self.signs = order, signs
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for text in texts:
            for context, sign in self._places(text):
                for start in range(len(context) + 1):
                    self.counts[context[start:]][sign] += 1

    def nats(self, text: str) -> float:
        """-ln P of a text with its end."""
        return -sum(math.log(self._probability(*place)) for place in self._places(text))

    def _probability(self, context: str, sign: str) -> float:
        probability = 1 / self.signs
        for start in range(len(context), -1, -1):
            counts = self.counts.get(context[start:])
            if counts:
                followers = len(counts)
                probability = (counts[sign] + followers * probability) / (counts.total() + followers)
        return probability

    def _places(self, text: str) -> Iterator[tuple[str, str]]:
        whole = BEGIN + text + END
        return ((whole[max(0, k - self.order + 1) : k], whole[k]) for k in range(1, len(whole)))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--part", default="test", choices=("validation", "test"))
    options = parser.parse_args(arguments)
    task = load(options.run)
    assert isinstance(task, LanguageModelTask)
    train, other = _by_kind("train"), _by_kind(options.part)
    kinds = [*train]
    print("\t".join(("nats a letter", *kinds, "all")))
    costs = {"network": {kind: _network_nats(task, kind, other[kind]) for kind in kinds}}
    every = [name for listed in train.values() for name in listed]
    signs = len({*"".join(every)}) + 1
    for name, order in ORDERS.items():
        whole = NGrams(every, order, signs)
        costs[name] = {kind: sum(map(whole.nats, other[kind])) for kind in kinds}
    for name, order in ORDERS.items():
        apart = {kind: NGrams(train[kind], order, signs) for kind in kinds}
        costs[f"{name} of the kind"] = {kind: sum(map(apart[kind].nats, other[kind])) for kind in kinds}
    letters = {kind: sum(len(name) + 1 for name in other[kind]) for kind in kinds}
    for name, nats in costs.items():
        shares = [nats[kind] / letters[kind] for kind in kinds]
        shares.append(sum(nats.values()) / sum(letters.values()))
        print("\t".join((name, *(f"{share:.3f}" for share in shares))))
    print("\n" + "\t".join(("names drawn", *kinds, "all")))
    drawn = {kind: _drawn(task, kind, 200, seed) for seed, kind in enumerate(kinds)}
    known = {
        name
        for part in ("train", "validation", "test")
        for listed in _by_kind(part).values()
        for name in listed
    }
    rows = {"in no list": lambda name: name not in known, "in training": lambda name: name in every}
    for what, test in rows.items():
        shares = [sum(map(test, drawn[kind])) / len(drawn[kind]) for kind in kinds]
        print("\t".join((what, *(f"{share:.1%}" for share in (*shares, sum(shares) / len(shares))))))
    for kind in kinds:
        print(f"{kind}: {', '.join(list(dict.fromkeys(n for n in drawn[kind] if n not in known))[:10])}")
    return 0


def _by_kind(part: str) -> Mapping[str, list[str]]:
    examples = names(part=part)
    listed: dict[str, list[str]] = {}
    for kind, name in zip(examples["kind"], examples["name"], strict=True):
        listed.setdefault(kind, []).append(name)
    return listed


def _network_nats(task: LanguageModelTask, kind: str, listed: Sequence[str]) -> float:
    """-ln P of names with their ends, after their kind."""
    prompt = f"{kind}: "
    window = as_window([task.text.sentence(prompt + name) for name in listed])
    with evaluating(task.model):
        rows = window.targets.with_data(token_costs(task.model, window, None)[0]).to_list()
    return sum(float(row[len(prompt) :].sum()) for row in rows)


def _drawn(task: LanguageModelTask, kind: str, count: int, seed: int) -> list[str]:
    prompt = f"{kind}: "
    return [text.removeprefix(prompt) for text in task.sample(prompt, count=count, length=40, seed=seed)]


if __name__ == "__main__":
    raise SystemExit(exit_code(lambda: main(sys.argv[1:])))
