"""Files of bracketed trees of constituents, as the Penn Treebank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recurra.data.examples import Examples, Place
from recurra.data.text.constituents import brackets, cleaned, require_root, tags_of
from recurra.data.text.linearised import linearised
from recurra.data.text.trees import parse_trees
from recurra.errors import Fault
from recurra.storage.files import read_text


def read_brackets(path: str | Path, *, functions: bool = False, encoding: str = "utf-8") -> Examples:
    """Columns `tokens`, `tags` (of the tokens), `tree` (a `Tree`), `brackets` (its text), `text` (the tokens
    with blanks between) and `linearised` (see `recurra.data.text.linearised`); one example a tree.

    A tree may take one line or several. Empty elements are left out, -LRB- and the like become the brackets
    that they stand for.

    Args:
        functions: whether labels keep their function tags: NP-SBJ, where NP is read otherwise.
        encoding: the encoding of the file.

    Raises:
        Fault: brackets that do not balance, two trees in one bracket, a tree without words; told with the
            line that the tree starts in, where it has one.
    """
    trees, places = [], []
    for line, root in parse_trees(read_text(path, encoding), str(path)):
        require_root(root, f"{path}:{line}")
        tree = cleaned(root, functions)
        if tree is None:
            raise Fault(f"{path}:{line}: a tree of empty elements alone found, expected words in it")
        trees.append(tree)
        places.append(Place(str(path), line))
    columns: dict[str, list[Any]] = {
        "tokens": [tree.words() for tree in trees],
        "tags": [tags_of(tree) for tree in trees],
        "tree": trees,
        "brackets": [brackets(tree) for tree in trees],
        "text": [" ".join(tree.words()) for tree in trees],
        "linearised": [linearised(tree) for tree in trees],
    }
    return Examples(columns, places, str(path))
