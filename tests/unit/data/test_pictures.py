"""Pictures from files, bytes and arrays."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from recurra.data import columns, read
from recurra.data.pictures import PictureForm, frames_of
from recurra.errors import Fault


def _picture(height: int = 6, width: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _frames(cell: Any, base: Path, **wanted: Any) -> np.ndarray:
    return frames_of(cell, "here", base, PictureForm(**wanted))


def test_a_png_is_read_as_it_is_and_a_jpeg_nearly(tmp_path: Path) -> None:
    smooth = np.linspace(0, 200, 48).reshape(4, 4, 3).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    Image.fromarray(smooth).save(tmp_path / "a.png")
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    assert np.array_equal(_frames("a.png", tmp_path), smooth[None])
    assert np.abs(_frames("a.jpg", tmp_path).astype(int) - smooth).mean() < 8
    data = (tmp_path / "a.png").read_bytes()
    for cell in (data, {"bytes": data, "path": "a.png"}, smooth, smooth[None]):
        assert np.array_equal(_frames(cell, tmp_path), smooth[None])


def test_a_film_is_a_list_of_files_or_a_file_of_frames(tmp_path: Path) -> None:
    frames = [_picture(seed=seed) for seed in range(3)]
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"{number}.png")
    names = [f"{number}.png" for number in range(3)]
    assert np.array_equal(_frames(names, tmp_path), np.stack(frames))
    assert np.array_equal(_frames(json.dumps(names), tmp_path), np.stack(frames))
    first, *rest = (Image.fromarray(frame) for frame in frames)
    first.save(tmp_path / "film.png", save_all=True, append_images=rest)
    assert np.array_equal(_frames("film.png", tmp_path), np.stack(frames))


def test_size_and_mode_are_changed_when_asked(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(tmp_path / "a.png")
    assert np.array_equal(_frames("a.png", tmp_path, size=(4, 2)), np.full((1, 4, 2, 3), 90))
    assert np.array_equal(_frames("a.png", tmp_path, mode="L"), np.full((1, 8, 8, 1), 90))


def _gif(path: Path) -> None:
    Image.fromarray(_picture()).convert("P").save(path)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("none.png", r"here: .*none\.png: no such file"),
        ("text.png", r"here: .*text\.png: not a picture: of no format that Pillow knows"),
        ("empty.png", r"empty\.png: not a picture: of no format"),
        ("cut.png", r"cut\.png: not a picture: broken or cut short"),
        ("palette.gif", "a picture of mode P found, expected RGB or L"),
        (["a.png", "wide.png"], r"wide\.png: 6 x 9 pixels .* found, expected 6 x 5 pixels"),
        ("[1, 2", "a list of names that is not JSON"),
        ([], "expected the name of a picture, or a list of names"),
        (7, "7 found, expected the name of a picture"),
        (np.zeros((4, 4)), r"an array \[4, 4\] of float64 found, expected a picture"),
        (np.zeros((0, 4, 4, 3), np.uint8), r"an array \[0, 4, 4, 3\]"),
        (b"no picture", "here: not a picture: of no format"),
    ],
)
def test_what_is_no_picture_is_told(tmp_path: Path, cell: Any, said: str) -> None:
    Image.fromarray(_picture()).save(tmp_path / "a.png")
    Image.fromarray(_picture(6, 9)).save(tmp_path / "wide.png")
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    held = io.BytesIO()
    Image.fromarray(_picture(40, 40)).save(held, format="png")
    (tmp_path / "cut.png").write_bytes(held.getvalue()[:900])
    _gif(tmp_path / "palette.gif")
    with pytest.raises(Fault, match=said):
        _frames(cell, tmp_path)


def test_arrays_hold_pictures_and_texts(tmp_path: Path) -> None:
    pictures = np.stack([_picture(seed=seed) for seed in range(3)])
    texts = np.array([["a", "b"], ["c", ""], ["d e", "f"]])
    np.savez(tmp_path / "a.npz", images=pictures, said=texts, one=texts[:, 0])
    examples = read({"path": str(tmp_path / "a.npz"), "sequences": "images", "texts": "said"})
    assert examples["text"] == [["a", "b"], ["c"], ["d e", "f"]]
    assert np.array_equal(examples["vectors"][1], pictures[1])
    with pytest.raises(Fault, match="numbers nested 3 deep"):
        columns.vectors(examples, "vectors")
    one = read({"path": str(tmp_path / "a.npz"), "sequences": "images", "texts": "one"})
    assert one["text"] == ["a", "c", "d e"]
    with pytest.raises(Fault, match=r"array 'images' is of type uint8 .* expected text \[3\]"):
        read({"path": str(tmp_path / "a.npz"), "sequences": "images", "texts": "images"})
    np.savez(tmp_path / "films.npz", f=pictures, f_lengths=np.array([2, 1]))
    assert [len(film) for film in read(tmp_path / "films.npz")["vectors"]] == [2, 1]
