"""What is packed: the same as unpacked, and nothing that leads out of its folder or fills the memory."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from recurra.data import read
from recurra.data.archive import archive_files
from recurra.errors import Fault
from recurra.storage import archive
from recurra.storage.archive import gunzip, members
from recurra.storage.files import read_bytes


def packed(kind: str, files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, content in files.items():
                zipped.writestr(name, content)
        return file.getvalue()
    with tarfile.open(fileobj=file, mode="w" if kind == "tar" else "w:gz") as tarred:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tarred.addfile(info, io.BytesIO(content))
    return file.getvalue()


KINDS = ["zip", "tar", "tar.gz"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_in_an_archive_is_read_as_if_it_lay_there(tmp_path: Path, kind: str) -> None:
    table = b"text,label\na,x\nb,y\n"
    path = tmp_path / f"data.{kind}"
    path.write_bytes(packed(kind, {"./deep/a.csv": table, "deep/b.csv.gz": gzip.compress(table)}))
    for name in ("a.csv", "b.csv.gz"):
        found = read(path / "deep" / name)
        assert found["text"] == ["a", "b"]
        assert str(found.places[1]) == f"{path}/deep/{name}:3"
    assert archive_files(path, "deep/")["deep/a.csv"] == table
    with pytest.raises(Fault, match=r"no 'deep/c.csv' in the archive: it holds deep/a.csv, deep/b.csv.gz"):
        read(path / "deep" / "c.csv")
    with pytest.raises(Fault, match="no such file"):
        read(tmp_path / "other.zip" / "a.csv")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["../a.txt", "a/../../b.txt", "/etc/a.txt", "C:/a.txt", "..\\a.txt"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / "data.pack"
    path.write_bytes(packed(kind, {"good.txt": b"x", name: b"y"}))
    with pytest.raises(Fault, match=r"data.pack: the archive holds .*leads out of its folder: refused"):
        archive_files(path)


@pytest.mark.parametrize("kind", KINDS)
def test_what_would_fill_the_memory_is_refused(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_UNPACKED", 100_000)
    monkeypatch.setattr(archive, "MOST_RATIO", 0.5 if kind == "tar" else 10)
    path = tmp_path / "bomb"
    path.write_bytes(packed(kind, {f"{k}.txt": b"0" * 60_000 for k in range(3)}))
    with pytest.raises(Fault, match="bomb: .* bytes unpack to more than 100,000.*refused"):
        archive_files(path)


def test_a_gzip_file_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_UNPACKED", 100_000)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"0" * 300_000))
    with pytest.raises(Fault, match="a.txt.gz: .* bytes unpack to more than 100,000"):
        read_bytes(tmp_path / "a.txt.gz")


@pytest.mark.parametrize("size", [0, 1, 100, 40_000_000])
def test_gzip_is_unpacked_whole(size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    zipped = gzip.compress(content, 1)
    assert gunzip(zipped, "a") == content
    assert gunzip(zipped + gzip.compress(b"more") + b"\0\0", "a") == content + b"more"
    for broken in (zipped[:-1], zipped[: len(zipped) // 2], zipped[:-6] + b"xxxxxx", zipped + b"rubbish"):
        with pytest.raises(Fault, match="a: broken gzip file"):
            gunzip(broken, "a")


def test_links_are_left_out() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tarred:
        info = tarfile.TarInfo("link.txt")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tarred.addfile(info)
    assert dict(members(file.getvalue(), "a.tar", lambda name: True)) == {}


def test_a_broken_archive_is_told(tmp_path: Path) -> None:
    whole = packed("zip", {"a.txt": b"x" * 1000})
    altered = bytearray(whole)
    altered[36] ^= 0xFF
    for content in (b"PK", b"nothing", whole[:-8], bytes(altered)):
        (tmp_path / "a.zip").write_bytes(content)
        with pytest.raises(Fault, match="a.zip: not a whole tar or zip archive"):
            archive_files(tmp_path / "a.zip")
