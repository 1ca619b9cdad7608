"""Text <-> ids: one protocol, three tokenizers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from recurra.data.remarks import Note
from recurra.data.text.moses import MosesRule
from recurra.data.text.subword import SubwordTokenizer
from recurra.data.text.vocabulary import Vocabulary
from recurra.errors import Fault, nearest, quoted
from recurra.storage.fields import Fields
from recurra.storage.files import check_format, read_json, write_json

FORMAT = 1

RULES: dict[str, Callable[[str], list[str]]] = {
    "blanks": str.split,
    "words": re.compile(r"\w+(?:['’.,]\w+)*|[^\w\s]").findall,
}
"""How to find words: see `WordTokenizer`."""

MOSES = ("moses", "moses_tokens")
"""Rules that look at more than the blanks about a word, both ways."""


@runtime_checkable
class Tokenizer(Protocol):
    """Text <-> ids, fixed after training."""

    @property
    def kind(self) -> str:
        """ "word", "character" or "subword"."""

    @property
    def unknown(self) -> int | None:
        """Id of the unknown token."""

    @property
    def end(self) -> int | None:
        """Id of the end token."""

    @property
    def begin(self) -> int | None:
        """Id of the begin token."""

    def __len__(self) -> int:
        """How many ids there are."""

    def split(self, text: str) -> list[str]:
        """The pieces of a text as they stand in it, before unknown ones are replaced."""

    def encode(self, text: str) -> list[int]:
        """The ids of a text; neither begin nor end is added."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; begin and end tokens are left out, unknown ones shown."""

    def token(self, index: int) -> str:
        """The token of one id."""

    def notes(self) -> list[Note]:
        """What `check` should say about it."""

    def save(self, path: str | Path) -> None:
        """Writes one JSON file atomically; `load_tokenizer` reads it."""


class _OfVocabulary:
    """What word and character tokenizers share."""

    kind: str
    joint: str

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    @property
    def unknown(self) -> int | None:
        return self.vocabulary.unknown

    @property
    def end(self) -> int | None:
        return self.vocabulary.end

    @property
    def begin(self) -> int | None:
        return self.vocabulary.begin

    def __len__(self) -> int:
        return len(self.vocabulary)

    def split(self, text: str) -> list[str]:
        raise NotImplementedError

    def encode(self, text: str) -> list[int]:
        return self.vocabulary.encode(self.split(text))

    def decode(self, ids: Iterable[int]) -> str:
        silent = (self.end, self.begin)
        return self.join([self.token(index) for index in ids if index not in silent])

    def join(self, pieces: Sequence[str]) -> str:
        return self.joint.join(pieces)

    def token(self, index: int) -> str:
        return self.vocabulary.token(index)

    def notes(self) -> list[Note]:
        return self.vocabulary.notes()

    def options(self) -> dict[str, Any]:
        return {}

    def save(self, path: str | Path) -> None:
        description = {
            "format": FORMAT,
            "kind": self.kind,
            **self.options(),
            "vocabulary": self.vocabulary.to_dict(),
        }
        write_json(path, description)


class WordTokenizer(_OfVocabulary):
    """Words.

    `rule` "blanks" cuts at white space (for text that is tokenised already); "words" finds words, numbers
    and single punctuation marks. Decoding puts one blank between words. "moses" cuts as Moses does, and
    "moses_tokens" at the blanks of a text that Moses cut already; decoding then writes as people do, by the
    rules of `language`; see `recurra.data.text.moses`.
    """

    kind = "word"
    joint = " "

    def __init__(
        self, vocabulary: Vocabulary, *, rule: str = "blanks", lower: bool = False, language: str = "en"
    ) -> None:
        super().__init__(vocabulary)
        self.rule, self.lower, self.language = rule, lower, language
        self._rule = _rule(rule, language)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        *,
        rule: str = "blanks",
        lower: bool = False,
        language: str = "en",
        min_count: int = 1,
        max_size: int | None = None,
        unknown: str | None = "<UNK>",
        end: str | None = "<EOS>",
        begin: str | None = None,
    ) -> WordTokenizer:
        """Counts the words of `texts`; see `Vocabulary.build`."""
        cut = _rule(rule, language).cut
        words = (cut(text.lower() if lower else text) for text in texts)
        vocabulary = Vocabulary.build(
            words, min_count=min_count, max_size=max_size, unknown=unknown, end=end, begin=begin
        )
        return cls(vocabulary, rule=rule, lower=lower, language=language)

    def split(self, text: str) -> list[str]:
        return self._rule.cut(text.lower() if self.lower else text)

    def join(self, pieces: Sequence[str]) -> str:
        return self._rule.join(pieces)

    def options(self) -> dict[str, Any]:
        language = {"language": self.language} if self.rule in MOSES else {}
        return {"rule": self.rule, "lower": self.lower, **language}


class CharacterTokenizer(_OfVocabulary):
    """Characters: Unicode code points, white space and line ends included. Decoding gives the text back."""

    kind = "character"
    joint = ""

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        *,
        min_count: int = 1,
        max_size: int | None = None,
        unknown: str | None = "<UNK>",
        end: str | None = "<EOS>",
        begin: str | None = None,
    ) -> CharacterTokenizer:
        """Counts the characters of `texts`; see `Vocabulary.build`."""
        return cls(
            Vocabulary.build(
                texts, min_count=min_count, max_size=max_size, unknown=unknown, end=end, begin=begin
            )
        )

    def split(self, text: str) -> list[str]:
        return list(text)


TOKENIZERS: dict[str, type[WordTokenizer] | type[CharacterTokenizer] | type[SubwordTokenizer]] = {
    "word": WordTokenizer,
    "character": CharacterTokenizer,
    "subword": SubwordTokenizer,
}
"""Kind -> class; each has `train(texts, **options)`."""


def train_tokenizer(kind: str, texts: Iterable[str], **options: Any) -> Tokenizer:
    """Trains a tokenizer of a kind of `TOKENIZERS` on the training part of the data."""
    if kind not in TOKENIZERS:
        raise Fault(f"no tokenizer is called {kind!r}{nearest(kind, TOKENIZERS)}")
    train: Callable[..., Tokenizer] = TOKENIZERS[kind].train
    names = [name for name in inspect.signature(train).parameters if name != "texts"]
    for name in options:
        if name not in names:
            raise Fault(f"tokenizer {kind!r} has no option {name!r}{nearest(name, names)}")
    return train(texts, **options)


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Reads the file of any tokenizer."""
    description = read_json(path)
    if "model" in description and "kind" not in description:
        return SubwordTokenizer.load(path)
    check_format(description, FORMAT, str(path))
    fields = Fields(description, str(path))
    vocabulary = Vocabulary.from_dict(fields.table("vocabulary"), f"{path}: vocabulary")
    if description.get("kind") == "character":
        return CharacterTokenizer(vocabulary)
    if description.get("kind") == "word":
        language = fields.text("language") if "language" in description else "en"
        return WordTokenizer(
            vocabulary, rule=fields.text("rule"), lower=fields.flag("lower"), language=language
        )
    kind = quoted(description.get("kind"))
    raise Fault(f"{path}: tokenizer kind {kind} found, expected 'word' or 'character'")


def natural_text(tokenizer: Tokenizer, text: str) -> str:
    """A text of the data as people write it: as it is, unless Moses cut it."""
    if isinstance(tokenizer, WordTokenizer) and tokenizer.rule == "moses_tokens":
        return tokenizer.join(text.split())
    return text


class _PlainRule:
    """One of `RULES`, and blanks between words."""

    def __init__(self, name: str) -> None:
        self.cut = RULES[name]

    def join(self, words: Sequence[str]) -> str:
        return " ".join(words)


def _rule(name: str, language: str) -> _PlainRule | MosesRule:
    if name in MOSES:
        return MosesRule(language, ready=name == "moses_tokens")
    if name not in RULES:
        raise Fault(f"no rule for words is called {name!r}{nearest(name, [*RULES, *MOSES])}")
    return _PlainRule(name)
