"""Trees that are chosen without looking at the words: what a parser has to beat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from recurra.data import Tree
from recurra.data.text.constituents import tags_of
from recurra.tasks.parse.constituency.labels import Constituents
from recurra.tasks.parse.constituency.scores import PUNCTUATION


class RightBranching:
    """Each word is a constituent with all that follows: `(S w1 (NP w2 (NP w3 w4)))`. The label of the whole,
    and that of its parts, are the commonest ones of training constituents that end with their sentence, but
    for its punctuation.

    Args:
        trees: to train on. labels: of those.
    """

    def __init__(self, trees: Sequence[Tree], labels: Constituents) -> None:
        self.labels = labels
        wholes: Counter[int] = Counter()
        parts: Counter[int] = Counter()
        for tree in trees:
            last = max((k for k, tag in enumerate(tags_of(tree), 1) if tag not in PUNCTUATION), default=0)
            for (start, end), number in labels.spans(tree).items():
                if end >= last > 1:
                    (parts if start else wholes)[number] += 1
        self._whole, self._part = (
            max(counts, key=lambda number: (counts[number], -number), default=1) for counts in (wholes, parts)
        )

    def tree(self, gold: Tree) -> Tree:
        """Over the words of a tree, with its tags."""
        words = gold.words()
        spans = {(start, len(words)): self._part for start in range(len(words) - 1)}
        return self.labels.decode(words, tags_of(gold), {**spans, (0, len(words)): self._whole})
