"""What is packed in gzip files and in zip and tar archives, read into memory: never onto the disk, never more
than it may be.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from recurra.errors import Fault, quoted

MOST_UNPACKED = 2**30
"""Bytes that anything packed may unpack to, however small it is."""
MOST_RATIO = 100
"""How many times its packed size it may be beyond that."""

_PIECE = 2**24
_GZIP_WINDOW = 31  # zlib's word for: of gzip, with the largest window


def gunzip(data: bytes, where: str) -> bytes:
    """The content of a gzip file, of several members too.

    Raises:
        Fault: it is broken, or a bomb.
    """
    parts: list[bytes] = []
    size, left = 0, data
    try:
        while left.strip(b"\0"):
            stream = zlib.decompressobj(_GZIP_WINDOW)
            while not stream.eof:
                if not left:
                    raise EOFError("it ends before its end is marked")
                parts.append(stream.decompress(left, _PIECE))
                left = stream.unconsumed_tail
                size += len(parts[-1])
                check_size(size, len(data), where)
            left = stream.unused_data
    except (EOFError, zlib.error) as error:
        raise Fault(f"{where}: broken gzip file ({error}): fetch or pack it again") from None
    return b"".join(parts)


def check_size(size: int, packed: int, where: str) -> None:
    """Fault where so many bytes out of so many packed ones can only be meant to fill the memory."""
    if size > max(MOST_UNPACKED, MOST_RATIO * packed):
        raise Fault(
            f"{where}: {packed:,} bytes unpack to more than {MOST_UNPACKED:,}, and more than {MOST_RATIO} "
            f"times as many: refused, since it would fill the memory; if it is meant so, unpack it first"
        )


def members(data: bytes, where: str, choose: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Name and content of the files in a zip or tar archive whose names are chosen; links are left out.

    Raises:
        Fault: it is no whole archive, a bomb, or has a name that leads out of its folder.
    """
    try:
        packed = io.BytesIO(data)
        if zipfile.is_zipfile(packed):
            yield from _of_zip(packed, len(data), where, choose)
        else:
            packed.seek(0)
            yield from _of_tar(packed, len(data), where, choose)
    except Fault:
        raise
    except Exception as error:  # an altered archive can fail in any part of zipfile, tarfile, zlib or lzma
        raise Fault(f"{where}: not a whole tar or zip archive: {str(error)[:200]}") from None


def archive_of(path: Path) -> tuple[Path, str] | None:
    """The archive, and the name within it, that a path like `data.zip/train.csv` leads to, if it does."""
    parent = next((each for each in path.parents if each.exists()), None)
    if parent is None or not parent.is_file():
        return None
    return parent, path.relative_to(parent).as_posix()


def member(data: bytes, archive: Path, name: str) -> bytes:
    """One file of an archive.

    Raises:
        Fault: it is not there, or as for `members`.
    """
    names: list[str] = []

    def choose(other: str) -> bool:
        names.append(other)
        return other == name

    content = dict(members(data, str(archive), choose)).get(name)
    if content is None:
        listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        raise Fault(f"{archive}: no {quoted(name)} in the archive: it holds {listed}")
    return content


def _of_zip(
    packed: io.BytesIO, size: int, where: str, choose: Callable[[str], bool]
) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(packed) as archive:
        files = [info for info in archive.infolist() if not info.is_dir()]
        names = [_plain(info.filename, where) for info in files]
        check_size(sum(info.file_size for info in files), size, where)
        for info, name in zip(files, names, strict=True):
            if choose(name):
                yield name, archive.read(info)


def _of_tar(
    packed: io.BytesIO, size: int, where: str, choose: Callable[[str], bool]
) -> Iterator[tuple[str, bytes]]:
    total = 0
    with tarfile.open(fileobj=packed) as archive:
        for info in archive:
            name = _plain(info.name, where)
            total += info.size
            check_size(total, size, where)
            opened = archive.extractfile(info) if info.isfile() and choose(name) else None
            if opened is not None:
                yield name, opened.read()


def _plain(name: str, where: str) -> str:
    """A name without what says nothing. Fault where it leads out of the folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts[:1] and path.parts[0].endswith(":")):
        raise Fault(
            f"{where}: the archive holds {quoted(name)}, which leads out of its folder: refused; pack it "
            f"again with names below it"
        )
    return str(path)
