"""Text as the ids that a language model reads and predicts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from recurra.data import Examples, Tokenizer, columns, next_token
from recurra.data.text.tokenizers import MOSES, WordTokenizer
from recurra.errors import Fault

ReadAs = Literal["stream", "sentences"]

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class RunningText:
    """A tokenizer, and what stands between two lines or sentences.

    That *boundary* is `<EOS>`; for the characters of a stream it is the line end itself. It is read before
    the first token and predicted after the last.
    """

    def __init__(self, tokenizer: Tokenizer, read_as: ReadAs) -> None:
        self.tokenizer = tokenizer
        self.read_as = read_as
        self.by_character = tokenizer.kind == "character" and read_as == "stream"
        if self.by_character:
            self.boundary = tokenizer.encode("\n")[0]
        elif tokenizer.end is None:
            raise Fault("a language model over words, subwords or sentences needs an end token, found none")
        else:
            self.boundary = tokenizer.end

    def stream(self, text: str) -> Tensor:
        """The ids `[N]` of a whole text, line ends as boundaries."""
        if self.by_character:
            return torch.tensor(self.tokenizer.encode(text), dtype=torch.int64)
        ids = []
        for line in text.removesuffix("\n").split("\n"):
            ids += [*self.tokenizer.encode(line), self.boundary]
        return torch.tensor(ids, dtype=torch.int64)

    def sentence(self, text: str) -> tuple[Tensor, Tensor]:
        """What is read and what is predicted, `[T + 1]` each, of a text by itself."""
        return next_token(self.tokenizer.encode(text), self.boundary, self.boundary)

    def continued(self, prompt: str, ids: Sequence[int]) -> str:
        """A text, and that of ids after it."""
        tokenizer = self.tokenizer
        if not prompt or tokenizer.kind != "word":
            return prompt + self.text(ids)
        if not isinstance(tokenizer, WordTokenizer) or tokenizer.rule not in MOSES:
            return f"{prompt} {self.text(ids)}"
        first, *lines = self._lines(ids)
        open_line = prompt.rpartition("\n")[2]
        words = [*tokenizer.split(open_line), *map(tokenizer.token, first)]
        joined = [tokenizer.join(words), *(tokenizer.decode(line) for line in lines)]
        return prompt.removesuffix(open_line) + "\n".join(joined)

    def text(self, ids: Sequence[int]) -> str:
        """The text of ids; boundaries become line ends."""
        if self.by_character:
            return self.tokenizer.decode(ids)
        return "\n".join(self.tokenizer.decode(line) for line in self._lines(ids))

    def _lines(self, ids: Sequence[int]) -> list[list[int]]:
        lines: list[list[int]] = [[]]
        for index in ids:
            if index == self.boundary:
                lines.append([])
            else:
                lines[-1].append(index)
        return lines


def joined(examples: Examples, column: str) -> str:
    """All cells as one text; each ends with a line end."""
    return "".join(cell if cell.endswith("\n") else f"{cell}\n" for cell in columns.text(examples, column))


def cut(text: str, share: int | float, by_character: bool, place: str) -> tuple[str, str]:
    """A text without its last (or first) share, and that share; unless `by_character` at a line end. A whole
    number counts characters, or lines.
    """
    if isinstance(share, int):
        at = _place_of(text, share, by_character, place)
    else:
        at = int(len(text) * (1 - share if place == "last" else share))
        if not by_character:
            at = text.find("\n", at) + 1 or len(text)
    first, second = text[:at], text[at:]
    if not first or not second:
        raise Fault(
            f"holding out {share} of {len(text)} characters leaves one part empty: give more text, more "
            f"lines, or a file for validation"
        )
    return (first, second) if place == "last" else (second, first)


def _place_of(text: str, count: int, by_character: bool, place: str) -> int:
    """Where the last (or first) characters or lines begin (or end)."""
    lengths = (
        [1] * len(text) if by_character else [len(line) + 1 for line in text.removesuffix("\n").split("\n")]
    )
    first = max(0, len(lengths) - count) if place == "last" else count
    return sum(lengths[:first])


def sentences_of(text: str, least: int = 4, most: int = 60) -> list[str]:
    """Sentences of `least` to `most` words: pieces of lines that end with a full stop, ! or ?"""
    pieces = [piece.strip() for line in text.split("\n") for piece in _SENTENCE_END.split(line)]
    return [one for one in pieces if one[-1:] in (".", "!", "?") and least <= len(one.split()) <= most]
