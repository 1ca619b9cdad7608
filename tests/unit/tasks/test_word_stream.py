"""Text that comes in pieces: whole words, whatever the pieces, at a cost that grows with the text alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recurra.tasks.readers.word_stream import TextBuffer, WordStream


@given(st.text("ab \n\t\u00a0\u2028é", max_size=40), st.lists(st.integers(0, 7), max_size=20))
def test_words_and_rows_are_those_of_the_text(text: str, sizes: list[int]) -> None:
    stream, rows, at = WordStream(), list[list[str]]([[]]), 0
    for size in [*sizes, len(text)]:
        first, *others = stream.feed(text[at : at + size])
        rows[-1] += first
        rows += others
        at += size
    rows[-1] += stream.finish()
    assert rows == [line.split() for line in text.split("\n")]


def test_a_long_line_is_joined_once() -> None:
    """Each piece that ends nothing is put aside as it is."""
    buffer, pieces = TextBuffer(), [str(number) for number in range(1000)]
    assert [buffer.feed(piece, 0) for piece in pieces] == [""] * 1000
    assert buffer.feed("x y", 2) == "".join(pieces) + "x "
    assert (buffer.finish(), buffer.finish()) == ("y", "")
