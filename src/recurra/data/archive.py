"""The files of a folder or an archive, read without unpacking anything to the disk."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath

from recurra.errors import Fault
from recurra.storage.archive import members
from recurra.storage.files import read_bytes
from recurra.storage.kinds import kind_of


def archive_files(path: str | Path, folder: str = "") -> dict[str, bytes]:
    """Name -> content of every file in a folder (which ends in /) of an archive: zip, or tar, packed or not.

    Raises:
        Fault: it is absent, or no whole archive; see `recurra.storage.archive.members`.
    """
    return dict(members(read_bytes(path), str(path), lambda name: name.startswith(folder)))


def tree_files(path: Path, endings: Sequence[str], what: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of the files of these endings from a folder down, or in an archive; a final `.gz` does
    not count, nor do files that are hidden.

    Args:
        what: is expected, for messages.
    """
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            name = file.relative_to(path).as_posix()
            if _is_of(name, endings) and file.is_file():
                yield name.removesuffix(".gz"), read_bytes(file)
        return
    data = read_bytes(path)
    require_archive(data, path, what)
    try:
        for name, content in members(data, str(path), lambda name: _is_of(name, endings)):
            yield name.removesuffix(".gz"), content
    except Fault as fault:
        reason = str(fault).partition("not a whole tar or zip archive: ")[2]
        if not reason:
            raise
        kind = kind_of(data, text=False)
        reason = reason if kind is None else f"{kind.name}, {reason}"
        raise Fault(f"{path}: not {what}: {reason}") from None


def require_archive(data: bytes, path: str | Path, what: str) -> None:
    """Fault for a file that is packed as an archive is, and is none to read from: a document, a model.

    Args:
        what: is expected, for messages.
    """
    kind = kind_of(data, text=False)
    if kind is not None and zipfile.is_zipfile(BytesIO(data)) and kind.name != "a zip archive":
        raise Fault(f"{path}: not {what}: {kind.name} found")


def _is_of(name: str, endings: Sequence[str]) -> bool:
    parts = PurePosixPath(name).parts
    plain = name.removesuffix(".gz").lower()
    return plain.endswith(tuple(endings)) and not any(part.startswith((".", "__MACOSX")) for part in parts)
