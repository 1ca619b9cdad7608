"""How good spans are, counted as SQuAD's own script does (Rajpurkar et al., 2016)."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Collection, Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_MARKS = {ord(mark): None for mark in string.punctuation}


def normal(text: str) -> str:
    """Lower case, without marks of ASCII, then without articles, one blank between words."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_MARKS)).split())


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """1 where the answer is one of the golds, all of them brought to a normal form; 0 for no gold."""
    return max((float(normal(answer) == normal(gold)) for gold in golds), default=0.0)


def overlap(answer: str, golds: Sequence[str]) -> float:
    """F1 of the answer's words with those of the best gold, in normal form, each as often as it occurs."""
    return max((_f1(normal(answer).split(), normal(gold).split()) for gold in golds), default=0.0)


def word_scores(words: Collection[int], golds: Sequence[Collection[int]]) -> tuple[float, float]:
    """The same over numbers of words in the passage: whether they are those of a gold, and F1."""
    pairs = [(float({*words} == {*gold}), _f1([*words], [*gold])) for gold in golds]
    return max((exact for exact, _ in pairs), default=0.0), max((f1 for _, f1 in pairs), default=0.0)


def _f1(answer: Sequence[object], gold: Sequence[object]) -> float:
    common = sum((Counter(answer) & Counter(gold)).values())
    if not common:
        return 0.0
    precision, recall = common / len(answer), common / len(gold)
    return 2 * precision * recall / (precision + recall)
