"""Tests of word vectors: analogies, and agreement with people on how alike two words are."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault
from recurra.storage.files import read_text
from recurra.storage.text import split_lines
from recurra.vectors.vectors import WordVectors

_BATCH = 256


@dataclass(frozen=True, slots=True)
class Analogies:
    """One section of questions. ``unknown``: left out, for a word is not among those asked for."""

    section: str
    right: int
    asked: int
    unknown: int

    @property
    def accuracy(self) -> float:
        """Share of the asked ones; NaN if none was."""
        return self.right / self.asked if self.asked else float("nan")


@dataclass(frozen=True, slots=True)
class Similarity:
    """Correlation of cosines with people's scores over ``pairs``; ``unknown`` pairs are left out."""

    spearman: float
    pearson: float
    pairs: int
    unknown: int


def analogies(vectors: WordVectors, path: str | os.PathLike[str], most: int = 300_000) -> list[Analogies]:
    """Answers a file of questions as in the Google set: ``: section`` lines, and lines of four words.

    a is to b as c is to d counts as right where d is the nearest of the ``most`` first words to b - a + c,
    the three left out (3CosAdd); case is ignored, a word in several cases being its first. Returns the
    sections, and last, named "all", their sum. Raises Fault for a line that is neither, or where no
    question's words are all known.
    """
    sections = _sections(Path(path))
    unit = vectors.unit[:most]
    folded = [word.casefold() for word in vectors.words[:most]]
    first: dict[str, int] = {}
    group = np.array([first.setdefault(word, number) for number, word in enumerate(folded)])
    results = []
    for name, questions in sections:
        covered = [[first[w] for w in q] for q in questions if all(w in first for w in q)]
        right = sum(
            _right(unit, group, np.array(covered[k : k + _BATCH])) for k in range(0, len(covered), _BATCH)
        )
        results.append(Analogies(name, right, len(covered), len(questions) - len(covered)))
    right, count, unknown = (sum(getattr(r, k) for r in results) for k in ("right", "asked", "unknown"))
    if not count:
        raise Fault(f"{path}: none of {unknown:,} questions has all its words among the {len(unit):,} known")
    return [*results, Analogies("all", right, count, unknown)]


def word_similarity(vectors: WordVectors, path: str | os.PathLike[str]) -> Similarity:
    """Compares with a file of word pairs and people's scores, as WordSim-353 and SimLex-999.

    Columns by tab, comma or spaces; the score is the column ``SimLex999`` if there is one, else the third.
    Case is ignored. Raises Fault for a line that is no such pair, or if fewer than two pairs are covered.
    """
    first: dict[str, int] = {}
    for number, word in enumerate(vectors.words):
        first.setdefault(word.casefold(), number)
    pairs = _pairs(Path(path))
    covered = [(first[a], first[b], score) for a, b, score in pairs if a in first and b in first]
    if len(covered) < 2:
        raise Fault(
            f"{path}: {len(covered)} of {len(pairs):,} pairs have both words among the {len(vectors):,} known"
        )
    a, b, human = np.array(covered).T
    cosines = np.einsum("nd,nd->n", vectors.unit[a.astype(int)], vectors.unit[b.astype(int)]).astype(float)
    return Similarity(
        _correlation(_ranks(cosines), _ranks(human)),
        _correlation(cosines, human),
        len(covered),
        len(pairs) - len(covered),
    )


def _right(unit: NDArray[np.float32], group: NDArray[np.int64], questions: NDArray[np.int64]) -> int:
    a, b, c, d = questions.T
    scores = (unit[b] - unit[a] + unit[c]) @ unit.T
    for row, question in zip(scores, questions[:, :3], strict=True):
        row[np.isin(group, question)] = -np.inf
    return int((group[scores.argmax(axis=1)] == d).sum())


def _lines(path: Path) -> list[tuple[int, str]]:
    lines = split_lines(read_text(path))
    return [(k, line.strip()) for k, line in enumerate(lines, 1) if line.strip()]


def _sections(path: Path) -> list[tuple[str, list[list[str]]]]:
    sections: list[tuple[str, list[list[str]]]] = []
    for number, line in _lines(path):
        if line.startswith(":"):
            sections.append((line[1:].strip(), []))
            continue
        words = line.casefold().split()
        if len(words) != 4:
            raise Fault(f"{path}: line {number}: found {len(words)} words, expected four, or ': section'")
        if not sections:
            sections.append(("", []))
        sections[-1][1].append(words)
    if not any(questions for _, questions in sections):
        raise Fault(f"{path}: holds no questions, expected lines of four words")
    return sections


def _pairs(path: Path) -> list[tuple[str, str, float]]:
    pairs: list[tuple[str, str, float]] = []
    column = 2
    lines = [(number, line) for number, line in _lines(path) if not line.startswith("#")]
    for number, line in lines:
        parts = re.split(r"\t|,|;" if re.search(r"[\t,;]", line) else r"\s+", line)
        if not pairs and "SimLex999" in parts:
            column = parts.index("SimLex999")
            continue
        try:
            pairs.append((parts[0].strip().casefold(), parts[1].strip().casefold(), float(parts[column])))
        except (IndexError, ValueError):
            if number > lines[0][0]:
                raise Fault(
                    f"{path}: line {number}: expected two words and a score, found {line[:60]!r}"
                ) from None
    return pairs


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, equal values sharing the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    result: NDArray[np.float64] = (last - (count - 1) / 2)[place]
    return result


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale else float("nan")
