"""What a tar archive holds, read without unpacking it to the disk."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from recurra.errors import Fault
from recurra.storage.files import read_bytes


def archive_files(path: str | Path, folder: str = "") -> dict[str, bytes]:
    """Name -> content of every file in a folder (which ends in /) of an archive, gzipped or not.

    Raises:
        Fault: it is absent, or no whole archive.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(read_bytes(path))) as archive:
            return {
                member.name.removeprefix("./"): opened.read()
                for member in archive
                if member.name.removeprefix("./").startswith(folder)
                and (opened := archive.extractfile(member)) is not None
            }
    except Fault:
        raise
    except Exception as error:  # an altered archive can fail in any part of tarfile, zlib or lzma
        raise Fault(f"{path}: not a whole tar archive: {str(error)[:200]}") from None
