"""Joining words that stand together more often than chance has it: "new york" becomes "new_york".

Scores and the way of joining are those of word2phrase (Mikolov et al., 2013, arXiv 1310.4546, section 4).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recurra.vectors.native import native
from recurra.vectors.options import Options
from recurra.vectors.vocabulary import UNKNOWN

if TYPE_CHECKING:
    from recurra.vectors._vectors import WordTable

MOST_PAIRS = 8_000_000
"""Different pairs held at a time, about 50 bytes each; beyond them the rarest are forgotten."""


def join(numbers: Path, table: WordTable, options: Options) -> WordTable:
    """Joins phrases in the file ``numbers``, ``options.phrases`` times. Returns the new vocabulary."""
    module = native()
    names = table.words().split(b"\n")[:-1]
    counts = table.counts()
    other = numbers.with_name(numbers.name + ".new")
    for _ in range(options.phrases):
        first, second = module.find_phrases(
            str(numbers), counts, options.min_count, options.phrase_threshold, MOST_PAIRS
        )
        counts = module.join_phrases(str(numbers), str(other), first, second, len(names))
        names += [names[a] + b"_" + names[b] for a, b in zip(first.tolist(), second.tolist(), strict=True)]
        os.replace(other, numbers)
    counter = module.Counter()
    counter.add(b"".join(name + b"\n" for name in names), counts)
    joined: WordTable = counter.sorted(options.min_count)
    new_numbers = np.array([joined.find(name) for name in names], np.int32)
    module.renumber(str(numbers), str(other), np.where(new_numbers < 0, np.int32(UNKNOWN), new_numbers))
    os.replace(other, numbers)
    return joined
