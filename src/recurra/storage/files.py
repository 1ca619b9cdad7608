"""Bytes, text and JSON: read from files, gzipped or not, and written whole or not at all."""

from __future__ import annotations

import gzip
import json
import os
import secrets
import stat
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

from recurra.errors import Fault, nearest, quoted
from recurra.storage.archive import archive_of, gunzip, member
from recurra.storage.json_text import check_depth, parse_json
from recurra.storage.text import decode_text

MOST_BYTES = 2**28
"""Of a file of a run that is read as a whole: tables of words and the like. Weights have no such limit."""

_GZIP = b"\x1f\x8b"
_DRAFT = 12  # hexadecimal digits at the end of a draft's name
_ORPHANED = 3600.0
_OPEN_FILES = "/proc/self/fd"
_BLOCK = 65536


def read_bytes(path: str | Path) -> bytes:
    """The content of a file, or of one in an archive (`data.zip/train.csv`), unpacked when it is gzipped.

    Raises:
        Fault: it is absent, a folder, broken, or unpacks to more than it may.
    """
    data = _content(Path(path))
    return gunzip(data, str(path)) if data[:2] == _GZIP else data


def read_text(path: str | Path, encoding: str = "utf-8") -> str:
    """The text of a file, line ends as they stand; `storage.text.split_lines` tells its lines.

    Raises:
        Fault: the file is empty, or its bytes are no text of this encoding (told with the byte's offset in
            the unpacked file, and its line).
    """
    text = decode_text(read_bytes(path), str(path), encoding)
    if not text.strip(" \t\r\n\f\v\ufeff"):
        raise Fault(f"{path}: empty file: expected at least one example")
    return text


def file_blocks(path: str | Path) -> Iterator[bytes]:
    """The bytes of a file, gzipped or not, as they are read; of a pipe that has a name as they come."""
    try:
        with open(path, "rb") as file:
            packed = file.peek(2)[:2] == _GZIP
            source = gzip.GzipFile(fileobj=file) if packed else file
            while block := source.read1(_BLOCK):
                yield block
    except FileNotFoundError:
        raise Fault(f"{path}: no such file{_neighbour(Path(path))}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise Fault(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}") from None


@contextmanager
def replacing(path: str | Path, size: int | None = None) -> Iterator[IO[bytes]]:
    """A file, open for writing bytes, that takes its name when it is complete: a reader, or a process killed
    half-way, leaves the old file or the new one. Its mode is the umask's, as of any new file. Until then it
    has no name, where the system can do that, and a killed process leaves nothing; elsewhere what it left is
    removed by the next one, an hour later.

    Args:
        size: how many bytes it will have, where that is known, for the message.

    Raises:
        Fault: it can't be written (a full disk, say); the old file is then untouched.
    """
    path = Path(path)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(_DRAFT // 2)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_orphans(path)
        number = _open_nameless(path.parent)
        named = number is None
        if number is None:
            number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(number)
            if not named:
                _name(number, draft)
        os.replace(draft, path)
    except OSError as error:
        what = "" if size is None else f"{size:,} bytes "
        raise Fault(
            f"{path}: {what}can't be written: {error.strerror or error}; nothing was changed"
        ) from None
    finally:
        with suppress(OSError):  # it has taken its name, or never came to be
            draft.unlink()


def write_bytes(path: str | Path, content: bytes) -> None:
    """Writes a file whole or not at all; see `replacing`."""
    with replacing(path, len(content)) as file:
        file.write(content)


def write_text(path: str | Path, text: str) -> None:
    """Writes a UTF-8 file whole or not at all; see `replacing`."""
    with replacing(path) as file:
        file.write(text.encode())


def write_json(path: str | Path, value: Any) -> None:
    """Writes a JSON file whole or not at all; see `replacing`. Fault where `read_json` would not read it."""
    check_depth(value, str(path))
    write_text(path, json.dumps(value, indent=1) + "\n")


def read_json(path: str | Path, most: int = MOST_BYTES) -> dict[str, Any]:
    """A JSON object out of a plain file of at most `most` bytes.

    Raises:
        Fault: the file is absent, too large, no regular file, cut short or altered beyond reading; see
            `recurra.storage.json_text.parse_json`.
    """
    return parse_json(read_plain(path, most), str(path))


def read_plain(path: str | Path, most: int = MOST_BYTES) -> bytes:
    """The content of a file of ours as it lies on disk: never unpacked, never waited for.

    Raises:
        Fault: it is absent, no regular file (nor a link to one), or larger than `most` bytes.
    """
    with open_regular(Path(path)) as file:
        return _at_most(file, most, str(path))


def read_small(path: str | Path, most: int) -> bytes:
    """The content of a file, or of a pipe, that a user names and that holds at most `most` bytes; else a
    Fault."""
    with _reading(Path(path)), open(path, "rb") as file:
        return _at_most(file, most, str(path))


@contextmanager
def open_regular(path: Path) -> Iterator[BufferedReader]:
    """A regular file, or a link to one, open for reading bytes.

    Raises:
        Fault: it is absent, can't be read, or is a folder, a pipe, a device or the like.
    """
    with _reading(path):
        # a pipe that nobody writes to would be waited for
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            mode = os.fstat(number).st_mode
            if stat.S_ISDIR(mode):
                raise IsADirectoryError
            if not stat.S_ISREG(mode):
                raise Fault(f"{path}: a pipe, a device or the like found, expected a file")
            with open(number, "rb", closefd=False) as file:
                yield file
        finally:
            os.close(number)


def check_format(description: Mapping[str, Any], newest: int, where: str) -> int:
    """The format number of a file; Fault when it is none, or newer than this version reads."""
    number = description.get("format")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise Fault(
            f"{where}: format number {quoted(number)} found, expected 1 to {newest}: not a file of Recurra"
        )
    if number > newest:
        raise Fault(
            f"{where}: format {number} found, this version reads up to {newest}: install a newer recurra"
        )
    return number


def _open_nameless(folder: Path) -> int | None:
    """A new file in a folder, open for writing, that is gone with its process; None where there are none."""
    if not hasattr(os, "O_TMPFILE") or not os.path.isdir(_OPEN_FILES):
        return None
    try:
        return os.open(folder, os.O_WRONLY | os.O_TMPFILE, 0o666)
    except OSError:  # told by the file that has a name, if it can't be either
        return None


def _name(number: int, path: Path) -> None:
    """Gives a name to an open file that has none."""
    folder = os.open(_OPEN_FILES, os.O_RDONLY)
    try:
        os.link(str(number), path, src_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def _remove_orphans(path: Path) -> None:
    """Drafts of a file that nobody has written to for `_ORPHANED` seconds.

    By their age, not by a process that is gone: a folder may be another machine's too.
    """
    for draft in path.parent.glob(f".{escape(path.name)}.{'[0-9a-f]' * _DRAFT}"):
        with suppress(OSError):
            if time.time() - draft.stat().st_mtime > _ORPHANED:
                draft.unlink()


def _at_most(file: IO[bytes], most: int, where: str) -> bytes:
    data = file.read(most + 1)
    if len(data) > most:
        raise Fault(f"{where}: larger than {most:,} bytes, which no such file of Recurra is")
    return data


def _content(path: Path) -> bytes:
    """The bytes of a file as they lie on disk."""
    with _reading(path):
        try:
            return path.read_bytes()
        except NotADirectoryError:
            place = archive_of(path)
            if place is None:
                raise
    return member(read_bytes(place[0]), *place)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Makes a Fault of what the system says against reading a file."""
    try:
        yield
    except FileNotFoundError:
        raise Fault(f"{path}: no such file{_neighbour(path)}") from None
    except IsADirectoryError:
        raise Fault(f"{path}: is a folder, expected a file") from None
    except OSError as error:
        raise Fault(f"{path}: can't be read: {error.strerror or error}") from None


def _neighbour(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f" (nor is there a folder {path.parent})"
    hint = nearest(path.name, names)
    return hint if "did you mean" in hint else ""
