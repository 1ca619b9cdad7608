"""word2vec's text and binary formats, which gensim and others read and write, and GloVe's text."""

from __future__ import annotations

import codecs
import gzip
import os
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO, Literal, cast

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault
from recurra.storage.files import open_regular, replacing
from recurra.storage.kinds import Kind, kind_of
from recurra.vectors.rows import BinaryRows, TextRows, glove_size
from recurra.vectors.vectors import WordVectors

_GZIP = b"\x1f\x8b"
_FASTTEXT = (793712314).to_bytes(4, "little")


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
    path: str | os.PathLike[str],
    errors: Literal["strict", "replace"] = "strict",
    *,
    limit: int | None = None,
    words: Collection[str] | None = None,
) -> WordVectors:
    """Reads either format, plain or gzipped, and GloVe's text without header; the first rows tell which.

    In text, a word may hold blanks (". . ." in GloVe's), and numbers may stand behind tabs. Of a word that
    comes twice the first row counts; `notes` of the vectors tell it.

    Args:
        errors: what becomes of a word that is not UTF-8, as the C tool cuts long ones within a character: a
            Fault, or with "replace" its wrong bytes as U+FFFD (as `\\xe4` where two words become alike).
        limit: rows read, the first ones: of most files the commonest words; None: all.
        words: the only ones taken, so that no others are in memory; None: all. It may be that none is there.

    Raises Fault where the file is cut short, its header does not fit what follows, or a number is not finite.
    """
    path = Path(path)
    if errors not in ("strict", "replace"):
        raise Fault(f"errors: found {errors!r}, expected 'strict' or 'replace'")
    if limit is not None and limit < 1:
        raise Fault(f"limit: found {limit}, expected at least 1 row of {path}")
    try:
        with open_regular(path) as plain:
            zipped = plain.read(2) == _GZIP
        with cast(IO[bytes], gzip.open(path, "rb") if zipped else path.open("rb")) as file:
            _check_kind(path, file)
            sizes = _header(file)
            if sizes is None:
                count, dimensions = glove_size(path, file)
            else:
                count, dimensions = sizes
                _check_header(path, count, dimensions)
            size = None if zipped else path.stat().st_size - file.tell()
            _check_size(path, count, dimensions, size)
            line = 1 if sizes is None else 2
            rows = (
                TextRows(path, file, line)
                if sizes is None or not _is_binary(file, dimensions)
                else BinaryRows(path, file)
            )
            most = count if limit is None else min(count, limit)
            if words is None:
                matrix = _room(path, most, dimensions)
                names = [rows.row(k, count, matrix[k]) for k in range(most)]
            else:
                names, matrix = _some(rows, count, most, dimensions, {word.encode() for word in words})
            if most == count and rows.rest().strip():
                raise Fault(
                    f"{path}: the header says {count:,} words, but more follows: one of them is wrong"
                )
    except (OSError, EOFError, zlib.error) as error:
        raise Fault(f"{path}: cannot be read: {error}") from None
    return _word_vectors(path, names, matrix, errors)


def _check_kind(path: Path, file: IO[bytes]) -> None:
    """Leaves the file behind its byte order mark. Fault for another kind of file."""
    start = file.read(4096)
    kind = kind_of(start)
    if kind is None and start.startswith(_FASTTEXT):
        kind = Kind("a fastText model", advice="take the .vec file beside it, or let fastText write one")
    if kind is not None:
        raise Fault(
            f"{path}: {kind.name} found, expected word vectors (word2vec's text or binary file, GloVe's text)"
            + (f": {kind.advice}" if kind.advice else "")
        )
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Fault(f"{path}: begins with the byte order mark of utf-16: save it as UTF-8")
    file.seek(len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0)


def _header(file: IO[bytes]) -> tuple[int, int] | None:
    """Words and dimensions; None where the file has no such line, and is then at its beginning."""
    start = file.tell()
    parts = file.readline(200).split()
    if len(parts) == 2 and all(part.isdigit() and len(part) < 19 for part in parts):
        return int(parts[0]), int(parts[1])
    file.seek(start)
    return None


def _check_header(path: Path, words: int, dimensions: int) -> None:
    if not words or not dimensions:
        raise Fault(
            f"{path}: the header says {words} words of {dimensions} dimensions, expected at least one"
        )


def _some(
    rows: TextRows | BinaryRows, count: int, most: int, dimensions: int, words: Collection[bytes]
) -> tuple[list[bytes], NDArray[np.float32]]:
    """Of the first `most` of `count` rows those of some words."""
    names, matrix, numbers = [], [], _room(rows.path, 1, dimensions)[0]
    for k in range(most):
        name = rows.row(k, count, numbers)
        if name in words:
            names.append(name)
            matrix.append(numbers.copy())
    return names, np.stack(matrix) if matrix else np.zeros((0, dimensions), np.float32)


def _check_size(path: Path, words: int, dimensions: int, size: int | None) -> None:
    # Even in text, a number takes a digit and a space.
    if size is not None and words * dimensions * 2 > size:
        raise Fault(
            f"{path}: the header says {words:,} words of {dimensions:,} dimensions, but only {size:,} bytes "
            "follow: cut short, or the header is wrong"
        )


def _room(path: Path, words: int, dimensions: int) -> NDArray[np.float32]:
    try:
        return np.empty((words, dimensions), np.float32)
    except (MemoryError, ValueError, OverflowError):
        raise Fault(
            f"{path}: the header says {words:,} words of {dimensions:,} dimensions: no room for it"
        ) from None


def _is_binary(file: IO[bytes], dimensions: int) -> bool:
    start = file.tell()
    line = file.readline(min(64 * dimensions + 10_000, 1 << 30))
    file.seek(start)
    try:
        return len([float(x) for x in line.rsplit(None, dimensions)[-dimensions:]]) != dimensions
    except ValueError:
        return True


def _word_vectors(path: Path, names: list[bytes], matrix: NDArray[np.float32], errors: str) -> WordVectors:
    rows: dict[str, int] = {}
    distinct: set[bytes] = set()
    doubled: list[str] = []
    for k, name in enumerate(names):
        try:
            word = name.decode("utf-8")
        except UnicodeDecodeError:
            if errors == "strict":
                raise Fault(
                    f"{path}: word {k + 1} is not UTF-8: {name[:40]!r}: set errors to 'replace' (--errors "
                    f"replace) to read it"
                ) from None
            word = name.decode("utf-8", "replace")
            if word in rows and name not in distinct:
                word = name.decode("utf-8", "backslashreplace")
        distinct.add(name)
        if rows.setdefault(word, k) != k:
            doubled.append(word)
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        word = names[int(np.argmin(finite))][:100].decode("utf-8", "replace")
        raise Fault(f"{path}: the vector of {word!r} is not finite: it is damaged")
    if not doubled:
        return WordVectors(list(rows), matrix)
    more = "" if len(doubled) == 1 else f" and {len(doubled) - 1:,} more"
    note = f"{path}: the word {doubled[0][:100]!r}{more} found twice: the first of its rows is taken"
    return WordVectors(list(rows), matrix[list(rows.values())], (note,))
