"""Subwords, trained and applied by the `tokenizers` library."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from recurra.data.remarks import Note
from recurra.data.text.widening import base_of
from recurra.errors import Fault
from recurra.storage.files import read_plain, write_text


class SubwordTokenizer:
    """Byte-level BPE (Sennrich et al., 2016): every text can be encoded, and decoding gives it back.

    Its file is the library's own JSON, which other programs read too. Another file of that library, of a
    unigram model (Kudo, 2018) say, can be loaded, but not trained here: training one twice gives two
    different models.
    """

    kind = "subword"

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.unknown = _id(tokenizer, "<UNK>")
        self.end = _id(tokenizer, "<EOS>")
        self.begin = _id(tokenizer, "<BOS>")

    @classmethod
    def train(cls, texts: Iterable[str], *, max_size: int = 8000, begin: bool = False) -> SubwordTokenizer:
        """Learns subwords.

        Args:
            texts: the training part of the data.
            max_size: how many ids at most, 256 bytes and special tokens included.
            begin: whether there is a `<BOS>`; `<EOS>` there always is, `<UNK>` never.
        """
        library = _library()
        special = ["<EOS>", "<BOS>"] if begin else ["<EOS>"]
        least = 256 + len(special)
        if max_size <= least:
            raise Fault(f"max_size = {max_size} found, expected more than {least} (bytes, special tokens)")
        tokenizer = library.Tokenizer(library.models.BPE())
        tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = library.decoders.ByteLevel()
        trainer = library.trainers.BpeTrainer(
            vocab_size=max_size,
            special_tokens=special,
            initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        lines = [text for text in texts if text]
        if not any(text.strip() for text in lines):
            raise Fault("a subword tokenizer needs text to learn from, found none")
        tokenizer.train_from_iterator(lines, trainer)
        base = base_of("subword", _text(tokenizer))
        return cls(tokenizer) if base is None else cls.load(base)

    def __len__(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def split(self, text: str) -> list[str]:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return [text[start:end] for start, end in encoding.offsets]

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Iterable[int]) -> str:
        silent = (self.end, self.begin)
        plain = [index for index in ids if index not in silent]
        return str(self._tokenizer.decode(plain, skip_special_tokens=False))

    def token(self, index: int) -> str:
        token = self._tokenizer.id_to_token(index) if index >= 0 else None
        if token is None:
            raise Fault(f"no token has the id {index}: ids run from 0 to {len(self) - 1}")
        return str(token)

    def notes(self) -> list[Note]:
        return []

    def save(self, path: str | Path) -> None:
        write_text(path, _text(self._tokenizer))

    @classmethod
    def load(cls, path: str | Path) -> SubwordTokenizer:
        """Reads a file of the `tokenizers` library."""
        library, text = _library(), read_plain(path)
        try:
            return cls(library.Tokenizer.from_str(text.decode()))
        except Exception as error:  # the library raises plain Exception for every broken file
            raise Fault(f"{path}: not a complete file of the tokenizers library: {error}") from None


def _text(tokenizer: Any) -> str:
    return str(tokenizer.to_str(pretty=True)) + "\n"


def _library() -> Any:
    try:
        return importlib.import_module("tokenizers")
    except ModuleNotFoundError:
        raise Fault("subword tokens need the tokenizers library: install recurra[text]") from None


def _id(tokenizer: Any, token: str) -> int | None:
    index = tokenizer.token_to_id(token)
    return None if index is None else int(index)
