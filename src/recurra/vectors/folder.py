"""A run of word vectors as a folder: vectors.json, vectors.safetensors, vocabulary.tsv."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault
from recurra.storage.arrays import read_array, read_metadata, write_arrays
from recurra.storage.files import replacing, write_json
from recurra.vectors.options import Options

FORMAT = 1
SETTINGS, TENSORS, WORDS = "vectors.json", "vectors.safetensors", "vocabulary.tsv"


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
    try:
        description: Any = json.loads(path.read_text("utf-8"))
        number, options = description["format"], description["options"]
        words, world = int(description["words"]), int(description["world"])
    except FileNotFoundError:
        raise Fault(
            f"{run}: no {SETTINGS} there, expected a folder written by 'recurra vectors train'"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Fault(f"{path}: altered or cut short: {error!r}") from None
    if number != FORMAT:
        raise Fault(f"{path}: format {number}, expected {FORMAT}: read it with the version that wrote it")
    names = {field.name for field in fields(Options)}
    if not isinstance(options, dict) or set(options) != names:
        raise Fault(f"{path}: options differ from those known: {sorted(names ^ set(options))}")
    return Settings(Options(**options), words, world)


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
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                word, tab, count = line.rstrip(b"\n").rpartition(b"\t")
                if not tab or not count.isdigit():
                    raise Fault(f"{path}: line {number}: expected a word, a tab and a count")
                words.append(word.decode("utf-8"))
                counts.append(int(count))
    except (OSError, UnicodeDecodeError) as error:
        raise Fault(f"{path}: cannot be read: {error}") from None
    return words, np.array(counts, np.int64)


def write_matrices(
    run: Path, vectors: NDArray[np.float32], output: NDArray[np.float32], position: Position
) -> None:
    """Writes both matrices and how far they have come, in one file, so that they can never disagree."""
    metadata = {
        "round": str(position.round),
        "chunk": str(position.chunk),
        "complete": str(int(position.complete)),
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
    matrix = read_array(run / TENSORS, name)
    if len(matrix) != words:
        raise Fault(f"{run}: {len(matrix):,} rows in {TENSORS}, {words:,} words in {WORDS}, expected as many")
    return matrix
