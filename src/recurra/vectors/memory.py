"""How much memory training takes, told before it starts, and the matrices it starts from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recurra.vectors.options import Options
from recurra.vectors.vocabulary import CHUNK

_ROWS = 4096


def memory_needed(words: int, options: Options, threads: int) -> int:
    """Bytes: the two matrices, and what goes with each word and each thread."""
    matrices = 2 * 4 * words * options.dimensions
    per_word = 8 + 4 * (options.sample > 0) + (8 if options.negatives else 10)
    rows = 16 * 4 + 4 * options.window + 64 + 16 * options.negatives
    per_thread = 2 * CHUNK * 4 * 4 + rows * options.dimensions * 4
    return matrices + per_word * words + threads * per_thread


def initial_matrices(words: int, options: Options) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors drawn evenly from -1/D to 1/D by the seed, and an output layer of zeros; both [V, D]."""
    vectors = np.empty((words, options.dimensions), np.float32)
    random = np.random.Generator(np.random.PCG64(options.seed))
    for start in range(0, words, _ROWS):
        rows = vectors[start : start + _ROWS]
        random.random(out=rows, dtype=np.float32)
        rows -= 0.5
        rows *= 2 / options.dimensions
    return vectors, np.zeros_like(vectors)
