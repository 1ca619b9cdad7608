"""Minimal pairs: of two sentences that differ in one thing, does a model find the right one likelier?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from recurra.data import Examples, columns, read
from recurra.data.text.tokenizers import RULES
from recurra.errors import Fault
from recurra.tasks.language_model.text import RunningText

CUTS: dict[str, Callable[[str], list[str]]] = {
    **RULES,
    "apostrophes": re.compile(r"['’]\w+|\w+(?:[.,]\w+)*|[^\w\s]").findall,
}
"""Ways to set the words of a sentence apart; "apostrophes" writes `don 't`, as WikiText does."""

RIGHT, WRONG = ("sentence_good", "good"), ("sentence_bad", "bad")
TEST, PHENOMENON = ("UID", "test"), ("linguistics_term", "phenomenon", "condition")
BOTH = "sentences"


class MinimalPair(NamedTuple):
    """Two sentences of which the first is right.

    Attributes:
        test: which kind of pair it is. phenomenon: what a group of tests is about; "" without groups.
    """

    right: str
    wrong: str
    test: str = ""
    phenomenon: str = ""


class TestScore(NamedTuple):
    """How a model did on the pairs of one test.

    Attributes:
        pairs, ties: how many; a tie counts as wrong.
        accuracy: share of the pairs whose right sentence is strictly likelier.
        words_known: pairs of which the model knows every word.
        accuracy_known: the accuracy on these; None where there are none.
    """

    phenomenon: str
    test: str
    pairs: int
    ties: int
    accuracy: float
    words_known: int
    accuracy_known: float | None


class PairScores(NamedTuple):
    """How a model did on a file of pairs.

    Attributes:
        tests: one for each test, in the file's order.
        cut: how words were set apart, a key of `CUTS`; None for tokens that are no words.
    """

    tests: list[TestScore]
    cut: str | None

    def rows(self) -> list[TestScore]:
        """Each test, then each phenomenon of several tests, then all: means over tests, as BLiMP counts."""
        groups: dict[str, list[TestScore]] = {}
        for test in self.tests:
            groups.setdefault(test.phenomenon, []).append(test)
        means = [_mean(name, "(mean)", tests) for name, tests in groups.items() if name and len(tests) > 1]
        whole = [_mean("all", "(mean)", self.tests)] if len(self.tests) > 1 else []
        return [*self.tests, *means, *whole]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"cut": self.cut, "tests": [row._asdict() for row in self.rows()]}


def read_pairs(path: str | Path) -> list[MinimalPair]:
    """Pairs of a file: JSON lines as BLiMP's (`sentence_good`, `sentence_bad`, `UID`, `linguistics_term`) or
    with `sentences`, a list whose first is right and stands against each of the others, `test` and
    `condition`; or a table with the columns `good`, `bad` and, where there are such, `test`, `phenomenon`.
    A pair of the same sentence twice, as BLiMP has one, is a tie.

    Raises:
        Fault: no such columns, or an empty sentence; with its line.
    """
    examples = read(path)
    names = [*examples.columns]
    test, phenomenon = (
        next((name for name in choices if name in names), None) for choices in (TEST, PHENOMENON)
    )
    pairs: list[MinimalPair] = []
    tests = columns.text(examples, test) if test else [""] * len(examples)
    groups = columns.text(examples, phenomenon) if phenomenon else [""] * len(examples)
    for place, sentences, name, group in zip(
        examples.places, _sentences(examples, path), tests, groups, strict=True
    ):
        right, *others = sentences
        for wrong in others:
            if not right.strip() or not wrong.strip():
                raise Fault(f"{place}: an empty sentence found, expected two different ones")
            pairs.append(MinimalPair(right, wrong, name, group))
    if not pairs:
        raise Fault(f"{path}: no pairs of sentences found")
    return pairs


def score_pairs(
    text: RunningText,
    pairs: Sequence[MinimalPair],
    log_probabilities: Callable[[Sequence[str]], Sequence[float]],
) -> PairScores:
    """Compares ln P of the two sentences of each pair.

    Args:
        log_probabilities: ln P of each of some sentences, whose words are set apart, ends included.
    """
    sentences = [*dict.fromkeys(sentence for pair in pairs for sentence in pair[:2])]
    cut, texts = cut_words(text, sentences)
    # rows of like length together: a batch is as long as its longest
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    totals = dict(
        zip(
            (sentences[index] for index in order),
            log_probabilities([texts[index] for index in order]),
            strict=True,
        )
    )
    familiar = {
        sentence: not _unknown(text, cut_text) for sentence, cut_text in zip(sentences, texts, strict=True)
    }
    groups: dict[tuple[str, str], list[MinimalPair]] = {}
    for pair in pairs:
        groups.setdefault((pair.phenomenon, pair.test), []).append(pair)
    return PairScores([_score(*names, group, totals, familiar) for names, group in groups.items()], cut)


def _first(choices: Sequence[str], names: Iterable[str]) -> str | None:
    return next((name for name in choices if name in names), None)


def _sentences(examples: Examples, path: str | Path) -> Iterator[list[str]]:
    names = examples.columns
    if BOTH in names:
        for place, row in zip(examples.places, columns.tokens(examples, BOTH), strict=True):
            if len(row) < 2:
                raise Fault(f"{place}: {len(row)} sentences found, expected two or more, the right one first")
            yield row
        return
    right, wrong = _first(RIGHT, names), _first(WRONG, names)
    if right is None or wrong is None:
        raise Fault(
            f"{path}: no columns of pairs found, expected {RIGHT[0]!r} and {WRONG[0]!r}, {RIGHT[1]!r} and "
            f"{WRONG[1]!r}, or {BOTH!r} with the right one first"
        )
    yield from map(list, zip(columns.text(examples, right), columns.text(examples, wrong), strict=True))


def cut_words(text: RunningText, sentences: Sequence[str]) -> tuple[str | None, list[str]]:
    """Sentences with their words set apart by blanks, in that one of the `CUTS` which leaves the fewest words
    unknown, and its name; None where tokens are no words.
    """
    if text.tokenizer.kind != "word":
        return None, [*sentences]
    ways = {name: [" ".join(cut(sentence)) for sentence in sentences] for name, cut in CUTS.items()}
    best = min(ways, key=lambda name: sum(_unknown(text, one) for one in ways[name]))
    return best, ways[best]


def _unknown(text: RunningText, sentence: str) -> int:
    """How many tokens of a sentence the model does not know; all of them where it has no sign for such."""
    try:
        ids = text.tokenizer.encode(sentence)
    except Fault:
        return len(text.tokenizer.split(sentence))
    return 0 if text.tokenizer.unknown is None else ids.count(text.tokenizer.unknown)


def _score(
    phenomenon: str,
    test: str,
    pairs: Sequence[MinimalPair],
    totals: Mapping[str, float],
    familiar: Mapping[str, bool],
) -> TestScore:
    right = [totals[pair.right] > totals[pair.wrong] for pair in pairs]
    ties = sum(totals[pair.right] == totals[pair.wrong] for pair in pairs)
    sure = [
        correct
        for pair, correct in zip(pairs, right, strict=True)
        if familiar[pair.right] and familiar[pair.wrong]
    ]
    return TestScore(
        phenomenon, test, len(pairs), ties, fmean(right), len(sure), fmean(sure) if sure else None
    )


def _mean(phenomenon: str, name: str, tests: Sequence[TestScore]) -> TestScore:
    sure = [test.accuracy_known for test in tests if test.accuracy_known is not None]
    return TestScore(
        phenomenon,
        name,
        sum(test.pairs for test in tests),
        sum(test.ties for test in tests),
        fmean(test.accuracy for test in tests),
        sum(test.words_known for test in tests),
        fmean(sure) if sure else None,
    )
