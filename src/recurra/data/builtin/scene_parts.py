"""What generated scenes share: colours, backgrounds, and which part of the data a scene belongs to."""

from __future__ import annotations

import hashlib
import random

import numpy as np

from recurra.data.builtin.shapes import Numbers
from recurra.data.pictures import Pixels
from recurra.errors import Fault

COLOURS = {
    "red": (215, 45, 40),
    "green": (45, 170, 65),
    "blue": (55, 85, 225),
    "yellow": (230, 210, 50),
    "purple": (160, 65, 190),
    "white": (240, 240, 240),
}
"""Name -> red, green, blue."""

PARTS = ("train", "validation", "test")


def part_of(scene: str) -> str:
    """The one part of the data that a scene is in, by its description alone: 8 of 10 are to train on, one
    each to validate and to test. No seed changes it.
    """
    tenth = int.from_bytes(hashlib.sha256(scene.encode()).digest()[:4], "big") % 10
    return {8: "validation", 9: "test"}.get(tenth, "train")


def check_scenes(name: str, part: str, count: int, size: int, least: int) -> None:
    """Fault where the settings make no data."""
    if part not in PARTS:
        raise Fault(f"{name}: part = {part!r} found, expected one of {', '.join(PARTS)}")
    if count < 1 or size < least:
        raise Fault(f"{name}: count = {count}, size = {size}: expected at least 1 and {least} pixels")


def shade(rng: random.Random, colour: str) -> tuple[float, float, float]:
    """A colour that goes by this name."""
    red, green, blue = (min(255.0, max(0.0, part + rng.uniform(-15, 15))) for part in COLOURS[colour])
    return red, green, blue


def backdrop(rng: random.Random, size: int) -> Numbers:
    """`[size, size, 3]`: one dark grey."""
    return np.full((size, size, 3), rng.uniform(20, 90))


def as_picture(canvas: Numbers, noise: np.random.Generator) -> Pixels:
    """The canvas with the grain of a camera, as bytes."""
    grain = noise.normal(0, 4, canvas.shape)
    return np.clip(np.rint(canvas + grain), 0, 255).astype(np.uint8)
