"""What the columns of a person's data look like."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from recurra.data import Examples, Place, columns
from recurra.data.readers.audio import SOUNDS
from recurra.data.source import Source, read
from recurra.data.stamps import read_stamp
from recurra.errors import Fault

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
FOLDER_FORMATS = {"classify": "labelled", "compose": "midi", "language_model": "abc"}
"""Task -> what a folder or an archive is read as; of others, as recordings."""
_LOOKED_AT = 1000


class Data(NamedTuple):
    """A person's data, and how a recipe names it.

    Attributes:
        source: as `data.train` says it, its path as it was given.
    """

    source: Source
    examples: Examples

    def column(self, what: str, fits: Callable[[str], bool], names: Sequence[str]) -> str:
        """A column that fits, one of these names before any other.

        Raises:
            Fault: none does.
        """
        able = [name for name in self.examples.columns if fits(name)]
        first = [each for name in names for each in able if each.lower() == name]
        if not able:
            raise Fault(
                f"{self.examples.source}: no column of {what} found; its columns: {self.overview()}: name "
                f"the columns in a recipe of your own"
            )
        return (first or able)[0]

    def kind(self, name: str) -> str:
        """ "sound", "picture", "vectors", "tokens", "number", "time", "text", "word" or "other"."""
        entries = [entry for entry in self.examples[name][:_LOOKED_AT] if not _is_nothing(entry)]
        return next((kind for kind, fits in _KINDS.items() if entries and fits(entries)), "other")

    def overview(self) -> str:
        """The columns and what they hold, for a message or a comment."""
        kinds = {
            "sound": "recordings",
            "picture": "pictures",
            "vectors": "rows of numbers",
            "tokens": "lists of words",
            "number": "numbers",
            "time": "times",
            "text": "texts",
            "word": "words",
            "other": "other values",
        }
        return ", ".join(f"{name} ({kinds[self.kind(name)]})" for name in self.examples.columns)


def look_at(path: Path, task: str = "") -> Data:
    """Reads a person's data. A folder is one of a table, else of what its task is for, as an archive is:
    recordings, or labelled files, tunes or pieces of music.

    Raises:
        Fault: it can't be read, or its format shows nowhere.
    """
    if path.is_dir():
        tables = sorted(each for each in path.iterdir() if each.suffix.lower() in TABLES)
        if len(tables) > 1:
            names = ", ".join(each.name for each in tables)
            raise Fault(f"{path}: several tables found ({names}): give one of them")
        if tables:
            return look_at(tables[0])
    form = FOLDER_FORMATS.get(task, "audio")
    if form != "audio" and (path.is_dir() or path.name.lower().endswith(ARCHIVES)):
        source: Source = {"path": str(path), "format": form}
        return Data(source, read(source))
    if path.is_dir():
        return Data({"path": str(path), "format": "audio"}, _audio(path))
    tries: list[Source] = [str(path)]
    if path.suffix.lower() in (".txt", ".conll", ".iob", ".iob2", ".bio"):
        tries = [*_conll(path), *tries]
    fault: Fault | None = None
    for source in tries:
        try:
            return Data(source, read(source))
        except Fault as error:
            fault = fault or error
    assert fault is not None
    raise fault


def _audio(path: Path) -> Examples:
    try:
        return read({"path": str(path), "format": "audio"})
    except Fault as fault:
        if "no recording found" in str(fault):
            raise Fault(f"{path}: a folder without a table or recordings found: give a file") from None
        raise


def _conll(path: Path) -> Iterator[Source]:
    """A file of words with tags, if it looks like one: as many columns in every line, and empty lines."""
    try:
        lines = path.read_text("utf-8").splitlines()[:_LOOKED_AT]
    except (OSError, UnicodeDecodeError):
        return
    comment = "-DOCSTART-" if any(line.startswith("-DOCSTART-") for line in lines) else None
    rows = [line.split() for line in lines if line.strip() and not (comment and line.startswith(comment))]
    widths = {len(row) for row in rows}
    if len(widths) == 1 and 2 <= (width := widths.pop()) <= 12 and any(not line.strip() for line in lines):
        names = ["token", *["_"] * (width - 2), "tag"]
        more = {} if comment is None else {"comment": comment}
        plain = width == 2 and not more and path.suffix != ".txt"
        yield str(path) if plain else {"path": str(path), "format": "conll", "names": names, **more}


def _is_nothing(entry: Any) -> bool:
    return entry is None or (isinstance(entry, str) and not entry.strip())


def _texts(entries: Iterable[Any]) -> bool:
    return all(isinstance(entry, str) for entry in entries)


def _endings(entries: list[Any], endings: Sequence[str]) -> bool:
    return _texts(entries) and all(PurePosixPath(entry).suffix.lower() in endings for entry in entries)


def _is_number(entries: list[Any]) -> bool:
    if any(isinstance(entry, bool) or not isinstance(entry, int | float | str) for entry in entries):
        return False
    try:
        return not any(not each.missing for each in columns.read_numbers(_table(entries), "x")[1])
    except Fault:
        return False


def _is_vectors(entries: list[Any]) -> bool:
    if _texts(entries) and not all(entry.lstrip().startswith("[") for entry in entries):
        return False
    if any(isinstance(entry, int | float) for entry in entries):
        return False
    try:
        return bool(columns.vectors(_table(entries), "x"))
    except Fault:
        return False


def _table(entries: list[Any]) -> Examples:
    return Examples({"x": entries}, [Place("", n + 1) for n in range(len(entries))], "")


_KINDS: dict[str, Callable[[list[Any]], bool]] = {
    "sound": lambda entries: type(entries[0]).__name__ == "Recording" or _endings(entries, SOUNDS),
    "picture": lambda entries: _endings(entries, PICTURES),
    "vectors": _is_vectors,
    "tokens": lambda entries: all(isinstance(e, list) and e and _texts(e) for e in entries),
    "number": _is_number,
    "time": lambda entries: all(read_stamp(str(entry)) is not None for entry in entries),
    "text": lambda entries: _texts(entries) and statistics.fmean(len(e.split()) for e in entries) > 1.5,
    "word": _texts,
}
"""Kind -> whether entries are of it; the first that fits counts."""
