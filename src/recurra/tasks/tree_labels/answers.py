"""A tree with its labels, as data and as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recurra.tasks.readers.trees import TreeRow

_DEEPEST = 40  # levels that are shown by blanks before a line


def tree_table(row: TreeRow, names: Sequence[str], shares: Sequence[Sequence[float]]) -> dict[str, Any]:
    """The answer to one tree, JSON-ready.

    Args:
        names: of the labels. shares: of each node, the probability of every label.
    """
    best = [max(range(len(names)), key=node.__getitem__) for node in shares]
    labels = [names[k] for k in best]
    nodes = [
        {"start": start, "end": end, "label": label, "probability": node[k]}
        for (start, end), label, node, k in zip(row.spans(), labels, shares, best, strict=True)
    ]
    return {
        "label": labels[-1],
        "probability": shares[-1][best[-1]],
        "probabilities": dict(zip(names, shares[-1], strict=True)),
        "tokens": row.words,
        "tree": str(row.tree(labels)),
        "nodes": nodes,
        "outline": outline(row, labels, [node[k] for node, k in zip(shares, best, strict=True)]),
    }


def outline(row: TreeRow, labels: Sequence[str], shares: Sequence[float]) -> list[str]:
    """A line for each node, parents before their children: its depth as blanks, its label with the
    probability, and the word of a leaf. Below `_DEEPEST` levels the depth is a number.
    """
    depths = [0] * len(row)
    for node in range(len(row) - 2, -1, -1):
        depths[node] = depths[row.parents[node]] + 1
    words = iter(row.words)
    at = [next(words) if not arity else None for arity in row.arities]
    lines = []
    for node in _parents_first(row):
        depth, word = depths[node], at[node]
        indent = "  " * depth if depth <= _DEEPEST else f"[{depth}] "
        lines.append(f"{indent}{labels[node]} {shares[node]:.2f}{'' if word is None else f'  {word}'}")
    return lines


def _parents_first(row: TreeRow) -> list[int]:
    children: list[list[int]] = [[] for _ in range(len(row))]
    for node, parent in enumerate(row.parents[:-1]):
        children[parent].append(node)
    order, stack = [], [len(row) - 1]
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(reversed(children[node]))
    return order
