"""The words of a corpus, counted by threads, and the corpus as a file of their numbers."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault
from recurra.vectors.corpus import Piece, clean, pieces
from recurra.vectors.native import native
from recurra.vectors.options import Options
from recurra.vectors.parallel import in_order

if TYPE_CHECKING:
    from recurra.vectors._vectors import Counter, WordTable

SENTENCE_END = -1
UNKNOWN = -2
CHUNK = 16_384
"""Word numbers after which a chunk, the unit of work of a training thread, ends with the sentence."""


def count_words(
    files: Sequence[Path], options: Options, threads: int, rank: int = 0, world: int = 1
) -> Counter:
    """All words of this rank's pieces, however rare. Each thread counts in a table of its own."""
    module = native()
    counters = [module.Counter() for _ in range(threads)]
    free: queue.SimpleQueue[Counter] = queue.SimpleQueue()
    for counter in counters:
        free.put(counter)

    def work(piece: Piece) -> None:
        text = clean(piece, options)
        counter = free.get()
        try:
            counter.feed(text)
        finally:
            free.put(counter)

    for _ in in_order(work, pieces(files, rank, world), threads):
        pass
    total: Counter = counters[0]
    for other in counters[1:]:
        total.merge(other)
    return total


def vocabulary(counter: Counter, options: Options) -> WordTable:
    """The words to learn, the most frequent first. Raises Fault where fewer than two are left."""
    if not counter.total:
        raise Fault("the corpus holds no words, expected text")
    table = counter.sorted(options.min_count)
    if not len(table):
        raise Fault(
            f"the vocabulary is empty: none of {len(counter):,} different words comes {options.min_count} "
            "times or more; lower min_count, or give more text"
        )
    if len(table) == 1:
        word = table.word(0).decode("utf-8", "replace")
        raise Fault(
            f"the vocabulary holds one word, {word[:40]!r}, of {len(counter):,} in the corpus, expected two "
            "or more; lower min_count, or give more text"
        )
    return table


def write_numbers(
    files: Sequence[Path],
    table: WordTable,
    target: Path,
    options: Options,
    threads: int,
    rank: int = 0,
    world: int = 1,
) -> None:
    """Writes the corpus as int32 numbers of words, SENTENCE_END between sentences; unknown words are left out
    (or, where phrases are to be found, UNKNOWN)."""
    mark = options.phrases > 0
    end, last = np.array([SENTENCE_END], np.int32), SENTENCE_END

    def work(piece: Piece) -> tuple[NDArray[np.int32], bool]:
        return table.encode(clean(piece, options), mark), piece.ends

    with target.open("wb") as file:
        for numbers, ends in in_order(work, pieces(files, rank, world), threads):
            if numbers.size and numbers[0] == last == SENTENCE_END:
                numbers = numbers[1:]
            if numbers.size:
                file.write(numbers.tobytes())
                last = int(numbers[-1])
            if ends and last != SENTENCE_END:
                file.write(end.tobytes())
                last = SENTENCE_END


def chunk_starts(path: Path) -> NDArray[np.int64]:
    """Where each chunk of the file begins, and where the last one ends. Depends on the file alone."""
    count = path.stat().st_size // 4
    if count == 0:
        return np.zeros(1, np.int64)
    numbers = np.memmap(path, np.int32, "r")
    starts = [0]
    while (start := starts[-1]) < count:
        ends = np.flatnonzero(numbers[start + CHUNK : start + 2 * CHUNK] == SENTENCE_END)
        starts.append(min(count, start + CHUNK + (int(ends[0]) + 1 if ends.size else 0)))
    return np.array(starts, np.int64)
