"""Files of bracketed trees, as the Stanford Sentiment Treebank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recurra.data.examples import Examples, Place
from recurra.data.text.trees import Tree, parse_trees
from recurra.storage.files import read_text


def read_trees(path: str | Path, *, phrases: bool = False, encoding: str = "utf-8") -> Examples:
    """Columns `tokens` (the words), `label` (of the root) and `tree` (a `Tree`); one example a tree.

    With `phrases` every node of every tree is an example, with its own words, label and sub-tree.
    """
    trees: list[Tree] = []
    places = []
    for line, root in parse_trees(read_text(path, encoding), str(path)):
        nodes = list(root.nodes()) if phrases else [root]
        trees.extend(nodes)
        places.extend([Place(str(path), line)] * len(nodes))
    columns: dict[str, list[Any]] = {
        "tokens": [tree.words() for tree in trees],
        "label": [tree.label for tree in trees],
        "tree": trees,
    }
    return Examples(columns, places, str(path))
