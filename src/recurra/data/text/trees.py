"""Labelled trees in brackets, as `(3 (2 It) (4 works))`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from recurra.errors import Fault
from recurra.storage.text import split_lines

PIECE = re.compile(r"[()]|[^ \t()]+")  # a word may hold a no-break space
ESCAPES = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
"""What stands for brackets in the words of the Penn Treebank's files."""
_BRACKETS = str.maketrans({"(": "-LRB-", ")": "-RRB-"})


@dataclass(frozen=True, slots=True)
class Tree:
    """A node: a leaf has a word and no children, an inner node has children and no word. Its label is empty
    where its bracket has none.
    """

    label: str
    word: str | None = None
    children: tuple[Tree, ...] = ()

    def nodes(self) -> Iterator[Tree]:
        """Every node, children before their parent, left to right."""
        stack: list[tuple[Tree, bool]] = [(self, False)]
        while stack:
            node, opened = stack.pop()
            if opened or not node.children:
                yield node
            else:
                stack.append((node, True))
                stack.extend((child, False) for child in reversed(node.children))

    def words(self) -> list[str]:
        """The words of the leaves, left to right."""
        return [node.word for node in self.nodes() if node.word is not None]

    def spans(self) -> Iterator[tuple[Tree, int, int]]:
        """Every node, in the order of `nodes`, with the places of its words: `words()[start:end]`."""
        end = 0
        starts: list[int] = []  # of the nodes whose parent has not come yet
        for node in self.nodes():
            if node.children:
                start = starts[-len(node.children)]
                del starts[-len(node.children) :]
            else:
                start, end = end, end + (node.word is not None)
            starts.append(start)
            yield node, start, end

    def relabelled(self, labels: Mapping[str, str]) -> Tree:
        """The same tree with each of these labels replaced, in every node; others stay."""
        trees: list[Tree] = []  # of the nodes whose parent has not come yet
        for node in self.nodes():
            children: tuple[Tree, ...] = ()
            if node.children:
                children = tuple(trees[-len(node.children) :])
                del trees[-len(node.children) :]
            trees.append(Tree(labels.get(node.label, node.label), node.word, children))
        return trees[0]

    def __str__(self) -> str:
        """In brackets, as `parse_trees` reads them; brackets within words are written -LRB- and -RRB-."""
        pieces: list[str] = []
        stack: list[Tree | None] = [self]
        while stack:
            node = stack.pop()
            if node is None:
                pieces.append(")")
                continue
            word = "" if node.word is None else f" {node.word.translate(_BRACKETS)}"
            pieces.append(f" ({node.label}{word}")
            stack.append(None)
            stack.extend(reversed(node.children))
        return "".join(pieces).lstrip()


def parse_trees(text: str, where: str = "tree") -> Iterator[tuple[int, Tree]]:
    """The trees of a text, each with the line it starts in (from 1); one tree may take several lines.

    A bracket without label around one tree, as the Penn Treebank has it, is left out; around several it is a
    node with an empty label.
    """
    # each open bracket: its line, its label and word once read, the children closed so far
    stack: list[tuple[int, list[str], list[Tree]]] = []
    number = 0
    for number, line in enumerate(split_lines(text), 1):
        for match in PIECE.finditer(line):
            piece = match.group()
            if piece == "(":
                if stack and len(stack[-1][1]) > 1:
                    raise Fault(
                        f"{where}:{number}: a word ({stack[-1][1][1]!r}) and a tree found in one bracket"
                    )
                stack.append((number, [], []))
            elif not stack:
                raise Fault(f"{where}:{number}: {piece!r} found, expected '('")
            elif piece == ")":
                start, atoms, children = stack.pop()
                tree = _node(f"{where}:{number}", atoms, children)
                if stack:
                    stack[-1][2].append(tree)
                else:
                    yield start, tree
            else:
                if stack[-1][2] or len(stack[-1][1]) > 1:
                    raise Fault(
                        f"{where}:{number}: {piece!r} found, expected ')' or a tree; a leaf is (label word)"
                    )
                stack[-1][1].append(piece)
    if stack:
        raise Fault(f"{where}:{stack[0][0]}: a bracket opened here is not closed at the end of the file")


def _node(where: str, atoms: list[str], children: list[Tree]) -> Tree:
    if not atoms and len(children) == 1:
        return children[0]
    if not atoms and not children:
        raise Fault(
            f"{where}: a bracket without label, word or tree, expected (label word) or (label tree ...)"
        )
    if not atoms:
        return Tree("", None, tuple(children))
    if len(atoms) == 1 and not children:
        raise Fault(f"{where}: a bracket with {atoms[0]!r} alone, expected (label word) or (label tree ...)")
    return Tree(atoms[0], atoms[1] if len(atoms) > 1 else None, tuple(children))
