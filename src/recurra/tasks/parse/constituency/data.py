"""Sentences with their trees of constituents, as a recipe describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from pydantic import Field

from recurra.data import Examples, Place, Tree
from recurra.data.columns import excerpt
from recurra.data.text.constituents import cleaned, one_tree, tags_of
from recurra.errors import Fault, quoted
from recurra.tasks.parse.sentences import SentenceOptions
from recurra.tasks.parts.rows import RowOptions, usable
from recurra.tasks.readers.words import WordRowOptions

TOKENS = "tokens"
"""The column of words that `with_trees` adds, and the name of an answer's words."""


class ConstituencyDataOptions(RowOptions, WordRowOptions):
    """Sentences with their trees of constituents: format = "brackets".

    Attributes:
        kind: of tree.
        tree: the column, of trees or of texts with one bracketed tree each. The words and their tags are its
            leaves; labels are taken as the reader gives them.
        max_length: words of a sentence: work and memory grow with their square.
    """

    kind: Literal["constituency"]
    tree: str = "tree"
    tokenizer: SentenceOptions = SentenceOptions()
    max_length: int = Field(default=300, ge=1)


class Treebank(NamedTuple):
    """Sentences: their words, and the trees over them."""

    words: list[list[str]]
    trees: list[Tree]

    @property
    def tags(self) -> list[list[str]]:
        """Of the words of each sentence."""
        return [tags_of(tree) for tree in self.trees]


def with_trees(examples: Examples, column: str) -> Examples:
    """The examples with trees for entries of `column`, and their words as the column `TOKENS`.

    Raises:
        Fault: an entry that is no tree, by its place.
    """
    trees = [
        _tree(entry, place, column) for entry, place in zip(examples[column], examples.places, strict=True)
    ]
    return examples.with_column(column, trees).with_column(TOKENS, [tree.words() for tree in trees])


def treebank(examples: Examples, options: ConstituencyDataOptions) -> tuple[Treebank, list[str]]:
    """The sentences of examples `with_trees`, and notes on those left out."""
    words: list[list[str]] = examples[TOKENS]
    trees: list[Tree] = examples[options.tree]
    indices, notes = usable(examples, [len(row) for row in words], options)
    return Treebank([words[i] for i in indices], [trees[i] for i in indices]), notes


def require_words(words: Sequence[str], max_length: int) -> None:
    """Fault for a sentence that no tree can be written over."""
    if not words:
        raise Fault("a sentence without words found, expected at least one: there is no tree over none")
    if len(words) > max_length:
        raise Fault(
            f"a sentence of {len(words):,} words found, expected at most data.max_length = "
            f"{max_length:,}: cut the text into sentences"
        )
    for number, word in enumerate(words, 1):
        if not word or any(character.isspace() for character in word):
            raise Fault(
                f"word {number} is {quoted(word)}, expected one without blanks: brackets could not hold it"
            )


def _tree(entry: Any, place: Place, column: str) -> Tree:
    where = f"{place}: column {column!r}"
    if isinstance(entry, str):
        return one_tree(entry, where)
    tree = cleaned(entry, functions=True) if isinstance(entry, Tree) else None
    if tree is None:
        raise Fault(
            f"{where}: {excerpt(entry)} found, expected a tree with words: set format = 'brackets' in the "
            f"source, or column names in [data]"
        )
    return tree
