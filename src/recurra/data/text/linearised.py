"""Trees of constituents as rows of symbols, which an encoder-decoder can write (Vinyals et al., 2015)."""

from __future__ import annotations

from collections.abc import Sequence

from recurra.data.text.constituents import ROOTS
from recurra.data.text.trees import Tree

MISSING = "XX"
"""The tag of a word that a row of symbols has none for."""


def linearised(tree: Tree) -> str:
    """A tree without its words, symbols with blanks between: `(S (NP NN )NP (VP VBZ )VP )S`."""
    symbols: list[str] = []
    stack: list[Tree | str] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            symbols.append(node)
        elif node.word is not None:
            symbols.append(node.label)
        else:
            symbols.append(f"({node.label}")
            stack += [f"){node.label}", *reversed(node.children)]
    return " ".join(symbols)


def tree_of_symbols(words: Sequence[str], symbols: Sequence[str]) -> tuple[Tree, bool]:
    """A tree over all words (at least one) from any symbols, and whether they had to be repaired:

    - a closing bracket closes the innermost open one, whatever its label; where none is open it is left out;
    - a symbol that is no bracket is the tag of the next word, and is left out where no word is left;
    - brackets that are still open are closed at the end, and those without a word are left out;
    - words that are left come to the end of the outermost constituent, with the tag XX;
    - several trees, or none but a word, get a ROOT above them.
    """
    tops: list[Tree] = []
    stack: list[tuple[str, list[Tree]]] = []
    count, sound = 0, True

    def close() -> None:
        label, children = stack.pop()
        if children:
            (stack[-1][1] if stack else tops).append(Tree(label, None, tuple(children)))

    for symbol in symbols:
        if symbol.startswith("("):
            stack.append((symbol[1:], []))
        elif symbol.startswith(")"):
            if stack:
                sound &= stack[-1][0] == symbol[1:] and bool(stack[-1][1])
                close()
            else:
                sound = False
        elif count < len(words):
            (stack[-1][1] if stack else tops).append(Tree(symbol, words[count]))
            count += 1
        else:
            sound = False
    sound &= not stack and count == len(words) and len(tops) == 1
    while stack:
        close()
    rest = tuple(Tree(MISSING, word) for word in words[count:])
    if len(tops) == 1 and (tops[0].children or not rest):
        (top,) = tops
        return (Tree(top.label, None, top.children + rest) if rest else top), sound
    return Tree(ROOTS[0], None, (*tops, *rest)), sound
