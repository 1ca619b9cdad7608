"""IDX files, and lines of numbers with a label."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from recurra.data import read
from recurra.errors import Fault


def write_idx(path: Path, array: np.ndarray, kind: int = 0x08) -> Path:
    content = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def test_rows_of_an_image_are_steps_and_labels_lie_beside(tmp_path: Path) -> None:
    images = write_idx(tmp_path / "some-images-idx3-ubyte.gz", IMAGES)
    write_idx(tmp_path / "some-labels-idx1-ubyte.gz", np.array([7, 3], dtype=np.uint8))
    found = read({"path": str(images), "format": "idx", "divisor": 2})
    assert found["label"] == [7, 3]
    assert np.array_equal(found["vectors"][1], IMAGES[1] / 2)


def test_labels_can_be_named_or_absent(tmp_path: Path) -> None:
    images = write_idx(tmp_path / "a", IMAGES)
    labels = write_idx(tmp_path / "b", np.array([1, 0], dtype=np.uint8))
    assert read({"path": str(images), "format": "idx", "labels": str(labels)})["label"] == [1, 0]
    assert "label" not in read({"path": str(images), "format": "idx"})


def test_numbers_of_two_bytes_are_read(tmp_path: Path) -> None:
    images = write_idx(tmp_path / "a", np.array([[[-300, 5]]], dtype=">i2"), 0x0B)
    assert read({"path": str(images), "format": "idx"})["vectors"][0].tolist() == [[-300, 5]]


def test_pixels_are_steps_in_one_order_for_all_images(tmp_path: Path) -> None:
    images = write_idx(tmp_path / "a", IMAGES)
    source = {"path": str(images), "format": "idx", "pixels": True}
    plain = read(source)["vectors"]
    assert [one.shape for one in plain] == [(12, 1)] * 2
    assert plain[1][:, 0].tolist() == list(range(12, 24))
    other = read({**source, "permutation": 3})["vectors"]
    assert other[0][:, 0].tolist() != plain[0][:, 0].tolist()
    assert sorted(other[0][:, 0].tolist()) == plain[0][:, 0].tolist()
    assert (other[1] - other[0] == 12).all()
    with pytest.raises(Fault, match="needs pixels = true"):
        read({"path": str(images), "format": "idx", "permutation": 3})


def test_bad_idx_files_are_told(tmp_path: Path) -> None:
    path = write_idx(tmp_path / "a", IMAGES)
    whole = path.read_bytes()

    def fault(content: bytes, **options: str | float) -> str:
        path.write_bytes(content)
        with pytest.raises(Fault) as told:
            read({"path": str(path), "format": "idx", **options})
        return str(told.value)

    assert "expected 40 for an array of shape [2, 3, 4]" in fault(whole[:-1])
    assert "it is damaged" in fault(whole[:9])
    assert "not an IDX file" in fault(b"PK\3\4" + whole)
    assert "not an IDX file" in fault(b"")
    assert "0 images" in fault(whole[:4] + struct.pack(">3I", 0, 3, 4))
    assert "divisor = 0" in fault(whole, divisor=0)
    labels = write_idx(tmp_path / "b", np.array([1, 2, 3], dtype=np.uint8))
    assert "expected [2] whole numbers" in fault(whole, labels=str(labels))


def test_lines_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "digits.tra"
    path.write_text(" 1, 2,3,4, 8\n\n5,6,7,8,0\n")
    found = read({"path": str(path), "format": "numbers", "features": 2})
    assert found["vectors"] == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    assert found["label"] == ["8", "0"]
    path.write_text("up 1 2\n")
    found = read({"path": str(path), "format": "numbers", "label": "first"})
    assert (found["vectors"], found["label"]) == ([[[1], [2]]], ["up"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1,2,3,4\n", "1: 3 numbers found, expected steps of 2"),
        ("1,2,a\n1,x,b\n", "2: 'x' found, expected a number"),
        ("7\n", "1: 0 numbers found"),
    ],
)
def test_bad_lines_of_numbers_are_told(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "digits.tra"
    path.write_text(text)
    with pytest.raises(Fault, match=why):
        read({"path": str(path), "format": "numbers", "features": 2})
