"""A run of word vectors as a folder: vectors.json, vectors.safetensors, vocabulary.tsv."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault
from recurra.signatures import check_arguments
from recurra.storage.arrays import read_array, read_metadata, write_arrays
from recurra.storage.fields import Fields
from recurra.storage.files import check_format, open_regular, read_json, replacing, write_json
from recurra.storage.seals import file_digest, has_digest
from recurra.vectors.options import Options

FORMAT = 1
SETTINGS, TENSORS, WORDS = "vectors.json", "vectors.safetensors", "vocabulary.tsv"

_MOST_SETTINGS = 2**20  # bytes
_LONGEST_LINE = 2**16  # of the vocabulary; a corpus has no longer word
_DIGITS = 18  # of a count


@dataclass(frozen=True, slots=True)
class Position:
    """How far training has come: rounds of averaging, and chunks of the corpus over all epochs."""

    round: int
    chunk: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run was started with. ``words``: of the corpus; ``world``: processes sharing it."""

    options: Options
    words: int
    world: int


def write_settings(run: Path, settings: Settings) -> None:
    """Writes the settings of a run."""
    description = {"format": FORMAT, "words": settings.words, "world": settings.world}
    write_json(run / SETTINGS, description | {"options": asdict(settings.options)})


def read_settings(run: Path) -> Settings:
    """Reads the settings of a run. Raises Fault where there is none, or it is altered or too new."""
    path = run / SETTINGS
    if not path.exists():
        raise Fault(f"{run}: no {SETTINGS} there, expected a folder written by 'recurra vectors train'")
    description = read_json(path, _MOST_SETTINGS)
    check_format(description, FORMAT, str(path))
    entries = Fields(description, str(path))
    options = dict(entries.table("options"))
    names = {field.name for field in fields(Options)}
    if set(options) != names:
        raise Fault(f"{path}: options differ from those known: {', '.join(sorted(names ^ set(options)))}")
    try:
        check_arguments(Options, options)
        return Settings(Options(**options), entries.whole("words"), entries.whole("world", 1))
    except Fault as fault:
        raise fault if str(path) in str(fault) else Fault(f"{path}: {fault}") from None


def write_words(run: Path, words: bytes, counts: NDArray[np.int64]) -> None:
    """Writes the vocabulary: word, tab, count, the most frequent first."""
    with replacing(run / WORDS) as file:
        start = 0
        for count in counts.tolist():
            end = words.index(b"\n", start)
            file.write(b"%b\t%d\n" % (words[start:end], count))
            start = end + 1


def read_words(run: Path) -> tuple[list[str], NDArray[np.int64]]:
    """Words and their counts. Raises Fault with the line that is not a word and a count."""
    path = run / WORDS
    words, counts = [], []
    with open_regular(path) as file:
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), 1):
            word, tab, count = line.rstrip(b"\n").rpartition(b"\t")
            if not tab or not count.isdigit() or len(count) > _DIGITS or not line.endswith(b"\n"):
                raise Fault(f"{path}: line {number}: expected a word, a tab and a count")
            try:
                words.append(word.decode("utf-8"))
            except UnicodeDecodeError:
                raise Fault(
                    f"{path}: line {number}: a word that is not UTF-8: it is damaged or from another version"
                ) from None
            counts.append(int(count))
    return words, np.array(counts, np.int64)


def write_matrices(
    run: Path, vectors: NDArray[np.float32], output: NDArray[np.float32], position: Position
) -> None:
    """Writes both matrices and how far they have come, in one file, so that they can never disagree."""
    metadata = {
        "round": str(position.round),
        "chunk": str(position.chunk),
        "complete": str(int(position.complete)),
        "words": file_digest(run / WORDS),
        "settings": file_digest(run / SETTINGS),
        **{name: _digest(matrix) for name, matrix in (("vectors", vectors), ("output", output))},
    }
    write_arrays(run / TENSORS, {"vectors": vectors, "output": output}, metadata)


def read_position(run: Path) -> Position:
    """How far the matrices of a run have come."""
    metadata = read_metadata(run / TENSORS)
    try:
        return Position(int(metadata["round"]), int(metadata["chunk"]), metadata["complete"] == "1")
    except (KeyError, ValueError):
        raise Fault(
            f"{run / TENSORS}: says not how far training has come, expected a file of this run"
        ) from None


def read_matrix(run: Path, name: str, words: int) -> NDArray[np.float32]:
    """``vectors`` or ``output``, checked against the number of words."""
    metadata = read_metadata(run / TENSORS)  # version 0.1 wrote no digests
    for entry, file in (("words", WORDS), ("settings", SETTINGS)):
        if entry in metadata and not has_digest(run / file, metadata[entry]):
            raise Fault(
                f"{run / file}: does not belong to {TENSORS}: "
                "it is damaged, from another version or another run's"
            )
    matrix = read_array(run / TENSORS, name)
    if name in metadata and metadata[name] != _digest(matrix):
        raise Fault(
            f"{run / TENSORS}: '{name}' does not match its digest: it is damaged or from another version"
        )
    if len(matrix) != words:
        raise Fault(f"{run}: {len(matrix):,} rows in {TENSORS}, {words:,} words in {WORDS}, expected as many")
    return matrix


def _digest(matrix: NDArray[np.float32]) -> str:
    return hashlib.sha256(np.ascontiguousarray(matrix, "<f4").data).hexdigest()
