"""Folders of labelled files: texts, recordings and pictures; packed or not."""

from __future__ import annotations

import io
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest

from recurra.data import read
from recurra.errors import Fault


def files(folder: Path, **contents: bytes | str) -> Path:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def reviews(folder: Path) -> Path:
    return files(
        folder,
        **{
            "README.txt": "about",
            ".cache/x.txt": "hidden",
            "neg/a.txt": "so bad",
            "neg/old/b.txt": "worse",
            "pos/c.txt": "größer\r\nbetter\n",
            "pos/c.log": "no",
        },
    )


def test_a_folder_is_a_label(tmp_path: Path) -> None:
    found = read(reviews(tmp_path / "reviews"), format="labelled", level=1)
    assert found["label"] == ["neg", "neg", "pos"]
    assert found["text"] == ["so bad", "worse", "größer\nbetter"]
    assert found["file"] == ["neg/a.txt", "neg/old/b.txt", "pos/c.txt"]
    assert str(found.places[2]) == f"{tmp_path}/reviews/pos/c.txt: text 1"


def test_the_folder_that_a_file_lies_in_is_its_label_otherwise(tmp_path: Path) -> None:
    found = read(reviews(tmp_path / "reviews"), format="labelled")
    assert dict(zip(found["file"], found["label"], strict=True)) == {
        "neg/old/b.txt": "old",
        "pos/c.txt": "pos",
    }


def test_an_archive_is_a_folder(tmp_path: Path) -> None:
    folder = files(tmp_path / "sets", **{"pos/a.txt": "yes", "neg/b.txt": "no", "about.txt": "x"})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for path in folder.rglob("*.txt"):
            packed.writestr(f"top/{path.relative_to(folder).as_posix()}", path.read_bytes())
    (tmp_path / "sets.zip").write_bytes(file.getvalue())
    packed_ones = read(tmp_path / "sets.zip", format="labelled")
    assert packed_ones["label"] == read(folder, format="labelled")["label"] == ["neg", "pos"]
    assert packed_ones["text"] == ["no", "yes"]


def sound(seconds: float, rate: int = 8000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, 2, rate, 0, "NONE", ""))
        times = np.arange(int(seconds * rate)) / rate
        written.writeframes((8000 * np.sin(2 * np.pi * 440 * times)).astype("<i2").tobytes())
    return file.getvalue()


def test_recordings_become_frames(tmp_path: Path) -> None:
    pytest.importorskip("soundfile", reason="soundfile is not installed")
    folder = files(tmp_path / "s", **{"a/1.wav": sound(0.3), "b/1.wav": sound(0.2, 16000), "b/1.txt": "said"})
    with pytest.raises(Fault, match="files of sound and text found: set kind to one of them"):
        read(folder, format="labelled")
    found = read(folder, format="labelled", kind="sound", bands=12)
    assert found["label"] == ["a", "b"]
    assert [tuple(row.shape) for row in found["vectors"]] == [(28, 12), (18, 12)]


def test_pictures_become_rows_of_pixels(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    shapes = {"round/a.png": (4, 6), "square/b.png": (4, 6)}
    for name, (height, width) in shapes.items():
        file = io.BytesIO()
        pillow.fromarray(np.full((height, width), 51, np.uint8)).save(file, "PNG")
        files(tmp_path / "p", **{name: file.getvalue()})
    found = read(tmp_path / "p", format="labelled")
    assert found["label"] == ["round", "square"]
    assert found["vectors"][0].shape == (4, 6)
    assert found["vectors"][0].unique().tolist() == pytest.approx([0.2])
    assert read(tmp_path / "p", format="labelled", size=[2, 3], mode="RGB")["vectors"][0].shape == (2, 9)


def test_what_is_no_such_folder_is_told(tmp_path: Path) -> None:
    folder = files(tmp_path / "flat", **{"a.txt": "x", "b.txt": "y"})
    with pytest.raises(Fault, match="flat: no folder of labelled files found: expected a folder"):
        read(folder, format="labelled")
    with pytest.raises(Fault, match="kind = 'film'"):
        read(folder, format="labelled", kind="film")
    with pytest.raises(Fault, match="level = 0 found, expected whole numbers of at least 1"):
        read(folder, format="labelled", level=0)
    files(tmp_path / "bad", **{"a/x.txt": b"\xff\xfe\xfa"})
    with pytest.raises(Fault, match="bad/a/x.txt"):
        read(tmp_path / "bad", format="labelled")
    with pytest.raises(Fault, match="no such file"):
        read(tmp_path / "none", format="labelled")
