"""Trees of constituents: without what no parser is to tell, as labelled spans of words, and as brackets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from recurra.data.text.trees import ESCAPES, Tree, parse_trees
from recurra.errors import Fault, quoted

Span = tuple[int, int]
"""Where a constituent starts, and where it ends: its words are `words[start:end]`."""

TRACE = "-NONE-"
"""The tag of an empty element in the Penn Treebank: nobody wrote or said it."""
ROOTS = ("ROOT", "TOP")
"""What treebanks call the node above a sentence."""

_WRITTEN = re.compile("|".join(ESCAPES))


def category(label: str) -> str:
    """A label without its function tags, cut at the first "-" or "=": NP of NP-SBJ or NP=2."""
    return re.split("[-=]", label, maxsplit=1)[0]


def cleaned(tree: Tree, functions: bool = False) -> Tree | None:
    """A tree as it is parsed: brackets that stand for themselves in its words, no empty elements and nothing
    above them alone, and no function tags unless `functions`; None where no word is left.
    """

    def clean(node: Tree, children: tuple[Tree, ...]) -> Tree | None:
        if node.word is not None:
            return None if node.label == TRACE else Tree(node.label, _unescaped(node.word))
        label = node.label if functions else category(node.label) or node.label
        return Tree(label, None, children) if children else None

    return _rebuilt(tree, clean)


def brackets(tree: Tree) -> str:
    """A tree on one line; brackets within its words are written -LRB- and -RRB-."""
    return str(tree)


def one_tree(text: str, where: str) -> Tree:
    """The only tree of a text, `cleaned` but for its function tags.

    Raises:
        Fault: brackets that do not balance, no tree, several, or one without words; begins with `where`.
    """
    trees = [tree for _, tree in parse_trees(text, where)]
    if len(trees) != 1:
        raise Fault(f"{where}: {len(trees)} trees found, expected one")
    require_root(trees[0], where)
    tree = cleaned(trees[0], functions=True)
    if tree is None:
        raise Fault(f"{where}: a tree of empty elements alone found, expected words in it")
    return tree


def tags_of(tree: Tree) -> list[str]:
    """The labels of the leaves, left to right."""
    return [node.label for node in tree.nodes() if node.word is not None]


def chains_of(*trees: Tree) -> dict[Span, str]:
    """Every span of words that is a constituent, and its label; trees one after another.

    Constituents of the same words are one, its labels joined by blanks from the outermost in: "SBAR S".
    """
    chains: dict[Span, str] = {}
    first = 0
    for tree in trees:
        end = first
        for node, start, end in tree.spans():
            if node.word is None:
                span = first + start, first + end
                inner = chains.get(span)
                chains[span] = node.label if inner is None else f"{node.label} {inner}"
        first += end
    return chains


def trees_of(words: Sequence[str], tags: Sequence[str], chains: Mapping[Span, str]) -> tuple[Tree, ...]:
    """The inverse of `chains_of`: what stands over the words, left to right.

    Raises:
        Fault: two spans cross, one is empty, or one reaches beyond the words.
    """
    spans = sorted(chains, key=lambda span: (span[0], -span[1]))
    for start, end in spans:
        if not 0 <= start < end <= len(words):
            raise Fault(f"the span {start} to {end} found over {len(words)} words, expected some of them")
    tops: list[Tree] = []
    open_spans: list[tuple[Span, list[Tree]]] = []
    place = 0
    for number, (word, tag) in enumerate(zip(words, tags, strict=True)):
        while place < len(spans) and spans[place][0] == number:
            if open_spans and spans[place][1] > open_spans[-1][0][1]:
                raise Fault(f"the spans {open_spans[-1][0]} and {spans[place]} cross, expected a tree")
            open_spans.append((spans[place], []))
            place += 1
        (open_spans[-1][1] if open_spans else tops).append(Tree(tag, word))
        while open_spans and open_spans[-1][0][1] == number + 1:
            span, children = open_spans.pop()
            outer, *inner = chains[span].split(" ")
            parts = tuple(children)
            for label in reversed(inner):
                parts = (Tree(label, None, parts),)
            (open_spans[-1][1] if open_spans else tops).append(Tree(outer, None, parts))
    return tuple(tops)


def indented(tree: Tree) -> str:
    """A tree as lines of text, a node a line, joined to its parent by rules."""
    lines: list[str] = []
    stack: list[tuple[Tree, str, str]] = [(tree, "", "")]
    while stack:
        node, head, rest = stack.pop()
        lines.append(head + (node.label if node.word is None else f"{node.label} {node.word}"))
        for number, child in enumerate(reversed(node.children)):
            rule, gap = ("└─ ", "   ") if number == 0 else ("├─ ", "│  ")
            stack.append((child, rest + rule, rest + gap))
    return "\n".join(lines)


def require_root(tree: Tree, where: str) -> None:
    """Fault where two trees stand in one bracket, or a root within a tree: a bracket is missing there."""
    if tree.word is None and not tree.label:
        raise Fault(
            f"{where}: {len(tree.children)} trees found in a bracket without label, expected one: write each "
            f"by itself, or label what holds them"
        )
    inner = next((node for node in tree.nodes() if node.label in ROOTS and node is not tree), None)
    if inner is not None:
        raise Fault(
            f"{where}: a tree labelled {quoted(inner.label)} found within the tree that starts here, "
            f"expected it outermost: a closing bracket may be missing before it"
        )


def _unescaped(word: str) -> str:
    return _WRITTEN.sub(lambda match: ESCAPES[match[0]], word)


def _rebuilt(tree: Tree, make: Callable[[Tree, tuple[Tree, ...]], Tree | None]) -> Tree | None:
    """What `make` gives for the root, from each node and what it gave for the children; None leaves out."""
    results: list[Tree | None] = []
    for node in tree.nodes():
        first = len(results) - len(node.children)
        children = tuple(child for child in results[first:] if child is not None)
        del results[first:]
        results.append(make(node, children))
    return results[0]
