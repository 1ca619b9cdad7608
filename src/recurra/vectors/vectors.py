"""Words with their vectors, and what can be asked of them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault


class WordVectors:
    """Words and one vector each.

    ``words``: list of V different words, the most frequent first where that is known. ``matrix``: float32
    [V, D]. ``notes``: what is worth telling of the file they were read from. Cosines and neighbours are those
    of vectors scaled to length 1.
    """

    def __init__(self, words: list[str], matrix: NDArray[np.float32], notes: Sequence[str] = ()) -> None:
        if matrix.dtype != np.float32 or matrix.ndim != 2 or len(matrix) != len(words):
            raise Fault(
                f"vectors of shape {matrix.shape}, {matrix.dtype}, for {len(words):,} words, "
                "expected one float32 row a word"
            )
        self.words = words
        self.matrix = matrix
        self.notes = tuple(notes)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self.matrix[self.number(word)]
        return vector

    @cached_property
    def index(self) -> dict[str, int]:
        """From a word to its row."""
        return {word: number for number, word in enumerate(self.words)}

    @cached_property
    def unit(self) -> NDArray[np.float32]:
        """The vectors scaled to length 1, [V, D]; a zero vector stays zero."""
        length = np.linalg.norm(self.matrix, axis=1, keepdims=True)
        unit: NDArray[np.float32] = np.divide(
            self.matrix, length, out=np.zeros_like(self.matrix), where=length > 0
        )
        return unit

    def number(self, word: str) -> int:
        """The row of a word. Raises Fault for an unknown one, with words spelled alike."""
        row = self.index.get(word)
        if row is None:
            alike = difflib.get_close_matches(word, self.words[:50_000], n=3)
            hint = f": did you mean {', '.join(alike)}?" if alike else ""
            raise Fault(f"the word {word!r} is not among the {len(self):,} known{hint}")
        return row

    def similarity(self, first: str, second: str) -> float:
        """The cosine of two words, -1 to 1."""
        return float(self.unit[self.number(first)] @ self.unit[self.number(second)])

    def nearest(self, words: str | Sequence[str], n: int = 10) -> list[tuple[str, float]]:
        """The ``n`` words nearest to a word, or to the mean of several, with their cosines."""
        several = [words] if isinstance(words, str) else list(words)
        if not several:
            raise Fault("nearest: no word given, expected at least one")
        return self._around(dict.fromkeys(several, 1.0), n)

    def analogy(self, a: str, b: str, c: str, n: int = 10) -> list[tuple[str, float]]:
        """a is to b as c is to ...: the ``n`` words nearest to b - a + c, the three left out.

        3CosAdd (Mikolov, Yih and Zweig, 2013).
        """
        weights = dict.fromkeys((a, b, c), 0.0)
        for word, weight in ((a, -1.0), (b, 1.0), (c, 1.0)):
            weights[word] += weight
        return self._around(weights, n)

    def _around(self, weights: dict[str, float], n: int) -> list[tuple[str, float]]:
        if n < 1:
            raise Fault(f"n: found {n}, expected at least 1")
        numbers = [self.number(word) for word in weights]
        centre = np.array(list(weights.values()), np.float32) @ self.unit[numbers]
        length = float(np.linalg.norm(centre))
        scores = self.unit @ (centre / length if length else centre)
        scores[numbers] = -np.inf
        best = np.argsort(-scores, kind="stable")[: min(n, len(self) - len(numbers))]
        return [(self.words[k], float(scores[k])) for k in best.tolist()]
