"""From a path to word vectors, whichever way they were written."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Literal

import numpy as np

from recurra.errors import Fault
from recurra.vectors.folder import read_matrix, read_words
from recurra.vectors.vectors import WordVectors
from recurra.vectors.word2vec_format import read_word2vec


def load(
    path: str | os.PathLike[str],
    errors: Literal["strict", "replace"] = "strict",
    *,
    limit: int | None = None,
    words: Collection[str] | None = None,
) -> WordVectors:
    """Reads a run folder, or a file in word2vec's text or binary format, GloVe's text or fastText's .vec.

    A file may be gzipped. ``errors`` is for its words that are not UTF-8, ``limit`` says how many rows are
    read, and ``words`` which ones are taken of them: see `read_word2vec`.

    Returns words and their float32 [V, D] matrix. Raises Fault where there is none, or it was cut or altered.
    """
    where = Path(path)
    if where.is_dir():
        names, _ = read_words(where)
        matrix = read_matrix(where, "vectors", len(names))
        rows = [k for k, name in enumerate(names[:limit]) if words is None or name in words]
        if len(rows) == len(names):
            return WordVectors(names, matrix)
        return WordVectors([names[k] for k in rows], np.array(matrix[rows]))
    if not where.exists():
        raise Fault(
            f"{where}: no such file or folder, expected a run of 'recurra vectors train' or a vectors file"
        )
    return read_word2vec(where, errors, limit=limit, words=words)
