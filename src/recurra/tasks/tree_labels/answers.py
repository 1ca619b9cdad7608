"""A tree with its labels, as data and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recurra.tasks.readers.trees import TreeRow

_DEEPEST = 40  # levels that are shown by blanks before a line
_MOST_WORDS = 8  # of a node


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
        "parents": row.parents,
        "nodes": nodes,
    }


def brackets(answer: Mapping[str, Any]) -> str:
    """The tree on one line, each node with its label."""
    return f"{answer['tree']}\n"


def outline(answer: Mapping[str, Any]) -> str:
    """A line for each node, parents before their children: its depth as blanks, its label and how probable
    that is, and its words. Below `_DEEPEST` levels the depth is a number.
    """
    parents, words = answer["parents"], answer["tokens"]
    depths = [0] * len(parents)
    for number in range(len(parents) - 2, -1, -1):
        depths[number] = depths[parents[number]] + 1
    lines = []
    for number in _parents_first(parents):
        node, depth = answer["nodes"][number], depths[number]
        indent = "  " * depth if depth <= _DEEPEST else f"[{depth}] "
        text = words[node["start"] : min(node["end"], node["start"] + _MOST_WORDS)]
        more = " ..." if node["end"] - node["start"] > _MOST_WORDS else ""
        lines.append(f"{indent}{node['label']} {node['probability']:.2f}  {' '.join(text)}{more}\n")
    return "".join([*lines, "\n"])


TREE_FORMATS = {"brackets": brackets, "outline": outline}
"""How an answer is written instead of as JSON."""


def _parents_first(parents: Sequence[int]) -> list[int]:
    """Node numbers from the root down, from left to right."""
    children: list[list[int]] = [[] for _ in parents]
    for number, parent in enumerate(parents[:-1]):
        children[parent].append(number)
    order, stack = [], [len(parents) - 1]
    while stack:
        number = stack.pop()
        order.append(number)
        stack.extend(reversed(children[number]))
    return order
