"""Words by the rules of Moses (Koehn et al., 2007), and such words as people write them, by sacremoses."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from recurra.errors import Fault, quoted

_CODE = re.compile("[a-z]{2,3}")
_WITHIN = re.compile(r" @([,.])@ ")  # as WikiText writes "1,000" and "3.5"


class MosesRule:
    """Cuts text and joins words.

    Args:
        language: of the text, as "en", which decides about full stops and apostrophes.
        ready: the text is tokenised already, and cut at blanks.

    Raises:
        Fault: sacremoses is not installed, or the language is no code.
    """

    def __init__(self, language: str = "en", ready: bool = False) -> None:
        if not _CODE.fullmatch(language):
            raise Fault(
                f"language = {quoted(language)} found, expected a code of two or three letters, as 'en'"
            )
        self.language, self.ready = language, ready
        _library()

    def cut(self, text: str) -> list[str]:
        """Words and marks."""
        words: list[str] = text.split() if self.ready else self._tokenizer.tokenize(text, escape=False)
        return words

    def join(self, words: Sequence[str]) -> str:
        """The text of words: "here ." becomes "here."."""
        pieces = _WITHIN.sub(r"\1", " ".join(words)).split(" ")
        text: str = self._detokenizer.detokenize(pieces, unescape=False)
        return text

    @cached_property
    def _tokenizer(self) -> Any:
        return _library().MosesTokenizer(lang=self.language)

    @cached_property
    def _detokenizer(self) -> Any:
        return _library().MosesDetokenizer(lang=self.language)

    def __getstate__(self) -> dict[str, Any]:
        return {"language": self.language, "ready": self.ready}


def _library() -> Any:
    try:
        return importlib.import_module("sacremoses")
    except ModuleNotFoundError:
        raise Fault("the rules of Moses need sacremoses: install recurra[text]") from None
