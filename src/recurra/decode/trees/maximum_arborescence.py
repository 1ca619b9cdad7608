"""The best tree of all, crossing arcs too (Chu and Liu, 1965; Edmonds, 1967)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recurra.decode.trees.heads import Heads, Scores, below_one, require_scores


class _Contraction(NamedTuple):
    """A cycle that became one node.

    Attributes:
        members: its nodes. arcs: of each member, the word and the head of its arc on the cycle.
        groups: `[n + 1]`, the node that each word was in before.
    """

    members: list[int]
    arcs: dict[int, tuple[int, int]]
    groups: Heads


def maximum_arborescence(scores: Scores) -> Heads:
    """The tree with one root whose arcs have the largest sum of scores, of one sentence.

    Args:
        scores: `[n, n + 1]`: of the heads 0 (the root) to n of each word; for a word as its own head they
            are not looked at.

    Returns:
        `[n]`, the head of each word.

    Raises:
        Fault: a score that is no finite number.
    """
    scores = np.asarray(scores, np.float64)
    count = len(scores)
    require_scores(scores[None], np.array([count]))
    weights = np.full((count + 1, count + 1), -np.inf)
    weights[1:] = scores
    np.fill_diagonal(weights, 0.0)
    weights[1:] = below_one(weights[1:])
    np.fill_diagonal(weights, -np.inf)
    heads = _spanning(weights.copy())
    if int((heads == 0).sum()) == 1:
        return heads
    # a further root costs more than any choice among the words gains (Zmigrod et al., 2020); that makes many
    # cycles, so it is the second try
    weights[1:, 0] -= 2.0 * (count + 1)
    return _spanning(weights)


def _spanning(weights: NDArray[np.float64]) -> Heads:
    """By contraction of cycles, one after another, each into the first of its nodes. Changes `weights`."""
    size = len(weights)
    # the word and the head that an arc between two nodes stands for
    words = np.repeat(np.arange(size)[:, None], size, 1)
    heads = np.repeat(np.arange(size)[None], size, 0)
    groups = np.arange(size)
    alive = np.ones(size, bool)
    contractions: list[_Contraction] = []
    best = weights.argmax(1)
    best[0] = 0
    while (cycle := _cycle(best, alive)) is not None:
        members = np.array(cycle)
        inside = np.zeros(size, bool)
        inside[members] = True
        arcs = {node: (int(words[node, best[node]]), int(heads[node, best[node]])) for node in cycle}
        contractions.append(_Contraction(cycle, arcs, groups.copy()))
        node, others = cycle[0], members[1:]
        # into the cycle: what it gains over the arc that it takes the place of
        gains = weights[members] - weights[members, best[members]][:, None]
        entry = members[gains.argmax(0)]
        columns = np.arange(size)
        new_words, new_heads = words[entry, columns], heads[entry, columns]
        # out of it: the best of its nodes as a head
        leaving = weights[:, members]
        exits = members[leaving.argmax(1)]
        out_words, out_heads, out_weights = words[columns, exits], heads[columns, exits], leaving.max(1)
        weights[node], words[node], heads[node] = gains.max(0), new_words, new_heads
        weights[:, node], words[:, node], heads[:, node] = out_weights, out_words, out_heads
        weights[node, node] = -np.inf
        weights[others], weights[:, others] = -np.inf, -np.inf
        weights[node, members] = -np.inf
        alive[others] = False
        groups[inside[groups]] = node
        # whose best head was in the cycle, and the new node itself
        stale = alive & inside[best]
        stale[node] = True
        stale[0] = False
        changed = np.flatnonzero(stale)
        best[changed] = weights[changed].argmax(1)
    return _expand(best, alive, words, heads, contractions)


def _cycle(best: Heads, alive: NDArray[np.bool_]) -> list[int] | None:
    """The nodes of a cycle among the best arcs; None where they lead to the root."""
    walks = np.zeros(len(best), np.int64)
    walks[0] = -1
    for start in np.flatnonzero(alive).tolist():
        node = start
        while not walks[node]:
            walks[node] = start
            node = int(best[node])
        if node and walks[node] == start:
            cycle = [node]
            while (step := int(best[cycle[-1]])) != node:
                cycle.append(step)
            return sorted(cycle)
    return None


def _expand(
    best: Heads, alive: NDArray[np.bool_], words: Heads, heads: Heads, contractions: list[_Contraction]
) -> Heads:
    """The head of each word: arcs between nodes first, then, last contraction first, those within."""
    result = np.full(len(best), -1)
    for node in np.flatnonzero(alive)[1:].tolist():
        result[words[node, best[node]]] = heads[node, best[node]]
    for members, arcs, groups in reversed(contractions):
        inside = np.zeros(len(best), bool)
        inside[members] = True
        entered = int(groups[np.flatnonzero(inside[groups] & (result >= 0))[0]])
        for node, (word, head) in arcs.items():
            if node != entered:
                result[word] = head
    return result[1:]
