"""Text out of bytes: one notion of encodings, marks and line ends, for files, pipes and what is asked.

A line ends with LF, carriage returns before it included. A carriage return elsewhere is a character of its
line, as for every tool that counts lines; only a text without any LF, as old Macs wrote it, has its lines
ended by carriage returns. U+0085, U+2028, form feeds and the like end no line. A byte order mark at the
beginning of a text, or of a line (where marked files were joined), is no part of it.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain
from typing import Any

from recurra.errors import Fault
from recurra.storage.kinds import kind_of

LONGEST_LINE = 1 << 26
"""Bytes of one line that come by a pipe, at most."""
DEEPEST = 100
"""Brackets within brackets in JSON, at most."""

_MARK = "\ufeff"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARKS_OF_LINES = re.compile(f"(?<=\n){_MARK}+")
_MOST_WAITING = 1024  # carriage returns
_ZEROS = re.compile(r"\0{16}|(?P<utf16>(?:[ -\xff]\0){4}|(?:\0[ -\xff]){4})")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKET = re.compile(r"[][{}]")


def decode_text(data: bytes, where: str, encoding: str = "utf-8") -> str:
    """Bytes as text, line ends as they stand, without the mark it may begin with.

    Raises:
        Fault: they are not of this encoding (told with the byte's offset, and its line), begin with another
            encoding's mark, or hold what no text does: see `check_text`.
    """
    codec = _codec(where, encoding)
    kind = kind_of(data)
    if kind is not None:
        raise Fault(
            f"{where}: {kind.name} found, expected text" + (f": {kind.advice}" if kind.advice else "")
        )
    mark = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if mark is not None and not codec.startswith(mark):
        raise Fault(
            f"{where}: begins with the byte order mark of {mark}, expected {encoding}: "
            f"set the file's encoding, perhaps encoding = {mark!r}, or save it as UTF-8"
        )
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        likely = "latin-1" if codec == "utf-8" else "utf-8"
        raise Fault(
            f"{where}:{line}: byte {error.start} (0x{data[error.start]:02x}) is not {encoding}: "
            f"set the file's encoding, perhaps encoding = {likely!r}"
        ) from None
    except (ValueError, RuntimeError) as error:  # a codec of few users, as "idna" or "undefined"
        raise Fault(f"{where}: not {encoding}: {error}") from None
    wrong = _zeros(text) if codec == "utf-8" else _no_text(text)  # whose decoder lets no half pair pass
    if wrong is not None:
        line = len(split_lines(text[: wrong[0]] + "x"))
        raise Fault(f"{where}:{line}: {wrong[1]}")
    return text.lstrip(_MARK)


def split_lines(text: str) -> list[str]:
    """The lines of a text, their ends taken off."""
    if "\n" not in text:
        text = text.replace("\r", "\n")
    lines = text.split("\n")
    lines = lines[:-1] if not lines[-1].lstrip(_MARK) else lines
    return [_bare(line) for line in lines] if "\r" in text or _MARK in text else lines


def arriving_lines(blocks: Iterable[bytes], where: str) -> Iterator[list[tuple[str, str | Fault]]]:
    """The lines that each block of UTF-8 text completes, with their places, so that whoever waits for what
    becomes of them waits for no further one. A line that is no text is its Fault.

    Raises:
        Fault: a line is longer than `LONGEST_LINE`; those before it have been given.
    """
    number, waiting, size = 0, list[bytes](), 0
    for block in blocks:
        *complete, last = block.split(b"\n")
        if complete:
            complete[0] = b"".join([*waiting, complete[0]])
            waiting, size = [], 0
            yield [_placed(data, f"{where}:{number + k}") for k, data in enumerate(complete, 1)]
            number += len(complete)
        waiting.append(last)
        size += len(last)
        if size > LONGEST_LINE:
            raise Fault(
                f"{where}:{number + 1}: a line of more than {LONGEST_LINE:,} bytes, expected line ends "
                f"between items"
            )
    rest = b"".join(waiting)
    if rest.removeprefix(codecs.BOM_UTF8):
        place, text = _placed(rest, f"{where}:{number + 1}")
        if isinstance(text, str) and not number:  # a text without any line feed
            yield [(f"{where}:{k}", line) for k, line in enumerate(split_lines(rest.decode()), 1)]
        elif text or not isinstance(text, str):
            yield [(place, text)]


def text_pieces(blocks: Iterable[bytes], where: str) -> Iterator[str]:
    """UTF-8 text as it comes, in blocks cut anywhere: what can be told of it so far, lines ended by LF.

    Carriage returns wait for what follows them, as only before a LF are they a part of the line end.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, number, waiting, begins = 0, 1, "", True
    for block in chain(blocks, [b""]):
        pending = len(decoder.getstate()[0])
        try:
            piece = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            line = number + block.count(b"\n", 0, max(0, error.start - pending))
            raise Fault(
                f"{where}:{line}: byte {offset - pending + error.start} is not UTF-8: expected text in UTF-8"
            ) from None
        offset += len(block)
        wrong = _zeros(piece)
        if wrong is not None:
            raise Fault(f"{where}:{number + piece.count(chr(10), 0, wrong[0])}: {wrong[1]}")
        number += piece.count("\n")
        *lines, last = (waiting + piece).split("\n")
        waiting = last[len(last.rstrip("\r")) :][-_MOST_WAITING:]
        text = "\n".join([*(line.rstrip("\r") for line in lines), last[: len(last) - len(waiting)]])
        if text:
            bare = _MARKS_OF_LINES.sub("", text) if _MARK in text else text
            bare = bare.lstrip(_MARK) if begins else bare
            begins = bare.endswith("\n") or (begins and not bare)
            if bare:
                yield bare


def check_text(text: str, where: str) -> str:
    """The text itself. Fault where it holds a run of zeros, or one after each character, as binary data and
    UTF-16 do, or half a surrogate pair, which is what Python makes of bytes that it can't decode, and of JSON
    cut within a character.
    """
    wrong = _no_text(text)
    if wrong is not None:
        raise Fault(f"{where}: {wrong[1]}")
    return text


def parse_json(text: str, where: str) -> Any:
    """A JSON value. Fault where it is none, is nested beyond reason, or holds half a surrogate pair."""
    if len(_BRACKET.findall(text)) > DEEPEST:
        signs = _BRACKET.findall(_QUOTED.sub("", text))
        if max(accumulate(1 if sign in "[{" else -1 for sign in signs), default=0) > DEEPEST:
            raise Fault(f"{where}: JSON that can't be read: nested more than {DEEPEST} deep")
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise Fault(f"{where}: not JSON at character {error.pos + 1}: {error.msg}") from None
    except (ValueError, RecursionError) as error:  # a whole number of thousands of digits, say
        raise Fault(f"{where}: JSON that can't be read: {error}") from None
    if _SURROGATE_ESCAPE.search(text):
        check_text(json.dumps(value, ensure_ascii=False), where)
    return value


def _zeros(text: str) -> tuple[int, str] | None:
    """Zeros that no text holds: their index, and words for them."""
    zeros = _ZEROS.search(text) if "\0" in text else None
    if zeros is not None:
        kind = "a run of zeros: binary data, or cut short by a crash"
        if zeros.lastgroup == "utf16":
            kind = "a zero at every other byte: UTF-16 without its mark, perhaps (encoding = 'utf-16-le')"
        return zeros.start(), f"{kind} found, expected text"
    return None


def _no_text(text: str) -> tuple[int, str] | None:
    """What no text holds: its index, and words for it."""
    zeros = _zeros(text)
    if zeros is not None:
        return zeros
    half = None if text.isascii() else _SURROGATE.search(text)
    if half is None:
        return None
    sign = ord(half.group())
    name = f"the byte 0x{sign - 0xDC00:02x}" if 0xDC80 <= sign <= 0xDCFF else f"half a pair, U+{sign:04X},"
    return half.start(), f"{name} found, which is no character: expected text in UTF-8"


def _codec(where: str, encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "".encode(encoding)  # a codec that is not one of text, as "hex", is found but refuses
    except (LookupError, ValueError, TypeError):
        raise Fault(
            f"{where}: no encoding is called {str(encoding)[:100]!r}: use 'utf-8', 'latin-1', 'utf-16', ..."
        ) from None
    return name


def _decode_line(data: bytes, place: str) -> str:
    mark = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    if mark != "utf-8":
        raise Fault(f"{place}: begins with the byte order mark of {mark}: expected text in UTF-8")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Fault(
            f"{place}: byte {error.start + 1} of the line (0x{data[error.start]:02x}) is not UTF-8: expected "
            f"text in UTF-8 (iconv -f latin1 -t utf-8 makes it of latin-1)"
        ) from None
    return check_text(text, place)


def _placed(data: bytes, place: str) -> tuple[str, str | Fault]:
    try:
        text = _decode_line(data, place)
    except Fault as fault:
        return place, fault
    return place, _bare(text)


def _bare(line: str) -> str:
    return line.rstrip("\r").lstrip(_MARK)


def whole_number(text: str, digits: int = 18) -> int | None:
    """The number that a text of so many decimal digits at most stands for; None for any other text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= digits else None
