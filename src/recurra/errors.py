"""The one error a user is meant to read, and how it quotes what was found."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

MOST_QUOTED = 200
"""Characters of one value that a message shows."""

_MOST = 1000  # of a whole message
_SHOWN_NAMES = 8
_COMPARED_NAMES = 2000
_LONG_RUN = re.compile(rf"\S{{{MOST_QUOTED + 1},}}")
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, and halves of a character


class Fault(ValueError):
    """A fault of the input, told in one line: where, what was found, what was expected, what to do.

    The command line prints that line and ends with exit code 2. Whatever white space the message holds
    (line breaks from a quoted value, say) is folded into single spaces, so that it stays one line; what a
    terminal would obey or can't show is escaped; and it stays short, however long the values in it are.
    """

    def __init__(self, message: str) -> None:
        super().__init__(_line(message))


class Faults(Fault):
    """Several faults of one input, which the command line prints one a line.

    Attributes:
        faults: each of them, at least one.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = list(faults)


def raise_all(faults: Sequence[Fault]) -> None:
    """Raises them as one, where there are any."""
    every = [one for fault in faults for one in (fault.faults if isinstance(fault, Faults) else [fault])]
    if len(every) == 1:
        raise every[0]
    if every:
        raise Faults(every)


def quoted(value: Any) -> str:
    """A value as a message shows it: its `repr`, cut to `MOST_QUOTED` characters."""
    if isinstance(value, (str, bytes)) and len(value) > MOST_QUOTED:
        return _cut(repr(value[: MOST_QUOTED + 1]), 0)
    try:
        return _cut(repr(value), 0)
    except (ValueError, RecursionError):  # an integer of too many digits, lists within lists without end
        return f"a {type(value).__name__} too large to show"


class UnknownName(Fault):
    """Nothing is registered under a name.

    Attributes:
        name: what was looked up.
    """

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


def unknown_name(fault: BaseException) -> str | None:
    """The name that a fault, or one that it came of, is about; None where it is about something else."""
    error: BaseException | None = fault
    while error is not None and not isinstance(error, UnknownName):
        error = error.__cause__ or error.__context__
    return None if error is None else error.name


def nearest(word: str, names: Iterable[str]) -> str:
    """The tail of a message about an unknown word: the nearest name, or the first of them."""
    ordered = sorted(islice(names, _COMPARED_NAMES))
    close = difflib.get_close_matches(word, ordered, n=1) if len(word) <= MOST_QUOTED else []
    if close:
        return f": did you mean {close[0]!r}?"
    rest = len(ordered) - _SHOWN_NAMES
    more = f" and {rest:,} more" if rest > 0 else ""
    return f" (known: {', '.join(ordered[:_SHOWN_NAMES])}{more})"


def _line(message: str) -> str:
    text = " ".join(message.split())
    text = _UNSEEN.sub(lambda character: character[0].encode("unicode_escape").decode(), text)
    text = _LONG_RUN.sub(lambda run: _cut(run[0], MOST_QUOTED // 4), text)
    return text if len(text) <= _MOST else f"{text[: _MOST * 6 // 10]} ... {text[-_MOST * 3 // 10 :]}"


def _cut(text: str, tail: int) -> str:
    """At most `MOST_QUOTED` characters, the last `tail` of them from the end."""
    if len(text) <= MOST_QUOTED:
        return text
    return f"{text[: MOST_QUOTED - tail - 3]}...{text[len(text) - tail :]}"
