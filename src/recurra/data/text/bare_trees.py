"""Trees in brackets without labels, as `( not ( b ( or b ) ) )`, and what brackets write for brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from recurra.data.text.trees import ESCAPES, PIECE, Tree
from recurra.errors import Fault, quoted
from recurra.storage.text import split_lines

_SLASHED = re.compile(r"\\([/*])")


def plain_word(word: str) -> str:
    r"""What a word of the Penn Treebank's files stands for: `(` for -LRB-, `/` for \/."""
    return ESCAPES.get(word) or (_SLASHED.sub(r"\1", word) if "\\" in word else word)


def parse_bare_trees(text: str, where: str = "tree") -> Iterator[tuple[int, Tree]]:
    """The trees of a text whose brackets hold words and trees and no labels, each with the line it starts in
    (from 1); one tree may take several lines. A bracket around one thing is that thing.
    """
    stack: list[tuple[int, list[Tree]]] = []  # each open bracket: its line, what was read in it
    for number, line in enumerate(split_lines(text), 1):
        for piece in PIECE.findall(line):
            if piece == "(":
                stack.append((number, []))
                continue
            start, tree = number, Tree("", piece)
            if piece == ")":
                if not stack:
                    raise Fault(f"{where}:{number}: ')' found, expected '(' or a word")
                start, parts = stack.pop()
                if not parts:
                    raise Fault(f"{where}:{number}: an empty bracket found, expected a word or a tree in it")
                tree = parts[0] if len(parts) == 1 else Tree("", None, tuple(parts))
            if stack:
                stack[-1][1].append(tree)
            else:
                yield start, tree
    if stack:
        raise Fault(f"{where}:{stack[0][0]}: a bracket opened here is not closed at the end of the file")


def nested_tree(value: Any) -> Tree:
    """The tree of nested lists of words, `["it", ["works", "well"]]`; a word alone is one of one leaf.

    Raises:
        Fault: anything but words and lists that hold something.
    """
    if isinstance(value, str):
        return _leaf(value)
    _check_list(value)
    stack: list[tuple[Sequence[Any], list[Tree]]] = [(value, [])]
    while True:
        entries, parts = stack[-1]
        if len(parts) < len(entries):
            entry = entries[len(parts)]
            if isinstance(entry, str):
                parts.append(_leaf(entry))
            else:
                _check_list(entry)
                stack.append((entry, []))
            continue
        stack.pop()
        tree = parts[0] if len(parts) == 1 else Tree("", None, tuple(parts))
        if not stack:
            return tree
        stack[-1][1].append(tree)


def _leaf(word: str) -> Tree:
    if not word.strip():
        raise Fault(f"{quoted(word)} found, expected a word at every leaf")
    return Tree("", word)


def _check_list(value: Any) -> None:
    if not isinstance(value, list):
        raise Fault(f"{quoted(value)} found, expected a word, or a list of words and lists")
    if not value:
        raise Fault("an empty list found, expected a word or a list in it")
