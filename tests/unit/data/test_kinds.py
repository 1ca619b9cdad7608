"""A file of another kind is named, whichever reader it is handed to."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from recurra.data.readers import READERS
from recurra.errors import Fault
from recurra.storage.kinds import kind_of


def _zip(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name in names:
            packed.writestr(name, b"content")
    return file.getvalue()


KINDS = {
    "a MATLAB file (version 5)": b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(116)
    + bytes(8)
    + b"\0\1IM"
    + bytes(99),
    "a MATLAB file (version 7.3, HDF5)": b"MATLAB 7.3 MAT-file, Platform".ljust(116)
    + bytes(8)
    + b"\0\2IM"
    + bytes(99),
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(99),
    "a Python pickle": pickle.dumps({"a": [1.5] * 9}),
    "an Excel workbook": _zip("[Content_Types].xml", "xl/workbook.xml"),
    "a Word document": _zip("[Content_Types].xml", "word/document.xml"),
    "a PyTorch file": _zip("model/data.pkl"),
    "a PNG picture": b"\x89PNG\r\n\x1a\n" + bytes(99),
    "a JPEG picture": b"\xff\xd8\xff\xe0" + bytes(99),
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
    "an SQLite database": b"SQLite format 3\0" + bytes(99),
    "an old Office document": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99),
    "a FLAC sound": b"fLaC\0\0\0\x22" + bytes(99),
    "a 7-Zip archive": b"7z\xbc\xaf\x27\x1c" + bytes(99),
    "a zstd file": b"\x28\xb5\x2f\xfd" + bytes(99),
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
}
ALSO_OTHERS = ("parallel", "easy_vqa", "prop_logic")  # of two files, and of archives
NEEDED = {"audio": "soundfile", "dialogues": "yaml", "parquet": "pyarrow"}


@pytest.mark.parametrize("reader", [name for name in READERS if name not in ALSO_OTHERS])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_another_kind_is_named(tmp_path: Path, reader: str, kind: str) -> None:
    if reader in NEEDED:
        pytest.importorskip(NEEDED[reader])
    path = tmp_path / ("a.wav" if reader == "audio" else "a")
    path.write_bytes(KINDS[kind])
    with pytest.raises(Fault) as error:
        READERS[reader](path)
    line = str(error.value)
    assert kind in line
    assert "pickle" not in line or "pickle" in kind or kind == "a PyTorch file"
    assert "trust" not in line


@pytest.mark.parametrize(
    "text",
    [
        "ID3 tags\n",
        "MZ\n",
        "%PDF-1.4 is a format\n",
        "ORC, n.\n",
        "BM\n",
        "OggS\n",
        "RIFF\n",
        "größe\n",
        "GIF8\n",
    ],
)
def test_text_that_begins_as_a_file_does_is_text(text: str) -> None:
    assert kind_of(text.encode()) is None


def test_an_array_is_no_other_kind() -> None:
    file = io.BytesIO()
    np.savez(file, a=np.ones(3))
    kind = kind_of(file.getvalue())
    assert kind is not None
    assert kind.name == "an archive of NumPy arrays"
