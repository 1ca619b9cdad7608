"""Trees of words, and what a recipe says about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from pydantic import Field

from recurra.data import Examples, Tree, parse_trees
from recurra.data.examples import Place
from recurra.data.text.bare_trees import nested_tree, parse_bare_trees, plain_word
from recurra.errors import Fault, quoted
from recurra.forest import Forest
from recurra.models import Input, Trees, Words
from recurra.tasks.readers.words import WordModelOptions, WordReader, WordRowOptions


class TreeOptions(WordRowOptions):
    """How trees are read where the data hold them as text.

    Attributes:
        node_labels: whether brackets begin with a label, as in `(3 (2 It) (4 works))`; without them, as in
            `( not ( b ( or b ) ) )`, they hold words and trees alone.
        max_nodes: a tree of more nodes is a fault.
    """

    node_labels: bool = True
    max_nodes: int = Field(default=200_000, ge=1)


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A tree, its nodes numbered so that children come before their parent, from left to right.

    Attributes:
        words: of the leaves. labels: of the nodes, empty where one has none.
        parents: the number of each node's parent; -1 at the root, the last one.
        height: edges of the longest way from the root to a leaf.
        slots: the most children that a node has.
    """

    words: list[str]
    labels: list[str]
    parents: list[int]
    height: int
    slots: int

    @classmethod
    def of(cls, tree: Tree) -> Self:
        """From a tree."""
        words: list[str] = []
        labels: list[str] = []
        parents: list[int] = []
        heights: list[int] = []
        slots = 0
        waiting: list[int] = []  # nodes whose parent has not come yet
        stack: list[tuple[Tree, bool]] = [(tree, False)]
        while stack:  # as `Tree.nodes`, which a hundred thousand formulas find slow
            node, opened = stack.pop()
            if node.children and not opened:
                stack.append((node, True))
                for child in node.children[::-1]:
                    stack.append((child, False))
                continue
            number, height = len(labels), 0
            if node.children:
                count = len(node.children)
                slots = max(slots, count)
                for child_number in waiting[-count:]:
                    parents[child_number] = number
                    if heights[child_number] >= height:
                        height = heights[child_number] + 1
                del waiting[-count:]
            elif node.word is not None:
                words.append(plain_word(node.word))
            labels.append(node.label)
            heights.append(height)
            parents.append(-1)
            waiting.append(number)
        return cls(words, labels, parents, heights[-1], slots)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def arities(self) -> list[int]:
        """How many children each node has."""
        counts = [0] * len(self)
        for parent in self.parents[:-1]:
            counts[parent] += 1
        return counts

    def spans(self) -> Iterator[tuple[int, int]]:
        """The places of each node's words: `words[start:end]`."""
        starts: list[int] = []
        end = 0
        for arity in self.arities:
            if arity:
                start = starts[-arity]
                del starts[-arity:]
            else:
                start, end = end, end + 1
            starts.append(start)
            yield start, end

    def tree(self, labels: Sequence[str]) -> Tree:
        """With other labels at its nodes."""
        words = iter(self.words)
        trees: list[Tree] = []
        for arity, label in zip(self.arities, labels, strict=True):
            if arity:
                node = Tree(label, None, tuple(trees[-arity:]))
                del trees[-arity:]
            else:
                node = Tree(label, next(words))
            trees.append(node)
        return trees[0]


class TreeReader:
    """Trees of words as what a model's encoder reads.

    Args:
        words: how words are told apart.
        options: how trees are written.

    Attributes:
        labels: the labels that a tree to predict for may have where the data's trees have labels; None: any.
        slots: how many children the model's cell takes; None: any number.
    """

    def __init__(self, words: WordReader, options: TreeOptions) -> None:
        self.words, self.options = words, options
        self.labels: frozenset[str] | None = None
        self.slots: int | None = None
        self._rows: dict[str, TreeRow] = {}  # by text: a column of formulas holds many of them often

    @classmethod
    def build(
        cls, rows: Sequence[TreeRow], source: str, options: TreeOptions, model: WordModelOptions
    ) -> Self:
        """From the training trees."""
        places = [Place(source, number) for number in range(1, len(rows) + 1)]
        leaves = Examples({"tree": [row.words for row in rows]}, places, source)
        return cls(WordReader.build(leaves, "tree", options.tokenizer, model), options)

    @classmethod
    def load(cls, folder: Path, options: TreeOptions, model: WordModelOptions) -> Self:
        """Reads what `save` wrote."""
        return cls(WordReader.load(folder, "tree", options.tokenizer, model), options)

    def save(self, folder: Path) -> None:
        """Writes what reading needs."""
        self.words.save(folder)

    def row(self, item: Any) -> TreeRow:
        """The tree of one thing to predict for: brackets as text, nested lists of words, or a table with
        either as 'tree'.
        """
        entry = item.get("tree") if isinstance(item, Mapping) else item
        if isinstance(entry, str):
            row = TreeRow.of(one_tree(entry, self.options))
            for label in row.labels if self.labels is not None else ():
                if label and label not in (self.labels or ()):
                    raise Fault(
                        f"label {quoted(label)} was not seen in training: write a tree without labels as "
                        f'nested lists in JSON, ["It", ["really", "works"]]'
                    )
        elif isinstance(entry, list):
            row = TreeRow.of(nested_tree(entry))
        else:
            raise Fault(f"{quoted(item)} found, expected a tree: brackets as text, or nested lists of words")
        self._check(row)
        return row

    def rows(self, examples: Examples, column: str) -> list[TreeRow]:
        """The trees of a column, see `tree_rows`. Fault, by place, for one that the model can't read."""
        rows = tree_rows(examples, column, self.options, self._rows)
        self.check_rows(rows, examples, column)
        return rows

    def check_rows(self, rows: Sequence[TreeRow], examples: Examples, column: str) -> None:
        """Fault, by place, for a tree that the model can't read."""
        for row, place in zip(rows, examples.places, strict=True):
            try:
                self._check(row)
            except Fault as fault:
                raise Fault(f"{place}: column {column!r}: {fault}") from None

    def _check(self, row: TreeRow) -> None:
        if len(row) > self.options.max_nodes:
            raise Fault(
                f"a tree of {len(row):,} nodes, expected at most {self.options.max_nodes:,}: leave it out, "
                f"or raise data.max_nodes"
            )
        if self.slots is not None and row.slots > self.slots:
            raise Fault(
                f"a node of {row.slots:,} children, the cell takes {self.slots}: set model.cell_options = "
                f"{{ slots = {row.slots} }}, or a cell of any number, model.cell = 'child_sum_lstm'"
            )

    def batch(self, rows: Sequence[TreeRow]) -> Trees:
        """What an encoder reads."""
        count = sum(map(len, rows))
        forest = Forest.from_parents(torch.zeros(count, dtype=torch.int64), [row.parents for row in rows])
        leaves = forest.order[: forest.level_sizes[0]]
        is_leaf = torch.zeros(count, dtype=torch.int64).index_fill_(0, leaves, 1)
        order = (is_leaf.cumsum(0) - 1)[leaves]  # of the words, as the forest has them
        joined = [word for row in rows for word in row.words]
        words = self.words.batch([[joined[k] for k in order.tolist()]])
        ids, shapes, spelled = (None if part is None else part.data for part in words[:3])
        places = torch.full((count,), -1)
        places[: len(leaves)] = torch.arange(len(leaves))
        return Trees(Words(ids, shapes, spelled, words.spelling), forest.like(places))

    def input(self) -> Input:
        """A fresh input for the words."""
        return self.words.input()

    def require_input(self, features: Input, folder: Path) -> None:
        """Fault unless the input of a run's model is one for these words."""
        self.words.require_input(features, folder)

    def check(self, rows: Sequence[TreeRow], validation: Sequence[TreeRow]) -> list[str]:
        """What is worth knowing of the trees."""
        nodes, heights = sum(map(len, rows)), sorted(row.height for row in rows)
        return [
            *self.words.check([row.words for row in validation]),
            f"trees: {nodes:,} nodes in training, heights {heights[0]} to {heights[-1]}, "
            f"median {heights[len(heights) // 2]}",
        ]


def tree_rows(
    examples: Examples, column: str, options: TreeOptions, same: dict[str, TreeRow] | None = None
) -> list[TreeRow]:
    """The trees of a column: trees as a reader made them, brackets as text, or nested lists of words.

    Args:
        same: text -> its tree, as far as they are known; grows.
    """
    rows = []
    same = {} if same is None else same
    for entry, place in zip(examples[column], examples.places, strict=True):
        try:
            if isinstance(entry, str):
                row = same.get(entry) or TreeRow.of(one_tree(entry, options))
                same[entry] = row
            elif isinstance(entry, Tree):
                row = TreeRow.of(entry)
            else:
                row = TreeRow.of(nested_tree(entry))
        except Fault as fault:
            raise Fault(f"{place}: column {column!r}: {fault}") from None
        rows.append(row)
    return rows


def one_tree(text: str, options: TreeOptions) -> Tree:
    """The tree of a text that holds one. Fault where it holds none or more, or is none."""
    parse: Callable[[str], Iterator[tuple[int, Tree]]] = (
        parse_trees if options.node_labels else parse_bare_trees
    )
    try:
        trees = [tree for _, tree in parse(text)]
    except Fault as fault:
        problem = str(fault).removeprefix("tree:1: ").removesuffix(" at the end of the file")
        raise Fault(f"{quoted(text)}: {problem}") from None
    if len(trees) != 1:
        raise Fault(f"{quoted(text)}: {len(trees)} trees found, expected one")
    return trees[0]
