"""Recordings in a folder or an archive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from recurra.data.archive import tree_files
from recurra.data.examples import Examples, Place
from recurra.data.sound.recording import decode_recording
from recurra.errors import Fault
from recurra.storage.files import read_bytes
from recurra.storage.text import decode_text, split_lines

SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au")


def read_audio(path: str | Path, *, names: str | None = None, encoding: str = "utf-8") -> Examples:
    """Column `audio`: a `Recording` for each file of sound, in the order of their names; `file`: its name.

    Args:
        path: one recording, a folder with everything in it, or an archive (zip or tar, packed or not).
        names: a regular expression that each name, its folders and ending left out, must match as a whole;
            each group `(?P<name>...)` becomes a column. Without it the transcript, column `text`, is in the
            text file beside it of the same name (`a.txt` for `a.wav`).
        encoding: the encoding of those text files.
    """
    contents = dict(sorted(_files(Path(path))))
    sounds = [name for name in contents if PurePosixPath(name).suffix.lower() in SOUNDS]
    if not sounds:
        raise Fault(f"{path}: no recording found (files that end with {', '.join(SOUNDS)})")
    columns: dict[str, list[object]] = {"audio": [], "file": []}
    for name in sounds:
        where = _where(path, name)
        columns["audio"].append(decode_recording(contents[name], where))
        columns["file"].append(name)
        for column, entry in _about(name, contents, names, encoding, where).items():
            columns.setdefault(column, []).append(entry)
    return Examples(columns, [Place(_where(path, name), 1, "recording") for name in sounds], str(path))


def _about(
    name: str, contents: dict[str, bytes], names: str | None, encoding: str, where: str
) -> dict[str, str | None]:
    stem = PurePosixPath(name).stem
    if names is not None:
        try:
            match = re.fullmatch(names, stem)
        except re.error as error:
            raise Fault(f"names = {names!r}: not a regular expression: {error}") from None
        if match is None:
            raise Fault(f"{where}: the name {stem!r} does not match names = {names!r}")
        return match.groupdict()
    beside = contents.get(str(PurePosixPath(name).with_suffix(".txt")))
    if beside is None:
        return {"text": None}
    return {"text": "\n".join(split_lines(decode_text(beside, f"{where}: its text file", encoding))).strip()}


def _where(path: str | Path, name: str) -> str:
    return str(path) if _unpacked(Path(path).name) == name else f"{path}/{name}"


def _unpacked(name: str) -> str:
    """The name of a file that may be gzipped, which a final `.gz` says."""
    return name.removesuffix(".gz")


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names from `path` down, and contents: recordings and text files."""
    endings = (*SOUNDS, ".txt")
    plain = path.with_name(_unpacked(path.name))
    if plain.suffix.lower() in SOUNDS and not path.is_dir():
        yield plain.name, read_bytes(path)
        text = plain.with_suffix(".txt")
        for beside in (text, text.with_name(f"{text.name}.gz")):
            if beside.is_file():
                yield text.name, read_bytes(beside)
                return
        return
    yield from tree_files(path, endings, "a recording, a folder or a complete archive of recordings")
