"""Rows of words, and what a recipe says about them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator

from recurra.data import Examples, Vocabulary, columns
from recurra.data.text.features import SHAPES, character_vocabulary, characters, distinct_words, shapes
from recurra.data.text.tokenizers import RULES
from recurra.errors import Fault
from recurra.layers.characters import CharCNN, CharLSTM
from recurra.layers.inputs import Input
from recurra.models import TokenEmbedding, WordFeatures, Words
from recurra.ragged import Ragged
from recurra.storage.fields import Fields
from recurra.storage.files import check_format, read_json, write_json
from recurra.tasks.base import Options
from recurra.tasks.parts.counts import require_count, require_tokens
from recurra.tasks.parts.sizes import lengths_line
from recurra.vectors import WordVectors, load

WORDS = "words.json"
FORMAT = 1

_DIGIT = re.compile(r"\d")


class WordOptions(Options):
    """How words are told apart.

    Attributes:
        lower: capitals count as small letters (the spelling and shape still see them).
        zero_digits: every digit counts as 0 (the spelling and shape still see it).
        min_count: words seen less often in training are unknown. max_size: words kept at most.
        rule: how a text is cut into words, where the data holds texts: at "blanks", or "words" and marks.
    """

    lower: bool = False
    zero_digits: bool = False
    min_count: int = Field(default=1, ge=1)
    max_size: int | None = Field(default=None, ge=3)
    rule: Literal["blanks", "words"] = "blanks"


class WordRowOptions(Options):
    """Rows of words.

    Attributes:
        tokenizer: see there.
    """

    tokenizer: WordOptions = WordOptions()


class WordModelOptions(Options):
    """What a model sees of a word.

    Attributes:
        embedding: width of a word's vector; with `embeddings`, theirs counts.
        embeddings: a file of word vectors, or a folder of trained ones, that the vectors start from; its
            words are known besides those of the training data. frozen: these vectors stay as they are.
            unit_spread: these vectors are divided by their standard deviation (Dozat and Manning, 2017).
        embeddings_words: which of its words enter the model: "all", or those of the training "data" alone,
            which makes a model of the size of the data; a word met later is then unknown.
        embeddings_limit: rows of the file that are read, the first ones: of most files the commonest words.
        word_dropout: share of the words read as unknown, in training.
        characters: a layer that reads the spelling; "lstm" (Lample et al., 2016) or "cnn" (Ma and Hovy,
            2016). character_embedding: width of a character's vector. character_hidden: width of what is
            learnt of the spelling, for each direction of "lstm".
        shapes: whether capitals, digits and the like are told apart (Collobert et al., 2011).
    """

    embedding: int = Field(default=100, ge=1)
    embeddings: str | None = None
    embeddings_words: Literal["all", "data"] = "all"
    embeddings_limit: int | None = Field(default=None, ge=1)
    frozen: bool = False
    unit_spread: bool = False
    word_dropout: float = Field(default=0.0, ge=0, lt=1)
    characters: Literal["none", "lstm", "cnn"] = "none"
    character_embedding: int = Field(default=25, ge=1)
    character_hidden: int = Field(default=25, ge=1)
    shapes: bool = False

    @model_validator(mode="after")
    def _something_to_freeze(self) -> Self:
        if self.frozen and self.embeddings is None:
            raise ValueError("frozen = true keeps vectors as they are: expected embeddings to take them from")
        if self.unit_spread and self.embeddings is None:
            raise ValueError("unit_spread = true divides vectors: expected embeddings to take them from")
        selective = self.embeddings_words != "all" or self.embeddings_limit is not None
        if selective and self.embeddings is None:
            raise ValueError("embeddings_words and embeddings_limit choose vectors: expected embeddings")
        return self


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
        self._tuned: int | None = None  # words that the training data have
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
        vectors = None if model.embeddings is None else _vectors(model, words)
        tuned = None
        if vectors is not None:
            more = [word for word in vectors.words if word not in words]
            tuned = len(words) if more and not model.frozen else None
            words = Vocabulary(
                [*words.tokens, *more], [*words.counts, *[0] * len(more)], unknown=words.tokens[0]
            )
        spelling = character_vocabulary(rows) if model.characters != "none" else None
        reader = cls(column, words, spelling, options, model)
        reader._train, reader._vectors, reader._tuned = [len(row) for row in rows], vectors, tuned
        return reader

    def rows(self, examples: Examples) -> list[list[str]]:
        return token_rows(examples, self.column, self.options)

    def row(self, item: Any) -> list[str]:
        entry = item.get("tokens", item.get("text")) if isinstance(item, Mapping) else item
        if isinstance(entry, str):
            return RULES[self.options.rule](entry)
        if isinstance(entry, Sequence) and all(isinstance(word, str) for word in entry):
            return list(entry)
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
            spellings = characters(distinct, self.spelling) or [torch.zeros(0, dtype=torch.int64)]
            words = words._replace(spelled=Ragged.from_list(places), spelling=Ragged.from_list(spellings))
        return words

    def batch_names(self, batch: Words) -> list[list[str]]:
        """The words as the vocabulary has them: what it does not know is its unknown word."""
        return [[self.words.tokens[number] for number in row.tolist()] for row in batch.ids.to_list()]

    def input(self) -> WordFeatures:
        """With vectors from `embeddings`, where a word is in it."""
        model, vectors = self.model, self._vectors
        size = model.embedding if vectors is None else vectors.matrix.shape[1]
        table = TokenEmbedding(
            len(self.words),
            size,
            model.frozen,
            unknown=self.words.unknown,
            word_dropout=model.word_dropout,
            tuned=self._tuned,
        )
        if vectors is not None:
            pairs = [(self.words[word], row) for row, word in enumerate(vectors.words) if word in self.words]
            ids, rows = (torch.tensor(part) for part in zip(*pairs, strict=True))
            matrix = torch.from_numpy(vectors.matrix)
            if model.unit_spread:
                matrix = matrix / matrix.std()
            table.fill(ids, matrix[rows])
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
        if self._vectors is not None:
            counts = zip(self.words.tokens[1:], self.words.counts[1:], strict=True)
            common = [word for word, count in counts if count]
            share = sum(word in self._vectors for word in common) / max(1, len(common))
            lines += [f"embeddings: {share:.1%} of the training words have one", *self._vectors.notes]
        # word dropout trains the vector of unknown words, whatever the data hold
        notes = [] if self.model.word_dropout > 0 else self.words.notes()
        return lines + [str(note) for note in notes]

    def require_input(self, features: Input, folder: Path) -> None:
        assert isinstance(features, WordFeatures)
        require_tokens(len(self.words), features.words, "words", folder / WORDS)
        speller = features.spelling
        letters = 0 if self.spelling is None else len(self.spelling)
        require_count(
            letters, 0 if speller is None else speller.config["characters"], "characters", folder / WORDS
        )
        require_count(
            len(SHAPES) * self.model.shapes, features.config["shapes"], "shapes", folder / "recipe.toml"
        )

    def save(self, folder: Path) -> None:
        spelling = None if self.spelling is None else self.spelling.to_dict()
        write_json(folder / WORDS, {"format": FORMAT, "words": self.words.to_dict(), "spelling": spelling})

    @classmethod
    def load(cls, folder: Path, column: str, options: WordOptions, model: WordModelOptions) -> Self:
        """Reads what `save` wrote."""
        where = str(folder / WORDS)
        description = read_json(folder / WORDS)
        check_format(description, FORMAT, where)
        spelling = description.get("spelling")
        return cls(
            column,
            Vocabulary.from_dict(Fields(description, where).table("words"), f"{where}: words"),
            None if spelling is None else Vocabulary.from_dict(spelling, f"{where}: spelling"),
            options,
            model,
        )


def _vectors(model: WordModelOptions, vocabulary: Vocabulary) -> WordVectors:
    """Those that a recipe asks for. Fault where no word of the training data has one."""
    assert model.embeddings is not None
    words = vocabulary.tokens if model.embeddings_words == "data" else None
    vectors = load(
        model.embeddings, limit=model.embeddings_limit, words=None if words is None else set(words)
    )
    if not len(vectors):
        raise Fault(
            f"{model.embeddings}: has none of the {len(vocabulary):,} words of the training data: is it of "
            f"another language, or are its words in small letters (tokenizer.lower = true)?"
        )
    return vectors


def token_rows(examples: Examples, column: str, options: WordOptions) -> list[list[str]]:
    """The words of each example: a list as it stands, a text cut by the rule."""
    if options.rule == "words" and any(isinstance(entry, str) for entry in examples[column]):
        return [RULES["words"](text) for text in columns.text(examples, column)]
    return columns.tokens(examples, column)


def _normal(word: str, options: WordOptions) -> str:
    word = word.lower() if options.lower else word
    return _DIGIT.sub("0", word) if options.zero_digits else word
