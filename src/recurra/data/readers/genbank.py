"""GenBank flat files: the coding sequences of a record and the proteins they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from recurra.data.examples import Examples, Place
from recurra.data.tenths import Part, check_part, in_part
from recurra.errors import Fault
from recurra.storage.files import read_text
from recurra.storage.text import split_lines

_RANGE = re.compile(r"<?([0-9]{1,18})(?:\.\.>?([0-9]{1,18}))?")
_DEEPEST = 100  # brackets within brackets
_OTHER_STRAND = str.maketrans("acgtumrwsykvhdbn", "tgcaakywsrmbdhvn")
_QUALIFIER = re.compile(r"/(\w+)(?:=(.*))?$")


class Feature(NamedTuple):
    """One CDS of a feature table.

    Attributes:
        line: where it begins. location: as written, without blanks. about: name -> value of its qualifiers;
            line ends within a translation are taken out, those within others become blanks.
    """

    line: int
    location: str
    about: dict[str, str]


def read_genbank(
    path: str | Path,
    *,
    min_residues: int = 1,
    max_residues: int | None = None,
    part: Part = "all",
    encoding: str = "utf-8",
) -> Examples:
    """Columns `gene`, `dna` and `protein`: each coding sequence that has a protein, three bases a residue.

    The sequence is spliced, read along its own strand, and ends before its stop codon. A sequence without a
    protein (a pseudogene) is left out, and so is one whose bases are not three a residue.

    Args:
        path: one or several records.
        min_residues: shorter proteins are left out. max_residues: longer proteins are left out.
        part: by the digest of the protein, 8 tenths are "train", a tenth is "validation" and a tenth "test":
            two copies of a gene are always in the same part.
        encoding: the encoding of the file.
    """
    check_part(path, part)
    columns: dict[str, list[str]] = {"gene": [], "dna": [], "protein": []}
    places: list[Place] = []
    for features, bases in records(path, read_text(path, encoding)):
        for feature in features:
            protein = feature.about.get("translation", "")
            first = codon_start(feature, f"{path}:{feature.line}") - 1
            dna = spliced(bases, feature.location, f"{path}:{feature.line}")[first:]
            if not protein or len(dna) // 3 not in (len(protein), len(protein) + 1) or len(dna) % 3:
                continue
            if not min_residues <= len(protein) <= (max_residues or len(protein)):
                continue
            if not in_part(protein, part):
                continue
            about = feature.about
            name = about.get("locus_tag") or about.get("gene") or about.get("protein_id") or feature.location
            columns["gene"].append(name)
            columns["dna"].append(dna[: 3 * len(protein)])
            columns["protein"].append(protein)
            places.append(Place(str(path), feature.line))
    if not places:
        raise Fault(f"{path}: no coding sequence (CDS) with a /translation of this part and length found")
    return Examples(columns, places, str(path))


def codon_start(feature: Feature, where: str) -> int:
    """Which base of its location a CDS is read from, counted from 1."""
    start = feature.about.get("codon_start", "1")
    if start not in ("1", "2", "3"):
        raise Fault(f"{where}: /codon_start={start[:100]} found, expected 1, 2 or 3")
    return int(start)


class Span(NamedTuple):
    """Bases `first` to `last`, counted from 1, read in that direction or, on the other strand, against it."""

    first: int
    last: int
    forward: bool = True


def spliced(bases: str, location: str, where: str) -> str:
    """The bases of a location such as `complement(join(3..9,20..31))`, counted from 1, along its strand."""
    pieces = []
    for first, last, forward in spans(location, len(bases), where):
        piece = bases[first - 1 : last]
        pieces.append(piece if forward else piece.translate(_OTHER_STRAND)[::-1])
    return "".join(pieces)


def spans(location: str, count: int, where: str) -> list[Span]:
    """The spans of a location in a record of `count` bases, in the order in which they are read."""
    if max(accumulate((sign == "(") - (sign == ")") for sign in location), default=0) > _DEEPEST:
        raise Fault(f"{where}: location nested more than {_DEEPEST} deep")
    if location.startswith("complement(") and location.endswith(")"):
        return [
            Span(first, last, not forward)
            for first, last, forward in reversed(spans(location[11:-1], count, where))
        ]
    for word in ("join(", "order("):
        if location.startswith(word) and location.endswith(")"):
            inner = location[len(word) : -1]
            return [span for part in _top_level(inner) for span in spans(part, count, where)]
    match = _RANGE.fullmatch(location)
    if match is None:
        raise Fault(f"{where}: location {location!r} found, expected ranges, join(...) and complement(...)")
    first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= last <= count:
        raise Fault(f"{where}: location {location} found, the record has {count:,} bases")
    return [Span(first, last)]


def _top_level(text: str) -> Iterator[str]:
    """Parts between the commas that stand in no bracket."""
    depth = start = 0
    for place, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def records(path: str | Path, text: str) -> Iterator[tuple[list[Feature], str]]:
    """The coding sequences (CDS) and the bases of each record of a file."""
    features: list[Feature] = []
    bases: list[str] = []
    section = ""
    has_locus = False
    for number, line in enumerate(split_lines(text), 1):
        if line.startswith("//"):
            yield [feature for feature in features if feature.location], "".join(bases)
            features, bases, section = [], [], ""
        elif line[:1].strip():
            section, has_locus = line.split()[0], has_locus or line.startswith("LOCUS")
        elif section == "ORIGIN":
            bases.append("".join(line.split()[1:]).lower())
        elif section == "FEATURES":
            _read_feature_line(features, number, line)
    if not has_locus:
        raise Fault(f"{path}: no LOCUS line found, expected a GenBank flat file")
    if features or bases:
        raise Fault(f"{path}: the last record does not end with //: the file was cut short")


def _read_feature_line(features: list[Feature], number: int, line: str) -> None:
    """Adds to the feature table; a feature other than a CDS has no location."""
    key, content = line[5:21].strip(), line[21:].strip()
    if key:
        features.append(Feature(number, content if key == "CDS" else "", {}))
        return
    if not features or not features[-1].location:
        return
    feature = features[-1]
    qualifier = _QUALIFIER.match(content) if content.startswith("/") else None
    if qualifier is not None:
        name, content = qualifier[1], qualifier[2] or ""
        feature.about.pop(name, None)  # so that it stands last, where the lines that go on with it look
        feature.about[name] = content.strip('"')
    elif feature.about:
        name = next(reversed(feature.about))
        glue = "" if name == "translation" else " "
        feature.about[name] += glue + content.strip('"')
    else:
        features[-1] = feature._replace(location=feature.location + content)
