"""Constituency parsing as translation: a sentence into its tree, a row of symbols (Vinyals et al., 2015)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import field_validator

from recurra.data import Tree
from recurra.data.text.constituents import brackets, tags_of
from recurra.data.text.linearised import tree_of_symbols
from recurra.errors import Fault, quoted
from recurra.tasks.base import Example, Score
from recurra.tasks.parse.constituency.data import require_words
from recurra.tasks.parse.constituency.plot import draw_trees
from recurra.tasks.parse.constituency.scores import bracket_figures
from recurra.tasks.parse.constituency.texts import brackets_text, tree_text
from recurra.tasks.parts.likeness import unlike
from recurra.tasks.parts.measurement import Measurement, ratios, together
from recurra.tasks.parts.tables import some
from recurra.tasks.seq2seq.pairs import PairOptions
from recurra.tasks.seq2seq.teacher_forcing import perplexity_figures
from recurra.tasks.translate.task import TranslateTask


class LinearisedDataOptions(PairOptions):
    """Sentences with their trees of constituents: format = "brackets".

    Attributes:
        kind: of tree, and of parser.
        source, target: the columns: texts with a blank between words, and trees as rows of symbols.
        unit: words and symbols.
    """

    kind: Literal["linearised"]
    source: str = "text"
    target: str = "linearised"
    unit: Literal["word", "character", "subword"] = "word"

    @field_validator("unit")
    @classmethod
    def _whole_symbols(cls, unit: str) -> str:
        if unit != "word":
            raise ValueError("a tree is a row of whole symbols: expected 'word'")
        return unit


class LinearisedTask(TranslateTask):
    """Writes the tree of a sentence symbol by symbol. What it writes is any row of symbols: it becomes a tree
    over the sentence's words by `recurra.data.text.linearised.tree_of_symbols`.
    """

    name = "parse"
    DataOptions = LinearisedDataOptions
    formats: ClassVar[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
        "brackets": brackets_text,
        "tree": tree_text,
    }
    score = Score("f1", larger_is_better=True)

    def signatures(self) -> dict[str, str]:
        """Brackets are counted by one rule."""
        return {}

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`f1`, `precision`, `recall`, `complete` and `tag_accuracy` as of the kind "constituency"; `sound`:
        the share of answers that were trees as they were written, and `perplexity` of the true symbols.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        pairs = selection.examples
        sentences = [text.split() for text in pairs.sources]
        true = zip(sentences, pairs.targets, strict=True)
        gold = [tree_of_symbols(words, symbols.split())[0] for words, symbols in true]
        answers = self.parse(sentences)
        brackets = bracket_figures(gold, [tree for tree, _ in answers])
        sound = ratios({"sound": ([fine for _, fine in answers], None)})
        perplexity = perplexity_figures(self.target_costs(pairs))
        return selection.measured(len(gold), "sentences", together(brackets, sound, perplexity))

    def row(self, item: Any) -> str:
        """Of a text with blanks between words, a list of words, or a table with `text` or `tokens`."""
        entry = item.get("tokens", item.get("text")) if isinstance(item, Mapping) else item
        words = entry.split() if isinstance(entry, str) else entry
        if not isinstance(words, Sequence) or not all(isinstance(word, str) for word in words):
            raise Fault(
                f"{quoted(item)} found, expected a text, a list of words, or a table with 'text' or 'tokens'"
            )
        require_words(words, self.options.max_length)
        return super().row(" ".join(words))

    def answers(self, rows: Sequence[str]) -> Iterator[dict[str, Any]]:
        """For each sentence its `tokens`, their `tags`, the tree as `brackets`, and whether the answer was a
        tree as it was written (`sound`).
        """
        sentences = [row.split() for row in rows]
        for words, (tree, sound) in zip(sentences, self.parse(sentences), strict=True):
            yield {"tokens": words, "tags": tags_of(tree), "brackets": brackets(tree), "sound": sound}

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The tree, as `brackets`."""
        return [some(answer, "brackets", "sound")]

    def mistake(self, answer: Mapping[str, Any], truth: str) -> float:
        """How far the tree, written in brackets, is from the true one."""
        true, _ = tree_of_symbols(answer["tokens"], truth.split())
        return unlike(answer["brackets"].split(), brackets(true).split())

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """The tree of each sentence, and below it the true one where it is another."""
        rows = [each.row.split() for each in examples]
        truths = [
            None if each.truth is None else tree_of_symbols(row, each.truth.split())[0]
            for row, each in zip(rows, examples, strict=True)
        ]
        return draw_trees([tree for tree, _ in self.parse(rows)], truths, dark)

    def parse(self, sentences: Sequence[Sequence[str]]) -> list[tuple[Tree, bool]]:
        """The tree of each sentence, of at least one word each, and whether it was written as a tree."""
        answers = self.translate([" ".join(words) for words in sentences])
        return [
            tree_of_symbols(words, best["tokens"])
            for words, (best, *_) in zip(sentences, answers, strict=True)
        ]
