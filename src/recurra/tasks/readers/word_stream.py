"""Text in, whole words or whole lines out."""

from __future__ import annotations


class TextBuffer:
    """Text that waits for its end; its pieces are joined once, however many they are."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def feed(self, piece: str, cut: int) -> str:
        """All that waits, with the first `cut` characters of the piece; the others wait. Nothing for 0."""
        if not cut:
            self._pieces.append(piece)
            return ""
        text = "".join([*self._pieces, piece[:cut]])
        self._pieces = [piece[cut:]]
        return text

    def finish(self) -> str:
        """What is still waiting at the end."""
        text = "".join(self._pieces)
        self._pieces = []
        return text


class WordStream:
    """Cuts text that comes in pieces into words, and words into rows.

    A word is complete with the blank after it; a line end ends a row. Pieces may be cut anywhere: the words
    and rows are those of the text.
    """

    def __init__(self) -> None:
        self._text = TextBuffer()

    def feed(self, piece: str) -> list[list[str]]:
        """The words that this piece completes, cut at line ends: every list but the last ends its row."""
        return [line.split() for line in self._text.feed(piece, words_end(piece)).split("\n")]

    def finish(self) -> list[str]:
        """The words still waiting at the end."""
        return self._text.finish().split()


def words_end(text: str) -> int:
    """Where the last whole word of a text, with the blank after it, ends."""
    return next((k for k in range(len(text), 0, -1) if text[k - 1].isspace()), 0)
