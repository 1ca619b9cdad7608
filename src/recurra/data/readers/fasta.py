"""FASTA: nucleotides or residues, each sequence under a line that begins with >."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from recurra.data.examples import Examples, Place
from recurra.errors import Fault, quoted
from recurra.storage.files import read_text
from recurra.storage.text import split_lines

_PLAIN = {"dna": frozenset("ACGTU"), "protein": frozenset("ACDEFGHIKLMNPQRSTVWY")}
_LETTERS = {
    "dna": _PLAIN["dna"] | frozenset("RYSWKMBDHVN-."),
    "protein": frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ*-."),
    "any": frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ*-."),
}
"""What the IUPAC's codes allow, in capitals."""


class Record(NamedTuple):
    """A sequence: where it begins, what its first line says, and its lines with their numbers."""

    line: int
    heading: str
    lines: list[tuple[int, str]]


def read_fasta(
    path: str | Path,
    *,
    alphabet: Literal["any", "dna", "protein"] = "any",
    case: Literal["upper", "lower", "keep"] = "upper",
    ambiguous: Literal["keep", "skip", "error"] = "keep",
    piece: int | None = None,
    names: str | None = None,
    proteins: str | None = None,
    encoding: str = "utf-8",
) -> Examples:
    """Columns `name` (the first word behind `>`), `description` (the rest) and `sequence`, its lines joined.

    Args:
        path: one or several sequences; lines of any length, and blank ones; a line that begins with `;` is a
            comment.
        alphabet: the letters there may be: "dna" (RNA too), "protein", or "any" letter.
        case: what becomes of the letters; small ones, which mark repeats, are capitals without it.
        ambiguous: a letter that stands for several, as N does, is kept, or its sequence left out ("skip"), or
            it is an error. For "any" alphabet all letters are kept.
        piece: a sequence is cut into pieces of so many letters (its last one shorter), an example each.
        names: a regular expression that what follows `>` must match as a whole; each group `(?P<name>...)`
            becomes a column.
        proteins: another FASTA file, by its path from this one's folder, with a protein of the same name for
            each sequence: column `protein`. A stop codon is then left out, and so is a sequence that has not
            three bases a residue.
        encoding: the encoding of the file.
    """
    if alphabet not in _LETTERS or case not in ("upper", "lower", "keep"):
        raise Fault(
            f"{path}: alphabet = {quoted(alphabet)}, case = {quoted(case)} found, expected any, dna or "
            f"protein, and upper, lower or keep"
        )
    if ambiguous not in ("keep", "skip", "error") or (piece is not None and piece < 1):
        raise Fault(
            f"{path}: ambiguous = {quoted(ambiguous)}, piece = {piece!r} found, expected keep, skip or "
            f"error, and at least 1"
        )
    if proteins is not None and piece is not None:
        raise Fault(f"{path}: proteins belong to whole sequences: leave out piece")
    pattern = _pattern(path, names)
    partners = None if proteins is None else _proteins(Path(path).parent / proteins, encoding)
    columns: dict[str, list[object]] = {"name": [], "description": [], "sequence": []}
    places: list[Place] = []
    for record in _records(path, read_text(path, encoding)):
        sequence = _sequence(path, record, alphabet)
        if alphabet != "any" and ambiguous != "keep" and set(sequence.upper()) - _PLAIN[alphabet]:
            if ambiguous == "error":
                raise _ambiguous(path, record, alphabet)
            continue
        sequence = sequence if case == "keep" else sequence.upper() if case == "upper" else sequence.lower()
        name, _, description = record.heading.partition(" ")
        groups = _groups(path, record, pattern)
        if partners is not None:
            protein = _partner(path, record, name, partners, str(proteins))
            sequence = sequence[: 3 * len(protein)] if len(sequence) == 3 * len(protein) + 3 else sequence
            if len(sequence) != 3 * len(protein):
                continue
            groups["protein"] = protein
        for start in range(0, len(sequence), piece or len(sequence)):
            entries = {
                "name": name,
                "description": description.strip(),
                "sequence": sequence[start : start + (piece or len(sequence))],
                **groups,
            }
            for column, entry in entries.items():
                columns.setdefault(column, []).append(entry)
            places.append(Place(str(path), record.line))
    if not places:
        what = "has a letter that stands for several" if partners is None else "fits its protein"
        none = "every sequence" if partners is None else "no sequence"
        raise Fault(f"{path}: {none} {what}: expected at least one example")
    return Examples(columns, places, str(path))


def _records(path: str | Path, text: str) -> Iterator[Record]:
    record: Record | None = None
    for number, line in enumerate(split_lines(text), 1):
        if line.startswith(">"):
            if record is not None:
                yield record
            record = Record(number, line[1:].strip().replace("\t", " "), [])
        elif line.strip() and not line.startswith(";"):
            if record is None:
                raise Fault(f"{path}:{number}: {quoted(line[:40])} found, expected a line that begins with >")
            record.lines.append((number, line))
    if record is None:
        raise Fault(f"{path}: no line begins with >: expected FASTA")
    yield record


def _sequence(path: str | Path, record: Record, alphabet: str) -> str:
    parts = []
    for number, line in record.lines:
        letters = "".join(line.split())
        strange = set(letters.upper()) - _LETTERS[alphabet]
        if strange:
            letter = next(each for each in letters if each.upper() in strange)
            what = {"dna": "a nucleotide", "protein": "a residue", "any": "a letter"}[alphabet]
            raise Fault(f"{path}:{number}: {letter!r} found, expected {what} in every place of a sequence")
        parts.append(letters)
    sequence = "".join(parts)
    if not sequence:
        raise Fault(f"{path}:{record.line}: no sequence found below this line: remove it, or add its letters")
    return sequence


def _ambiguous(path: str | Path, record: Record, alphabet: str) -> Fault:
    number, letter = next(
        (number, letter)
        for number, line in record.lines
        for letter in line
        if letter.strip() and letter.upper() not in _PLAIN[alphabet]
    )
    return Fault(
        f"{path}:{number}: {letter!r} found, which stands for several: expected one of "
        f"{''.join(sorted(_PLAIN[alphabet]))}; set ambiguous = 'skip' to leave such sequences out, or 'keep'"
    )


def _proteins(path: Path, encoding: str) -> dict[str, str]:
    """Name -> sequence, in capitals."""
    proteins: dict[str, str] = {}
    for record in _records(path, read_text(path, encoding)):
        name = record.heading.partition(" ")[0]
        if name in proteins:
            raise Fault(f"{path}:{record.line}: {quoted(name)} found twice, expected different names")
        proteins[name] = _sequence(path, record, "protein").upper().removesuffix("*")
    return proteins


def _partner(path: str | Path, record: Record, name: str, partners: dict[str, str], file: str) -> str:
    if name not in partners:
        raise Fault(f"{path}:{record.line}: no protein is called {quoted(name)} in {file}")
    return partners[name]


def _pattern(path: str | Path, names: str | None) -> re.Pattern[str] | None:
    try:
        return None if names is None else re.compile(names)
    except re.error as error:
        raise Fault(f"{path}: names = {quoted(names)}: not a regular expression: {error}") from None


def _groups(path: str | Path, record: Record, pattern: re.Pattern[str] | None) -> dict[str, str | None]:
    if pattern is None:
        return {}
    match = pattern.fullmatch(record.heading)
    if match is None:
        raise Fault(
            f"{path}:{record.line}: {quoted(record.heading[:100])} does not match names = "
            f"{quoted(pattern.pattern)}"
        )
    return match.groupdict()
