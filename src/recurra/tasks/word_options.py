"""What a recipe says about words."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from recurra.tasks.base import Options


class WordOptions(Options):
    """How words are told apart.

    Attributes:
        lower: capitals count as small letters (the spelling and shape still see them).
        zero_digits: every digit counts as 0 (likewise).
        min_count: words seen less often in training are unknown. max_size: words kept at most.
        rule: how a text is cut into words, where the data holds texts: at "blanks", or "words" and marks.
    """

    lower: bool = False
    zero_digits: bool = False
    min_count: int = Field(default=1, ge=1)
    max_size: int | None = Field(default=None, ge=3)
    rule: Literal["blanks", "words"] = "blanks"


class WordModelOptions(Options):
    """What a model sees of a word.

    Attributes:
        embedding: width of a word's vector; with `embeddings`, theirs counts.
        embeddings: a file of word vectors, or a folder of trained ones, that the vectors start from; its
            words are known besides those of the training data. frozen: they stay as they are.
        word_dropout: share of the words read as unknown, in training.
        characters: a layer that reads the spelling; "lstm" (Lample et al., 2016) or "cnn" (Ma and Hovy,
            2016). character_embedding: width of a character's vector. character_hidden: width of what is
            learnt of the spelling, for each direction of "lstm".
        shapes: whether capitals, digits and the like are told apart (Collobert et al., 2011).
    """

    embedding: int = Field(default=100, ge=1)
    embeddings: str | None = None
    frozen: bool = False
    word_dropout: float = Field(default=0.0, ge=0, lt=1)
    characters: Literal["none", "lstm", "cnn"] = "none"
    character_embedding: int = Field(default=25, ge=1)
    character_hidden: int = Field(default=25, ge=1)
    shapes: bool = False

    @model_validator(mode="after")
    def _something_to_freeze(self) -> Self:
        if self.frozen and self.embeddings is None:
            raise ValueError("frozen = true keeps vectors as they are: expected embeddings to take them from")
        return self
