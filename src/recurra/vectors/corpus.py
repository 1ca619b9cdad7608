"""A corpus, read piece by piece: text files and folders, compressed or not. Memory does not grow with it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from recurra.errors import Fault
from recurra.storage.kinds import kind_of
from recurra.vectors.options import Options

PIECE = 1 << 21
"""Bytes of a piece, before it is stretched to the end of a line."""
LONGEST = 1 << 20
"""Bytes after which a piece must end, if not at the end of a line, then at white space."""

_MARK = b"\xef\xbb\xbf"
_COMPRESSED: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole words of one file. ``offset``: its first byte. ``ends``: no word of the same sentence follows."""

    path: Path
    offset: int
    text: bytes
    ends: bool


def corpus_files(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """The files meant by files and folders, those of a folder by their names, hidden ones left out."""
    files: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [p for p in sorted(path.rglob("*")) if p.is_file()]
            visible = [p for p in inside if not any(k.startswith(".") for k in p.relative_to(path).parts)]
            if not visible:
                raise Fault(f"{path}: a folder without files, expected text files")
            files += visible
        elif path.is_file():
            files.append(path)
        else:
            raise Fault(f"{path}: no such file or folder, expected a corpus of text")
    if not files:
        raise Fault("no corpus given, expected at least one text file or folder")
    return files


def pieces(files: Sequence[Path], rank: int = 0, world: int = 1) -> Iterator[Piece]:
    """The pieces of all files in order; of ``world`` ranks, each gets every ``world``-th."""
    turn = 0
    for path in files:
        try:
            with _open(path) as file:
                for offset, text, last in _cut(path, file):
                    if turn % world == rank:
                        yield Piece(path, offset, text, last or world > 1)
                    turn += 1
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise Fault(f"{path}: cannot be read: {error}") from None


def clean(piece: Piece, options: Options) -> bytes:
    """The piece as UTF-8, lower case if so set. Raises Fault for binary data or a wrong encoding."""
    text, offset = piece.text, piece.offset
    if offset == 0 and text.startswith(_MARK):
        text, offset = text[3:], 3
    if (zero := text.find(b"\0")) >= 0:
        raise Fault(f"{piece.path}: byte {offset + zero:,} is 0: binary data, expected text")
    try:
        decoded = text.decode(options.encoding)
    except UnicodeDecodeError as error:
        if options.errors == "stop":
            raise Fault(
                f"{piece.path}: byte {offset + error.start:,} (0x{text[error.start]:02x}) is not "
                f"{options.encoding} ({error.reason}): name the encoding, or set errors to 'replace'"
            ) from None
        decoded = text.decode(options.encoding, "replace")
        text = decoded.encode()
    else:
        if options.encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
            text = decoded.encode()
    text = decoded.lower().encode() if options.lower else text
    # where marked files were joined, lines begin with a mark
    return text.replace(b"\n" + _MARK, b"\n").removeprefix(_MARK) if _MARK in text else text


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        raise Fault(
            f"{path}: compressed by zstd, expected plain text, gzip, bzip2 or xz: decompress it first"
        )
    for magic, opener in _COMPRESSED.items():
        if start.startswith(magic):
            return cast(IO[bytes], opener(path, "rb"))
    kind = kind_of(start)
    if kind is not None:
        raise Fault(
            f"{path}: {kind.name} found, expected text, plain or compressed by gzip, bzip2 or xz"
            + (f": {kind.advice}" if kind.advice else "")
        )
    return path.open("rb")


def _cut(path: Path, file: IO[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """(offset, text, last of the file), cut at the end of a line, or in a long line at white space."""
    offset, rest = 0, b""
    while block := file.read(PIECE):
        text = rest + block
        end = text.rfind(b"\n") + 1
        if not end and len(text) >= LONGEST:
            spaces = [text.rfind(s) for s in (b" ", b"\t", b"\r")]
            end = max(spaces) + 1
            if not end:
                raise Fault(
                    f"{path}: a word of more than {len(text):,} bytes at byte {offset:,}, "
                    "expected text with white space between words"
                )
        if end:
            yield offset, text[:end], False
            offset += end
        rest = text[end:]
    yield offset, rest, True
