"""What a recipe says of questions, whatever they are answered from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from recurra.data.text.tokenizers import RULES
from recurra.errors import Fault, quoted
from recurra.tasks.base import Options
from recurra.tasks.parts.sources import GroupedOptions
from recurra.tasks.readers.words import WordModelOptions, WordOptions

Sees = Literal["both", "question", "evidence"]
HIDDEN = ["?"]
"""What a question that is hidden is read as."""


class QuestionWordOptions(WordOptions):
    """How words are told apart.

    Attributes:
        lower: capitals count as small letters (the spelling and shape still see them).
        rule: how a text is cut into words, where the data holds texts: at "blanks", or "words" and marks.
    """

    lower: bool = True
    rule: Literal["blanks", "words"] = "words"


class QuestionOptions(GroupedOptions):
    """Questions with an answer each.

    Attributes:
        question: the column of questions. answer: the column of answers.
        unseen: what to do with an answer, in data that is measured, which training does not have: "error"
            names it, "wrong" counts it as wrong.
        by: a column; `evaluate` tells the accuracy for each of its values, too.
        tokenizer: see there.
        batch_size: questions a batch.
    """

    question: str = "question"
    answer: str = "answer"
    unseen: Literal["error", "wrong"] = "error"
    by: str | None = None
    tokenizer: QuestionWordOptions = QuestionWordOptions()
    batch_size: int = Field(default=32, ge=1)


class SeeingOptions(Options):
    """What a model is allowed to see.

    Attributes:
        sees: "both"; or "question" or "evidence" alone, which makes a blind twin: what it answers right was
            no matter of understanding both.
    """

    sees: Sees = "both"


class QuestionModelOptions(SeeingOptions, WordModelOptions):
    """What a model sees, and of words."""


def words_of(text: Any, options: WordOptions, where: str) -> list[str]:
    """The words of a question, or of another text that must have some.

    Raises:
        Fault: it is no text, or has no word.
    """
    if isinstance(text, str):
        words = RULES[options.rule](text)
    elif isinstance(text, Sequence) and all(isinstance(word, str) for word in text):
        words = list(text)
    else:
        raise Fault(f"{where}: {quoted(text)} found, expected a text")
    if not any(character.isalnum() for word in words for character in word):
        raise Fault(f"{where}: {quoted(text)} has no words: expected at least one")
    return words
