"""GenBank flat files: which base of a genome is read as which place of a codon, and on which strand."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from recurra.data.examples import Examples, Place
from recurra.data.readers.genbank import Feature, codon_start, records, spans
from recurra.errors import Fault
from recurra.storage.files import read_text

Part = Literal["all", "train", "validation", "test"]
_TENTHS = {"train": (0, 8), "validation": (8, 9), "test": (9, 10), "all": (0, 10)}
NOT_CODING = "0"


def read_reading_frames(
    path: str | Path, *, length: int = 600, part: Part = "all", encoding: str = "utf-8"
) -> Examples:
    """Columns `bases` and `frames`: windows of genomes, and for each base its place in a codon.

    "1", "2" and "3" are the places of codons of the strand that is written, "-1", "-2" and "-3" those of the
    other one, "0" is a base of no protein. Where genes overlap, the longer one counts. A CDS without protein
    (a pseudogene) codes for nothing.

    Args:
        path: one or several records.
        length: bases of a window; windows follow each other, a rest that is shorter is left out.
        part: of each record the first 8 tenths are "train", the next is "validation", the last "test".
        encoding: the encoding of the file.
    """
    if part not in _TENTHS:
        raise Fault(f"{path}: part = {part!r} found, expected one of: {', '.join(sorted(_TENTHS))}")
    if length < 1:
        raise Fault(f"{path}: length = {length} found, expected at least 1 base")
    columns: dict[str, list[list[str]]] = {"bases": [], "frames": []}
    places: list[Place] = []
    windows_read = 0
    for features, bases in records(path, read_text(path, encoding)):
        frames = _frames(path, features, bases)
        windows = len(bases) // length
        first, last = (windows * tenth // 10 for tenth in _TENTHS[part])
        for number in range(first, last):
            window = slice(number * length, (number + 1) * length)
            columns["bases"].append(list(bases[window]))
            columns["frames"].append(frames[window])
            places.append(Place(str(path), windows_read + number + 1, "window"))
        windows_read += windows
    if not places:
        raise Fault(f"{path}: no window of {length} bases found in this part")
    return Examples(columns, places, str(path))


def _frames(path: str | Path, features: list[Feature], bases: str) -> list[str]:
    genes = []
    for feature in features:
        if feature.about.get("translation"):
            where = f"{path}:{feature.line}"
            pieces = spans(feature.location, len(bases), where)
            size = sum(last - first + 1 for first, last, _ in pieces)
            genes.append((size, pieces, codon_start(feature, where) - 1))
    frames = [NOT_CODING] * len(bases)
    for _, pieces, shift in sorted(genes, key=lambda gene: gene[0]):
        place = -shift
        for first, last, forward in pieces:
            sign = "" if forward else "-"
            for base in range(first - 1, last) if forward else range(last - 1, first - 2, -1):
                if place >= 0:
                    frames[base] = f"{sign}{place % 3 + 1}"
                place += 1
    return frames
