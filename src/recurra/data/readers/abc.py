"""ABC notation: tunes as text (Chris Walshaw's standard 2.1), one a document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from recurra.data.archive import tree_files
from recurra.data.examples import Examples, Place
from recurra.data.tenths import Part, check_part, in_part
from recurra.errors import Fault, quoted
from recurra.storage.files import read_bytes
from recurra.storage.text import decode_text, split_lines

_FIELD = re.compile(r"([A-Za-z]):(?![|:])(.*)")  # not the last note before a repeat
_COMMENT = re.compile(r"(?<!\\)%.*")
_COLUMNS = {"number": "X", "title": "T", "key": "K", "metre": "M", "rhythm": "R"}


class Tune(NamedTuple):
    """A tune: where it begins, its fields (the first of each letter), and its lines without comments."""

    place: Place
    fields: dict[str, str]
    lines: list[str]


def read_abc(
    path: str | Path,
    *,
    fields: Literal["keep", "drop"] | Sequence[str] = "keep",
    part: Part = "all",
    encoding: str = "utf-8",
) -> Examples:
    """Columns `text`, a tune each, and of its heading `number`, `title`, `key`, `metre` and `rhythm` (None
    where it has none).

    Comments are left out, and so is what stands between tunes.

    Args:
        path: a file of tunes, a folder with everything in it, or an archive (zip or tar, packed or not).
        fields: the lines of the heading, and of words (`w:`), are kept in the text, or left out ("drop"), or
            those of some letters are kept, as ["M", "L", "K"].
        part: by the digest of the title, 8 tenths are "train", a tenth is "validation" and a tenth "test":
            all versions of a tune are in the same part.
        encoding: the encoding of the files.
    """
    check_part(path, part)
    letters = None if fields == "keep" else frozenset("" if fields == "drop" else fields)
    if letters is not None and not all(len(letter) == 1 and letter.isalpha() for letter in letters):
        raise Fault(f"{path}: fields = {quoted(fields)} found, expected keep, drop or a list of letters")
    columns: dict[str, list[object]] = {"text": [], **{name: [] for name in _COLUMNS}}
    places = []
    for tune in _tunes(Path(path), encoding):
        title = tune.fields.get("T", tune.fields["X"])
        if not in_part(title.casefold(), part):
            continue
        lines = [line for line in tune.lines if letters is None or _stays(line, letters)]
        if not any(not _FIELD.match(line) for line in lines):
            raise Fault(f"{tune.place}: the tune {quoted(title)} has no notes below its heading")
        columns["text"].append("\n".join(lines))
        for name, letter in _COLUMNS.items():
            columns[name].append(tune.fields.get(letter))
        places.append(tune.place)
    if not places:
        raise Fault(f"{path}: no tune of this part found: expected lines that begin with X:")
    return Examples(columns, places, str(path))


def _stays(line: str, letters: frozenset[str]) -> bool:
    match = _FIELD.match(line)
    return match is None or match[1] in letters


def _tunes(path: Path, encoding: str) -> Iterator[Tune]:
    if path.name.removesuffix(".gz").lower().endswith(".abc") and not path.is_dir():
        yield from _of_text(str(path), read_bytes(path), encoding)
        return
    for name, content in tree_files(path, [".abc"], "a file, a folder or a complete archive of ABC tunes"):
        yield from _of_text(f"{path}/{name}", content, encoding)


def _of_text(where: str, data: bytes, encoding: str) -> Iterator[Tune]:
    tune: Tune | None = None
    for number, line in enumerate(split_lines(decode_text(data, where, encoding)), 1):
        if not line.strip():
            if tune is not None:
                yield tune
            tune = None
            continue
        line = _COMMENT.sub("", line).rstrip()
        match = _FIELD.match(line)
        if match is not None and match[1] == "X":
            if tune is not None:
                yield tune
            tune = Tune(Place(where, number), {}, [])
        if tune is None or not line:
            continue
        if match is not None:
            tune.fields.setdefault(match[1], match[2].strip())
        tune.lines.append(line)
    if tune is not None:
        yield tune
