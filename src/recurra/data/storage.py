"""Bytes and text from files, gzipped or not, and JSON files written whole or not at all."""

from __future__ import annotations

import codecs
import gzip
import json
import os
import tempfile
import zlib
from pathlib import Path
from typing import Any

from recurra.errors import Fault
from recurra.registry import nearest

_GZIP = b"\x1f\x8b"


def read_bytes(path: str | Path) -> bytes:
    """The content of a file, unpacked when it is gzipped. Fault when absent, a folder or broken."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise Fault(f"{path}: no such file{_neighbour(path)}") from None
    except IsADirectoryError:
        raise Fault(f"{path}: is a folder, expected a file") from None
    except OSError as error:
        raise Fault(f"{path}: can't be read: {error.strerror or error}") from None
    if data[:2] == _GZIP:
        try:
            return gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise Fault(f"{path}: broken gzip file ({error}): fetch or pack it again") from None
    return data


def read_text(path: str | Path, encoding: str = "utf-8") -> str:
    """The text of a file, line ends as they stand. An empty file, or bytes that are not of this encoding, are
    a
    Fault; the latter names byte offset (in the unpacked file) and line."""
    data = read_bytes(path)
    try:
        utf8 = codecs.lookup(encoding).name == "utf-8"
        "".encode(encoding)  # a codec that is not one of text, as "hex", is found but refuses
    except LookupError:
        raise Fault(
            f"{path}: no encoding is called {encoding!r}: use 'utf-8', 'latin-1', 'utf-16', ..."
        ) from None
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        likely = "utf-16" if utf16 else "latin-1" if utf8 else "utf-8"
        raise Fault(
            f"{path}:{line}: byte {error.start} (0x{data[error.start]:02x}) is not {encoding}: "
            f"set the file's encoding, perhaps encoding = {likely!r}"
        ) from None
    text = text.removeprefix("\ufeff") if utf8 else text
    if not text.strip():
        raise Fault(f"{path}: empty file: expected at least one example")
    return text


def split_lines(text: str) -> list[str]:
    """Lines ended by LF, CR LF or CR, and by nothing else (U+2028 or a form feed may stand within one)."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def write_text(path: str | Path, text: str) -> None:
    """Writes a UTF-8 file atomically: a reader sees the old file or the new one, never a part."""
    path = Path(path)
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise Fault(f"{path}: can't be written: {error.strerror or error}; nothing was changed") from None
    else:
        temporary = None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def write_json(path: str | Path, value: Any) -> None:
    """Writes JSON atomically."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def read_json(path: str | Path) -> dict[str, Any]:
    """A JSON object; Fault when the file is truncated or altered beyond reading."""
    try:
        value = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, Fault):
            raise
        raise Fault(f"{path}: not a complete JSON file ({error}): it was cut short or altered") from None
    if not isinstance(value, dict):
        raise Fault(f"{path}: a JSON {type(value).__name__} found, expected an object")
    return value


def _neighbour(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f" (nor is there a folder {path.parent})"
    hint = nearest(path.name, names)
    return hint if "did you mean" in hint else ""
