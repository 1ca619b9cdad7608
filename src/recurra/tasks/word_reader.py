"""Rows of words: which are known, how they are spelt, what shape they have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import torch

from recurra.data import Examples, Vocabulary, columns
from recurra.data.features import SHAPES, character_vocabulary, characters, distinct_words, shapes
from recurra.data.storage import read_json, write_json
from recurra.data.tokenizers import RULES
from recurra.data.vocabulary import check_format
from recurra.errors import Fault
from recurra.layers.characters import CharCNN, CharLSTM
from recurra.models import TokenEmbedding, WordFeatures, Words
from recurra.ragged import Ragged
from recurra.tasks.sizes import lengths_line
from recurra.tasks.word_options import WordModelOptions, WordOptions
from recurra.vectors import WordVectors, load

WORDS = "words.json"
FORMAT = 1

_DIGIT = re.compile(r"\d")


class WordReader:
    """Rows of words.

    Args:
        column: of the words. words: the vocabulary, of words as `normal` makes them.
        spelling: the characters, None where the spelling is not read.
    """

    def __init__(
        self,
        column: str,
        words: Vocabulary,
        spelling: Vocabulary | None,
        options: WordOptions,
        model: WordModelOptions,
    ) -> None:
        self.column, self.words, self.spelling = column, words, spelling
        self.options, self.model = options, model
        self._id = lru_cache(200_000)(lambda word: self.words[_normal(word, self.options)])
        self._train: list[int] = []
        self._vectors: WordVectors | None = None

    @classmethod
    def build(cls, examples: Examples, column: str, options: WordOptions, model: WordModelOptions) -> Self:
        """From the training data."""
        rows = token_rows(examples, column, options)
        normal = [[_normal(word, options) for word in row] for row in rows]
        try:
            words = Vocabulary.build(normal, min_count=options.min_count, max_size=options.max_size, end=None)
        except Fault as fault:
            raise Fault(f"{examples.source}: column {column!r}: {fault}") from None
        vectors = None if model.embeddings is None else load(model.embeddings)
        if vectors is not None:
            more = [word for word in vectors.words if word not in words]
            words = Vocabulary(
                [*words.tokens, *more], [*words.counts, *[0] * len(more)], unknown=words.tokens[0]
            )
        spelling = character_vocabulary(rows) if model.characters != "none" else None
        reader = cls(column, words, spelling, options, model)
        reader._train, reader._vectors = [len(row) for row in rows], vectors
        return reader

    def rows(self, examples: Examples) -> list[list[str]]:
        return token_rows(examples, self.column, self.options)

    def row(self, item: Any) -> list[str]:
        found = item.get("tokens", item.get("text")) if isinstance(item, Mapping) else item
        if isinstance(found, str):
            return RULES[self.options.rule](found)
        if isinstance(found, Sequence) and all(isinstance(word, str) for word in found):
            return list(found)
        raise Fault(f"{item!r} found, expected a text, a list of words, or a table with 'text' or 'tokens'")

    def step_names(self, row: Sequence[str]) -> list[str]:
        return list(row)

    def batch(self, rows: Sequence[Sequence[str]]) -> Words:
        ids = [[self._id(word) for word in row] for row in rows]
        words = Words(Ragged.from_list([torch.tensor(row, dtype=torch.int64) for row in ids]))
        if self.model.shapes:
            words = words._replace(shapes=Ragged.from_list(shapes(rows)))
        if self.spelling is not None:
            distinct, places = distinct_words(rows)
            spelt = characters(distinct, self.spelling) or [torch.zeros(0, dtype=torch.int64)]
            words = words._replace(spelled=Ragged.from_list(places), spelling=Ragged.from_list(spelt))
        return words

    def input(self) -> WordFeatures:
        """With vectors from `embeddings`, where a word is in it."""
        model, held = self.model, self._vectors
        size = model.embedding if held is None else held.matrix.shape[1]
        table = TokenEmbedding(
            len(self.words), size, model.frozen, unknown=self.words.unknown, word_dropout=model.word_dropout
        )
        if held is not None:
            rows = [
                (self.words[word], number) for number, word in enumerate(held.words) if word in self.words
            ]
            here, there = (torch.tensor(part) for part in zip(*rows, strict=True))
            with torch.no_grad():
                table.table.weight[here] = torch.from_numpy(held.matrix)[there]
        widths = (model.character_embedding, model.character_hidden)
        speller: CharLSTM | CharCNN | None = None
        if self.spelling is not None:
            layer = CharLSTM if model.characters == "lstm" else CharCNN
            speller = layer(len(self.spelling), *widths)
        return WordFeatures(table, speller, len(SHAPES) if model.shapes else 0)

    def check(self, held_out: Sequence[Sequence[str]]) -> list[str]:
        normal = [_normal(word, self.options) for row in held_out for word in row]
        unknown = sum(word not in self.words for word in normal) / max(1, len(normal))
        lines = [
            lengths_line("train", self._train, "words"),
            lengths_line("validation", [len(row) for row in held_out], "words"),
            f"vocabulary: {len(self.words):,} words; {unknown:.1%} of the validation words are unknown",
        ]
        if self.spelling is not None:
            lines.append(f"spelling: {len(self.spelling):,} characters")
        trained = self.model.word_dropout > 0
        return lines + ([] if trained else [str(note) for note in self.words.notes()])

    def save(self, folder: Path) -> None:
        spelling = None if self.spelling is None else self.spelling.to_dict()
        write_json(folder / WORDS, {"format": FORMAT, "words": self.words.to_dict(), "spelling": spelling})

    @classmethod
    def load(cls, folder: Path, column: str, options: WordOptions, model: WordModelOptions) -> Self:
        """Reads what `save` wrote."""
        where = str(folder / WORDS)
        held = read_json(folder / WORDS)
        check_format(held, FORMAT, where)
        spelling = held.get("spelling")
        return cls(
            column,
            Vocabulary.from_dict(held.get("words") or {}, f"{where}: words"),
            None if spelling is None else Vocabulary.from_dict(spelling, f"{where}: spelling"),
            options,
            model,
        )


def token_rows(examples: Examples, column: str, options: WordOptions) -> list[list[str]]:
    """The words of each example: a list as it stands, a text cut by the rule."""
    if options.rule == "words" and any(isinstance(cell, str) for cell in examples[column]):
        return [RULES["words"](text) for text in columns.text(examples, column)]
    return columns.tokens(examples, column)


def _normal(word: str, options: WordOptions) -> str:
    word = word.lower() if options.lower else word
    return _DIGIT.sub("0", word) if options.zero_digits else word
