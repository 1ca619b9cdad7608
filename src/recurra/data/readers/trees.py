"""Files of bracketed trees, as the Stanford Sentiment Treebank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recurra.data.examples import Examples, Place
from recurra.data.text.bare_trees import parse_bare_trees, plain_word
from recurra.data.text.trees import Tree, parse_trees
from recurra.errors import Fault
from recurra.storage.files import read_text

_MOST = 1 << 27  # words; a chain of so many trees has their square


def read_trees(
    path: str | Path,
    *,
    phrases: bool = False,
    node_labels: bool = True,
    plain: bool = False,
    encoding: str = "utf-8",
) -> Examples:
    r"""Columns `tokens` (the words), `label` (of the root) and `tree` (a `Tree`); one example a tree.

    Args:
        path: the file.
        phrases: every node of every tree is an example, with its own words, label and sub-tree.
        node_labels: whether brackets begin with a label; without them, as in `( not ( b ( or b ) ) )`, every
            label is empty.
        plain: `tokens` are what the words of the Penn Treebank stand for, `(` for -LRB- and `/` for \/.
        encoding: the encoding of the file.
    """
    parse = parse_trees if node_labels else parse_bare_trees
    trees: list[Tree] = []
    words: list[list[str]] = []
    places = []
    size = 0
    for line, root in parse(read_text(path, encoding), str(path)):
        leaves = [plain_word(word) for word in root.words()] if plain else root.words()
        spans = list(root.spans()) if phrases else [(root, 0, len(leaves))]
        size += sum(end - start for _, start, end in spans)
        if size > _MOST:
            raise Fault(
                f"{path}:{line}: more than {_MOST:,} words in all phrases: expected trees of sentences"
            )
        trees += [tree for tree, _, _ in spans]
        words += [leaves[start:end] for _, start, end in spans]
        places += [Place(str(path), line)] * len(spans)
    columns: dict[str, list[Any]] = {"tokens": words, "label": [tree.label for tree in trees], "tree": trees}
    return Examples(columns, places, str(path))
