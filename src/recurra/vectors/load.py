"""From a path to word vectors, whichever way they were written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from recurra.errors import Fault
from recurra.vectors.folder import read_matrix, read_words
from recurra.vectors.vectors import WordVectors
from recurra.vectors.word2vec_format import read_word2vec


def load(path: str | os.PathLike[str], errors: Literal["strict", "replace"] = "strict") -> WordVectors:
    """Reads a run folder, or a file in word2vec's text or binary format or GloVe's text (plain or gzipped).

    ``errors`` is for a file's words that are not UTF-8: see `read_word2vec`.

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
    return read_word2vec(where, errors)
