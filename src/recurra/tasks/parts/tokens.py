"""How texts are cut into tokens, as a recipe says it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from recurra.tasks.base import Options


class TokenizerOptions(Options):
    """How texts are cut, and which tokens are kept.

    Attributes:
        rule: how words are found: at "blanks", or "words" and marks; "moses" cuts as Moses does, and
            "moses_tokens" reads a text that Moses cut already: answers are then written as people write,
            "here." and not "here ."; of the unit "word".
        language: whose rules Moses goes by, as "en" or "de"; of the rules "moses" and "moses_tokens".
        lower: capitals count as small letters; of the unit "word".
        min_count: tokens seen less often in training are unknown; of words and characters.
        max_size: tokens kept at most, special ones included; None: all, and 8000 subwords.
        unknown: how the unknown token is written; None: <UNK>; of words and characters.
        end: how the token is written that ends a text; None: <EOS> where a task needs one.
        begin: how the token is written that begins a text; true for subwords; None: there is none.
    """

    rule: Literal["blanks", "words", "moses", "moses_tokens"] = "blanks"
    language: str = "en"
    lower: bool = False
    min_count: int = Field(default=1, ge=1)
    max_size: int | None = Field(default=None, ge=1)
    unknown: str | None = None
    end: str | None = None
    begin: str | bool | None = None

    def arguments(self) -> dict[str, Any]:
        """What a tokenizer is to be told besides its own defaults; see `recurra.data.train_tokenizer`."""
        fields = type(self).model_fields
        return {name: value for name, value in self if value != fields[name].default}
