"""Generated scenes: what is said of them is so, and no scene is in two parts."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.data import read
from recurra.data.builtin.scene_parts import COLOURS, PARTS
from recurra.errors import Fault


def _read(name: str, part: str, count: int, **options: int):  # type: ignore[no-untyped-def]
    return read({"builtin": name, "part": part, "count": count, **options})


@pytest.mark.parametrize("name", ["scenes", "moving_scenes"])
def test_a_seed_repeats_and_another_one_does_not(name: str) -> None:
    one, same, other = (_read(name, "train", 8, seed=seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(one["image"], same["image"], strict=True))
    assert one["caption"] == same["caption"]
    assert one["caption"] != other["caption"]


@pytest.mark.parametrize("name", ["scenes", "moving_scenes"])
def test_no_scene_is_in_two_parts_whatever_the_seed(name: str) -> None:
    said = [
        {str(caption) for seed in range(2) for caption in _read(name, part, 150, seed=seed)["caption"]}
        for part in PARTS
    ]
    assert all(len(one) > 60 for one in said)
    assert not said[0] & said[1]
    assert not said[0] & said[2]
    assert not said[1] & said[2]


def _centre(picture: np.ndarray, colour: str) -> np.ndarray:
    """The mean place (x, y) of the pixels near a colour."""
    far = np.abs(picture.astype(int) - np.array(COLOURS[colour])).max(-1)
    y, x = (far < 45).nonzero()
    return np.array([x.mean(), y.mean()])


def test_the_first_of_a_pair_stands_where_its_caption_says() -> None:
    examples = _read("scenes", "test", 150)
    checked = 0
    for picture, captions in zip(examples["image"], examples["caption"], strict=True):
        assert picture.shape == (48, 48, 3)
        assert picture.dtype == np.uint8
        if len(captions) == 1:
            assert len(captions[0].split()) == 4
            continue
        words = captions[0].split()
        first, second, relation = words[2], words[-2], words[4]
        assert captions[1].split()[1:4] == words[-3:]
        if first != second:
            x, y = _centre(picture, second) - _centre(picture, first)
            assert (x > abs(y)) if relation == "left" else (y > abs(x))
            checked += 1
    assert checked > 80


def test_films_move_as_their_captions_say() -> None:
    examples = _read("moving_scenes", "train", 150)
    seen = set()
    for film, caption in zip(examples["image"], examples["caption"], strict=True):
        assert film.shape[1:] == (32, 32, 3)
        assert 5 <= len(film) <= 13
        colour, motion = caption.split()[1], caption.split(" ", 3)[3]
        (x0, y0), (x1, y1) = _centre(film[0], colour), _centre(film[-1], colour)
        right, down = x1 - x0, y1 - y0
        held = {"left": right < -4, "right": right > 4, "up": down < -4, "down": down > 4}
        if motion.startswith("moves") and "then" not in motion:
            assert held[motion.split()[1]]
            seen.add(motion)
        if motion in ("waits", "turns clockwise", "grows"):
            assert max(abs(right), abs(down)) < 1
            seen.add(motion)
    assert len(seen) >= 5


def test_settings_that_make_no_data_are_told() -> None:
    with pytest.raises(Fault, match="part = 'dev' found, expected one of train"):
        _read("scenes", "dev", 3)
    with pytest.raises(Fault, match="count = 3, size = 8: expected at least 1 and 24 pixels"):
        _read("moving_scenes", "train", 3, size=8)
