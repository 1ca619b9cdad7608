"""How good trees of constituents are, counted as EVALB counts with the parameters of Collins (Sekine and
Collins, 1997).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

import torch

from recurra.data import Tree
from recurra.data.text.constituents import ROOTS, category, tags_of
from recurra.errors import Fault
from recurra.tasks.parts.measurement import Figures, ratios

PUNCTUATION = frozenset((",", ":", "``", "''", "."))
"""Tags of words that are left out before brackets are counted."""
_EQUAL = {"PRT": "ADVP"}


class BracketCounts(NamedTuple):
    """Of one sentence, or the sums of several.

    Attributes:
        matched, gold, predicted: brackets.
        complete: sentences whose brackets all match. sentences: those with a word that counts.
        tags: right ones, of `words` that count.
    """

    matched: int = 0
    gold: int = 0
    predicted: int = 0
    complete: int = 0
    sentences: int = 0
    tags: int = 0
    words: int = 0


def bracket_counts(gold: Tree, predicted: Tree) -> BracketCounts:
    """Of one sentence. A bracket is a label and the words below it, each as often as it occurs.

    - Words whose true tag is punctuation (`PUNCTUATION`) are left out of both trees. EVALB goes by the tags
      of each tree alone, and refuses a sentence where they leave different words.
    - Brackets over no word that is left are not counted, nor TOP, ROOT, nor those without label.
    - Labels are cut at the first "-" or "="; PRT and ADVP are the same.
    - A sentence without a word that is left is no sentence; tags count for words that are left.

    Raises:
        Fault: the trees are over different words.
    """
    words = gold.words()
    if words != predicted.words():
        raise Fault(
            f"a tree over {len(predicted.words())} words found where the true one is over {len(words)}, "
            f"expected the same words"
        )
    true, guesses = tags_of(gold), tags_of(predicted)
    counts = [tag not in PUNCTUATION for tag in true]
    if not any(counts):
        return BracketCounts()
    places = [0, *accumulate(counts)]
    one, other = _brackets(gold, places), _brackets(predicted, places)
    matched = (one & other).total()
    return BracketCounts(
        matched,
        one.total(),
        other.total(),
        int(matched == one.total() == other.total()),
        1,
        sum(a == b for a, b, one_word in zip(true, guesses, counts, strict=True) if one_word),
        sum(counts),
    )


def bracket_scores(gold: Sequence[Tree], predicted: Sequence[Tree]) -> Mapping[str, float]:
    """`precision`, `recall` and `f1` of labelled brackets over all sentences together, `complete`: the share
    of sentences without a mistake, and `tag_accuracy`; see `bracket_counts`.
    """
    return bracket_figures(gold, predicted)(torch.ones(len(gold), dtype=torch.float64))


def bracket_figures(gold: Sequence[Tree], predicted: Sequence[Tree]) -> Figures:
    """`bracket_scores` of sentences with weights."""
    counts = [bracket_counts(a, b) for a, b in zip(gold, predicted, strict=True)]
    columns = torch.tensor(counts, dtype=torch.float64).reshape(-1, len(BracketCounts._fields)).unbind(1)
    matched, true, guesses, complete, sentences, tags, words = columns
    return ratios(
        {
            "f1": (2 * matched, true + guesses),
            "precision": (matched, guesses),
            "recall": (matched, true),
            "complete": (complete, sentences),
            "tag_accuracy": (tags, words),
        }
    )


def _brackets(tree: Tree, places: Sequence[int]) -> Counter[tuple[str, int, int]]:
    """Those that count; a word is at `places` of those left."""
    counts: Counter[tuple[str, int, int]] = Counter()
    for node, start, end in tree.spans():
        label = category(node.label)
        if node.word is None and places[start] < places[end] and label and label not in ROOTS:
            counts[_EQUAL.get(label, label), places[start], places[end]] += 1
    return counts
