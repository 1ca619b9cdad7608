"""The one error a user is meant to read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Fault(ValueError):
    """A fault of the input, told in one line: where, what was found, what was expected, what to do.

    The command line prints that line and ends with exit code 2. Whatever white space the message holds
    (line breaks from a quoted value, say) is folded into single spaces, so that it stays one line.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class UnknownName(Fault):
    """Nothing is registered under a name.

    Attributes:
        name: what was looked up.
    """

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


def nearest(word: str, names: Iterable[str]) -> str:
    """The tail of a message about an unknown word: the nearest name, or all of them."""
    names = sorted(names)
    close = difflib.get_close_matches(word, names, n=1)
    return f": did you mean {close[0]!r}?" if close else f" (known: {', '.join(names)})"
