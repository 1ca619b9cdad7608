"""Words for the gap of a sentence, by the output layer that CBOW was trained with."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault
from recurra.vectors.folder import read_matrix, read_settings, read_words
from recurra.vectors.native import native

GAP = "_"


def suggest(run: str | os.PathLike[str], sentence: str, n: int = 10) -> list[tuple[str, float]]:
    """The ``n`` likeliest words for the gap, written ``_``, with their probabilities over the vocabulary.

    The mean of the known words within the window around the gap is put to CBOW's own output layer: a softmax
    over the scores of negative sampling, or the product along each word's path of hierarchical softmax.
    Raises Fault for a skip-gram run, a sentence without one gap, or without a known word near it.
    """
    folder = Path(run)
    options = read_settings(folder).options
    if options.algorithm != "cbow":
        raise Fault(
            f"{folder}: trained as {options.algorithm}, expected a CBOW run: only CBOW predicts a word"
        )
    if n < 1:
        raise Fault(f"n: found {n}, expected at least 1")
    tokens = (sentence.lower() if options.lower else sentence).split()
    if tokens.count(GAP) != 1:
        raise Fault(
            f"{sentence!r}: found {tokens.count(GAP)} gaps, expected one, written {GAP} between spaces"
        )
    gap = tokens.index(GAP)
    around = tokens[max(0, gap - options.window) : gap] + tokens[gap + 1 : gap + 1 + options.window]
    words, counts = read_words(folder)
    index = {word: number for number, word in enumerate(words)}
    rows = [index[token] for token in around if token in index]
    if not rows:
        raise Fault(f"{sentence!r}: no word near the gap is in the vocabulary, expected at least one")
    mean = read_matrix(folder, "vectors", len(words))[rows].mean(axis=0)
    scores = (read_matrix(folder, "output", len(words)) @ mean).astype(np.float64)
    chances = _softmax(scores) if options.negatives else _tree(scores, counts)
    best = np.argsort(-chances, kind="stable")[:n]
    return [(words[k], float(chances[k])) for k in best.tolist()]


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max())
    result: NDArray[np.float64] = powers / powers.sum()
    return result


def _tree(scores: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    # Node V + k is row k of the output layer; a parent comes after its children, so from the root down.
    parent, code = native().huffman(counts)
    words = len(counts)
    # code 0 is the branch whose probability is sigmoid(score).
    log_first, log_second = -np.logaddexp(0, -scores), -np.logaddexp(0, scores)
    above = parent[:-1] - words  # the last node is the root
    branch = np.where(code[:-1] == 0, log_first[above], log_second[above])
    log = np.zeros(len(parent))
    for node in range(len(parent) - 2, -1, -1):
        log[node] = log[parent[node]] + branch[node]
    result: NDArray[np.float64] = np.exp(log[:words])
    return result
