"""The labels that a parser chooses from for every span of a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from recurra.data import LabelSet, Tree
from recurra.data.text.constituents import ROOTS, Span, chains_of, trees_of
from recurra.errors import Fault, quoted
from recurra.storage.fields import Fields, is_text
from recurra.storage.files import check_format, read_json, write_json

CONSTITUENTS = "constituents.json"
FORMAT = 1
_SHOWN = 20


class Constituents:
    """Labels of spans. A span that is several constituents has them all in one label; see `chains_of`.

    Attributes:
        names: the labels; the first is empty, of a span that is no constituent.
        root: the label above every tree, and nowhere else, which is therefore not learnt; None: there is
            none.
    """

    def __init__(self, names: LabelSet, root: str | None) -> None:
        self.names, self.root = names, root

    @classmethod
    def build(cls, trees: Sequence[Tree], where: str) -> Self:
        """From the training data. Fault, beginning with `where`, where no tree has a constituent."""
        root = _common_root(trees)
        counts = Counter(chain for tree in trees for chain in _chains(tree, root).values())
        counts[""] = sum(len(tree.words()) for tree in trees) - counts.total()
        names = sorted(counts)
        try:
            return cls(LabelSet(names, [max(0, counts[name]) for name in names]), root)
        except Fault as fault:
            raise Fault(f"{where}: trees without constituents: {fault}") from None

    def encode(self, tree: Tree) -> Tensor:
        """The true label of each span of the tree's words: int64, in the order of `SpanPlaces`."""
        size = len(tree.words())
        labels = torch.zeros(size * (size + 1) // 2, dtype=torch.int64)
        for (start, end), number in self.spans(tree).items():
            labels[start * size - start * (start - 1) // 2 + end - start - 1] = number
        return labels

    def spans(self, tree: Tree) -> dict[Span, int]:
        """The constituents of a tree, and the numbers of their labels. Fault for a label that is none."""
        return {span: self.names[chain] for span, chain in _chains(tree, self.root).items()}

    def decode(self, words: Sequence[str], tags: Sequence[str], spans: Mapping[Span, int]) -> Tree:
        """The tree of labelled spans over words with these tags.

        Raises:
            Fault: the spans are no tree.
        """
        chains = {span: self.names.names[number] for span, number in spans.items()}
        tops = trees_of(words, tags, chains)
        if self.root is not None:
            return Tree(self.root, None, tops)
        if len(tops) != 1:
            raise Fault(f"{len(tops)} trees found over {len(words)} words, expected one")
        return tops[0]

    def unseen(self, tree: Tree) -> int:
        """How many constituents of a tree have a label that training had none of."""
        return sum(chain not in self.names for chain in _chains(tree, self.root).values())

    def lines(self) -> list[str]:
        """For `check`."""
        ordered = sorted(zip(self.names.counts, self.names.names, strict=True), reverse=True)
        often = [f"{name} {count:,}" for count, name in ordered if name]
        listed = ", ".join(often[:_SHOWN]) + (", ..." if len(often) > _SHOWN else "")
        rare = sum(count == 1 for count, _ in ordered)
        root = "none" if self.root is None else self.root
        notes = [f"{rare} labels are seen only once in training: too little to learn them"] if rare else []
        return [f"labels: {len(often)}: {listed}; root: {root}", *notes]

    def save(self, folder: Path) -> None:
        """Writes a JSON file."""
        write_json(
            folder / CONSTITUENTS, {"format": FORMAT, "root": self.root, "names": self.names.to_dict()}
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what `save` wrote."""
        where = str(folder / CONSTITUENTS)
        description = read_json(folder / CONSTITUENTS)
        check_format(description, FORMAT, where)
        root = description.get("root")
        names = LabelSet.from_dict(Fields(description, where).table("names"), f"{where}: names")
        if not (root is None or (is_text(root) and root)):
            raise Fault(f"{where}: root {quoted(root)} found, expected a label, or none")
        if names.names[0]:
            raise Fault(
                f"{where}: no empty label found, which stands for no constituent: it is damaged or from "
                f"another version"
            )
        return cls(names, root)


def _common_root(trees: Sequence[Tree]) -> str | None:
    """The label of every tree's root, where nothing within a tree has it."""
    roots = {tree.label if tree.word is None else "" for tree in trees}
    if len(roots) != 1 or not (label := roots.pop()):
        return None
    within = (node for tree in trees for node in tree.nodes() if node is not tree and node.word is None)
    return None if any(node.label == label for node in within) else label


def _chains(tree: Tree, root: str | None) -> dict[Span, str]:
    above = root is not None and tree.word is None and tree.label in (root, *ROOTS)
    return chains_of(*(tree.children if above else (tree,)))
