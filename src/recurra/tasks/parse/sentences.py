"""How a parser takes sentences."""

from __future__ import annotations

from typing import Literal

from recurra.tasks.readers.words import WordOptions


class SentenceOptions(WordOptions):
    """How words are told apart; a sentence given as text is cut into words and marks."""

    rule: Literal["blanks", "words"] = "words"
