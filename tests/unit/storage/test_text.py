"""Lines, marks and encodings, of whole texts and of text as it comes."""

from __future__ import annotations

import codecs
import gzip
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from recurra.errors import Fault
from recurra.storage.files import file_blocks
from recurra.storage.text import (
    arriving_lines,
    check_text,
    decode_text,
    parse_json,
    split_lines,
    text_pieces,
    whole_number,
)

MARK = codecs.BOM_UTF8
LINES = {
    "line feeds": (b"a\nb\n", ["a", "b"]),
    "no last line end": (b"a\nb", ["a", "b"]),
    "carriage returns too": (b"a\r\nb\r\n", ["a", "b"]),
    "carriage returns doubled": (b"a\r\r\nb\r\r\n", ["a", "b"]),
    "cut before the last line feed": (b"a\r\nb\r", ["a", "b"]),
    "an old Mac's": (b"a\rb\r", ["a", "b"]),
    "a stray carriage return": (b"a \r b\nc\n", ["a \r b", "c"]),
    "a stray one on the last line": (b"a\nb \r c", ["a", "b \r c"]),
    "an empty line": (b"a\n\nb\n", ["a", "", "b"]),
    "empty lines of both kinds": (b"\n\r\n", ["", ""]),
    "what ends no line": (
        "a\u2028b\x85c\x0cd\x0be\x1cf\u2029g\n".encode(),
        ["a\u2028b\x85c\x0cd\x0be\x1cf\u2029g"],
    ),
    "a mark": (MARK + b"a\nb\n", ["a", "b"]),
    "marked files joined": (MARK + b"a\r\n" + MARK + b"b\n", ["a", "b"]),
    "a marked empty file joined": (b"a\n" + MARK, ["a"]),
    "two marks": (MARK * 2 + b"a\n" + MARK * 2 + b"b\n" + MARK * 2, ["a", "b"]),
    "a mark alone": (MARK, []),
    "a mark within a line": (b"a" + MARK + b"b\n", ["a\ufeffb"]),
    "a zero": (b"a\0b\n\0\n", ["a\0b", "\0"]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("name", LINES)
def test_lines_are_the_same_by_every_way(name: str, tmp_path: Path) -> None:
    data, lines = LINES[name]
    assert split_lines(decode_text(data, "a.txt")) == lines
    places = [(f"stdin:{n}", line) for n, line in enumerate(lines, 1)]
    for size in (1, 2, 3, 100):
        assert arrived(data[k : k + size] for k in range(0, len(data), size)) == places
    for file, content in (("a", data), ("a.gz", gzip.compress(data))):
        (tmp_path / file).write_bytes(content)
        assert [line for _, line in arrived(file_blocks(tmp_path / file))] == lines


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("name", LINES)
def test_pieces_of_a_text_are_the_text_however_it_is_cut(name: str, size: int) -> None:
    data, lines = LINES[name]
    text = "".join(text_pieces((data[k : k + size] for k in range(0, len(data), size)), "stdin"))
    assert split_lines(text) == lines
    assert (
        "old Mac" in name
        or text.split("\n") == [*lines, ""][: None if text.endswith("\n") or not text else -1]
    )


def test_a_line_comes_before_the_next_one_is_sent() -> None:
    groups = arriving_lines(iter([b"one\r\ntw", b"o\n\xff\nthree\nfo", b"ur"]), "stdin")
    assert next(groups) == [("stdin:1", "one")]
    (two, broken, three) = next(groups)
    assert (two, three) == (("stdin:2", "two"), ("stdin:4", "three"))
    assert str(broken[1]).startswith("stdin:3: byte 1 of the line (0xff) is not UTF-8")
    assert list(groups) == [[("stdin:5", "four")]]


def test_a_named_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    thread = threading.Thread(target=lambda: pipe.write_bytes(b"one\ntwo\n"))
    thread.start()
    assert [line for _, line in arrived(file_blocks(pipe))] == ["one", "two"]
    thread.join()


def arrived(blocks: Iterable[bytes]) -> list[tuple[str, str]]:
    """The lines of blocks that come one after the other. Raises the Fault of the first that is no text."""
    lines = []
    for place, line in (each for group in arriving_lines(blocks, "stdin") for each in group):
        if isinstance(line, Fault):
            raise line
        lines.append((place, line))
    return lines


BROKEN = {
    "latin-1": (b"ab\ncaf\xe9\n", r":2: byte \d \S* ?.*is not utf-8"),
    "UTF-16": ("ab".encode("utf-16"), "mark of utf-16"),
    "UTF-32": ("ab".encode("utf-32"), "mark of utf-32"),
    "UTF-16 without a mark": ("abcde\ncd".encode("utf-16-le"), "UTF-16 without its mark"),
    "zeros": (b"ab\n" + bytes(1000), ":2: a run of zeros"),
    "a surrogate": (b"ab\n\xed\xa0\x80\n", ":2: byte"),
    "a character cut off": ("ab\ngrö".encode()[:-1], ":2: byte"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_text_is_told_by_every_way(name: str) -> None:
    data, message = BROKEN[name]
    with pytest.raises(Fault, match=message):
        decode_text(data, "a.txt")
    with pytest.raises(Fault, match="stdin:"):
        arrived([data])
    with pytest.raises(Fault, match="stdin:"):
        list(text_pieces(iter([data]), "stdin"))


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_the_place_of_a_wrong_byte_in_pieces_does_not_depend_on_cuts(size: int) -> None:
    data = "größe\nzwei\n".encode() + b"dr\xc3\n"

    def blocks() -> Iterator[bytes]:
        return (data[k : k + size] for k in range(0, len(data), size))

    with pytest.raises(Fault, match=f"stdin:3: byte {data.index(bytes([0xC3, 10]))} is not UTF-8"):
        list(text_pieces(blocks(), "stdin"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-8", "cp1252"])
def test_a_declared_encoding_is_read(encoding: str) -> None:
    assert split_lines(decode_text("größer\r\nzwei".encode(encoding), "a.txt", encoding)) == [
        "größer",
        "zwei",
    ]


@pytest.mark.parametrize("encoding", ["utf9", "hex", "undefined", "", "a\0b", "rot13", "x" * 1000])
def test_an_unknown_encoding_is_told(encoding: str) -> None:
    with pytest.raises(Fault, match="no encoding is called") as error:
        decode_text(b"x", "a.txt", encoding)
    assert len(str(error.value)) < 250


def test_another_encodings_mark_is_told_whatever_is_declared() -> None:
    with pytest.raises(Fault, match="begins with the byte order mark of utf-8, expected latin-1"):
        decode_text(MARK + b"ab", "a.txt", "latin-1")


def test_half_a_character_of_an_argument_is_told() -> None:
    with pytest.raises(Fault, match="argument 1: the byte 0xe9 found"):
        check_text(b"caf\xe9".decode("utf-8", "surrogateescape"), "argument 1")
    assert check_text("größe 😀", "argument 1") == "größe 😀"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": ', "not JSON at character"),
        ("[" * 5000 + "]" * 5000, "nested more than 100 deep"),
        ("[" * 5000, "nested more than 100 deep"),
        ("9" * 5000, "can't be read"),
        (r'{"a": ["\ud83d"]}', "half a pair, U\\+D83D"),
        (r'{"\ud83d": 1}', "half a pair"),
    ],
)
def test_json_that_can_not_be_used_is_told(text: str, message: str) -> None:
    with pytest.raises(Fault, match=message):
        parse_json(text, "a.jsonl:1")


def test_brackets_in_strings_and_in_long_lists_are_no_depth() -> None:
    assert parse_json('"' + "[" * 500 + '"', "") == "[" * 500
    assert parse_json("[" + "[1]," * 500 + "[1]]", "") == [[1]] * 501
    assert parse_json(r'"\ud83d\ude00 \"["', "") == '😀 "['


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("0012", 12), ("9" * 18, 10**18 - 1), ("9" * 19, None), ("٣", None), ("-1", None), ("", None)],
)
def test_whole_numbers(text: str, number: int | None) -> None:
    assert whole_number(text) == number
