"""word2vec's text and binary formats, which gensim and others read and write."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import IO, Literal, cast

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault
from recurra.storage.files import open_regular, replacing
from recurra.vectors.vectors import WordVectors

_BLOCK = 1 << 20


def write_word2vec(vectors: WordVectors, path: str | os.PathLike[str], *, binary: bool) -> None:
    """Writes the vectors, in float32 (binary) or nine digits, which give the same float32 again (text)."""
    for word in vectors.words:
        if not word or any(space in word for space in " \n"):
            raise Fault(f"{path}: the word {word!r} has white space or is empty: the format cannot hold it")
    rows = vectors.matrix.astype("<f4", copy=False)
    nine_digits = " ".join(["%.9g"] * rows.shape[1])  # enough for every float32
    with replacing(Path(path)) as file:
        file.write(b"%d %d\n" % vectors.matrix.shape)
        for word, row in zip(vectors.words, rows, strict=True):
            if binary:
                file.write(word.encode() + b" " + row.tobytes() + b"\n")
            else:
                file.write(f"{word} {nine_digits % tuple(row.tolist())}\n".encode())


def read_word2vec(
    path: str | os.PathLike[str], errors: Literal["strict", "replace"] = "strict"
) -> WordVectors:
    """Reads either format, plain or gzipped; which one it is, the first row tells.

    Raises Fault where the file is cut short, its header does not fit what follows, a number is not finite, a
    word comes twice, or is not UTF-8 (``errors='replace'`` reads it all the same).
    """
    path = Path(path)
    try:
        with open_regular(path) as plain:
            zipped = plain.read(2) == b"\x1f\x8b"
        with cast(IO[bytes], gzip.open(path, "rb") if zipped else path.open("rb")) as file:
            words, dimensions = _header(path, file.readline(200))
            size = None if zipped else path.stat().st_size - file.tell()
            matrix = _room(path, words, dimensions, size)
            rows = _Binary(path, file) if _is_binary(file, dimensions) else _Text(path, file)
            names = [rows.row(k, matrix) for k in range(words)]
            if rows.rest().strip():
                raise Fault(
                    f"{path}: the header says {words:,} words, but more follows: one of them is wrong"
                )
    except (OSError, EOFError) as error:
        raise Fault(f"{path}: cannot be read: {error}") from None
    return _word_vectors(path, names, matrix, errors)


def _header(path: Path, line: bytes) -> tuple[int, int]:
    parts = line.split()
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise Fault(
            f"{path}: begins with {line[:40]!r}, expected a line with the number of words and of dimensions"
        )
    words, dimensions = map(int, parts)
    if not words or not dimensions:
        raise Fault(
            f"{path}: the header says {words} words of {dimensions} dimensions, expected at least one"
        )
    return words, dimensions


def _room(path: Path, words: int, dimensions: int, size: int | None) -> NDArray[np.float32]:
    # Even in text, a number takes a digit and a space.
    if size is not None and words * dimensions * 2 > size:
        raise Fault(
            f"{path}: the header says {words:,} words of {dimensions:,} dimensions, but only {size:,} bytes "
            "follow: cut short, or the header is wrong"
        )
    try:
        return np.empty((words, dimensions), np.float32)
    except (MemoryError, ValueError):
        raise Fault(
            f"{path}: the header says {words:,} words of {dimensions:,} dimensions: no room for it"
        ) from None


def _is_binary(file: IO[bytes], dimensions: int) -> bool:
    start = file.tell()
    line = file.readline(64 * dimensions + 10_000)
    file.seek(start)
    try:
        numbers = line.decode("utf-8").rstrip().split(" ")[-dimensions:]
        return len([float(x) for x in numbers]) != dimensions
    except ValueError:
        return True


class _Text:
    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path, self.file = path, file

    def row(self, k: int, matrix: NDArray[np.float32]) -> bytes:
        line = self.file.readline().rstrip()
        if not line:
            raise Fault(f"{self.path}: cut short: the header says {len(matrix):,} words, found {k:,}")
        parts = line.rsplit(b" ", matrix.shape[1])
        try:
            if len(parts) != matrix.shape[1] + 1:
                raise ValueError
            matrix[k] = parts[1:]
        except ValueError:
            raise Fault(
                f"{self.path}: line {k + 2}: expected a word and {matrix.shape[1]} numbers: cut short?"
            ) from None
        return parts[0]

    def rest(self) -> bytes:
        return self.file.read(200)


class _Binary:
    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path, self.file, self.buffer, self.at = path, file, b"", 0

    def row(self, k: int, matrix: NDArray[np.float32]) -> bytes:
        width = 4 * matrix.shape[1]
        while (end := self.buffer.find(b" ", self.at)) < 0 or len(self.buffer) < end + 1 + width:
            block = self.file.read(_BLOCK)
            if not block:
                raise Fault(f"{self.path}: cut short: the header says {len(matrix):,} words, found {k:,}")
            self.buffer, self.at = self.buffer[self.at :] + block, 0
        word = self.buffer[self.at : end].lstrip(b"\n")
        matrix[k] = np.frombuffer(self.buffer, "<f4", matrix.shape[1], end + 1)
        self.at = end + 1 + width
        return word

    def rest(self) -> bytes:
        return self.buffer[self.at :] + self.file.read(200)


def _word_vectors(path: Path, names: list[bytes], matrix: NDArray[np.float32], errors: str) -> WordVectors:
    words: list[str] = []
    for k, name in enumerate(names):
        try:
            words.append(name.decode("utf-8", errors))
        except UnicodeDecodeError:
            raise Fault(
                f"{path}: word {k + 1} is not UTF-8: {name[:40]!r}: set errors to 'replace' to read it"
            ) from None
    if len(set(words)) != len(words):
        earlier: set[str] = set()
        twice = next(word for word in words if word in earlier or earlier.add(word))  # type: ignore[func-returns-value]
        raise Fault(f"{path}: the word {twice!r} comes twice, expected each once")
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        raise Fault(
            f"{path}: the vector of {words[int(np.argmin(finite))]!r} is not finite: altered or cut short"
        )
    return WordVectors(words, matrix)
