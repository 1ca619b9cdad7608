"""From a path to word vectors, whichever way they were written."""

from __future__ import annotations

import os
from pathlib import Path

from recurra.errors import Fault
from recurra.vectors.folder import read_matrix, read_words
from recurra.vectors.vectors import WordVectors
from recurra.vectors.word2vec_format import read_word2vec


def load(path: str | os.PathLike[str]) -> WordVectors:
    """Reads a run folder, or a file in word2vec's text or binary format (plain or gzipped).

    Returns words and their float32 [V, D] matrix. Raises Fault where there is none, or it was cut or altered.
    """
    where = Path(path)
    if where.is_dir():
        words, _ = read_words(where)
        return WordVectors(words, read_matrix(where, "vectors", len(words)))
    if not where.exists():
        raise Fault(
            f"{where}: no such file or folder, expected a run of 'recurra vectors train' or a vectors file"
        )
    return read_word2vec(where)
