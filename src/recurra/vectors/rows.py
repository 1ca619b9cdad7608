"""The rows of a file of word vectors: a word and its numbers each."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault

_BLOCK = 1 << 20
_LONGEST_WORD = 1 << 16
_LONGEST_LINE = 1 << 24
_LOOKED_AT = 1000
_EXPECTED = "expected a line with the number of words and of dimensions, or lines of a word and its numbers"


class TextRows:
    """Lines of a word and its numbers, blanks or tabs between; empty lines are left out.

    Args:
        line: number of the first line, for messages.
    """

    def __init__(self, path: Path, file: IO[bytes], line: int) -> None:
        self.path, self.file, self.line = path, file, line

    def row(self, k: int, count: int, numbers: NDArray[np.float32]) -> bytes:
        """Reads row `k` of `count` into `numbers` `[D]`; its word."""
        line = b""
        while not line:
            line = self.file.readline(_LONGEST_LINE)
            self.line += 1
            if not line:
                raise Fault(f"{self.path}: cut short: the header says {count:,} words, found {k:,}")
            line = line.rstrip()
        parts = line.rsplit(None, len(numbers))
        try:
            if len(parts) != len(numbers) + 1:
                raise ValueError
            with np.errstate(over="ignore"):
                numbers[:] = parts[1:]
        except ValueError:
            raise Fault(
                f"{self.path}: line {self.line - 1}: expected a word and {len(numbers)} numbers: cut short?"
            ) from None
        return parts[0]

    def rest(self) -> bytes:
        """What follows the last row."""
        return self.file.read(200)


class BinaryRows:
    """Words, a blank, and little-endian float32 numbers each; a line end may follow."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path, self.file, self.buffer, self.at = path, file, b"", 0

    def row(self, k: int, count: int, numbers: NDArray[np.float32]) -> bytes:
        """Reads row `k` of `count` into `numbers` `[D]`; its word."""
        width = 4 * len(numbers)
        while (end := self.buffer.find(b" ", self.at)) < 0 or len(self.buffer) < end + 1 + width:
            if end < 0 and len(self.buffer) - self.at > _LONGEST_WORD:
                raise Fault(
                    f"{self.path}: word {k + 1} has more than {_LONGEST_WORD:,} bytes: damaged, or the "
                    f"header is wrong"
                )
            block = self.file.read(max(_BLOCK, width))
            if not block:
                raise Fault(f"{self.path}: cut short: the header says {count:,} words, found {k:,}")
            self.buffer, self.at = self.buffer[self.at :] + block, 0
        word = self.buffer[self.at : end].lstrip(b"\n")
        numbers[:] = np.frombuffer(self.buffer, "<f4", len(numbers), end + 1)
        self.at = end + 1 + width
        return word

    def rest(self) -> bytes:
        """What follows the last row."""
        return self.buffer[self.at :] + self.file.read(200)


def glove_size(path: Path, file: IO[bytes]) -> tuple[int, int]:
    """Words and dimensions of a text without header; the file is then again where it was.

    A word may hold blanks, and numbers among them, so the first lines together tell the dimensions: how many
    numbers most of them end with, the first entry not counted. Fault where they are no such lines.
    """
    start = file.tell()
    words = 0
    counts: Counter[int] = Counter()
    first = b""
    while line := file.readline(_LONGEST_LINE):
        if not line.strip():
            continue
        words += 1
        first = first or line
        if words <= _LOOKED_AT:
            counts[_numbers(line.split()[1:])] += 1
            if not counts.most_common(1)[0][0]:
                break
    dimensions = max(counts, key=lambda number: (counts[number], number), default=0)
    if words < 2 or not dimensions:
        raise Fault(f"{path}: begins with {first[:40]!r}, {_EXPECTED}")
    file.seek(start)
    return words, dimensions


def _numbers(entries: list[bytes]) -> int:
    """How many entries at the end are numbers."""
    count = 0
    for entry in reversed(entries):
        try:
            float(entry)
        except ValueError:
            break
        count += 1
    return count
