"""Text in, whole words out."""

from __future__ import annotations


class WordStream:
    """Cuts text that comes in pieces into words, and words into rows.

    A word is complete with the blank after it; a line end ends a row. Pieces may be cut anywhere: the words
    and rows are those of the text.
    """

    def __init__(self) -> None:
        self._part = ""  # of a word whose end has not come

    def feed(self, piece: str) -> list[list[str]]:
        """The words that this piece completes, cut at line ends: every list but the last ends its row."""
        *lines, last = (self._part + piece).split("\n")
        words = last.split()
        self._part = words.pop() if words and not last[-1].isspace() else ""
        return [*(line.split() for line in lines), words]

    def finish(self) -> list[str]:
        """The words still waiting at the end."""
        words, self._part = self._part.split(), ""
        return words
