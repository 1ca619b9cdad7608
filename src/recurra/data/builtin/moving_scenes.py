"""Short films of one shape that does one thing, or one after another, and what their grammar says of them."""

from __future__ import annotations

import math
import random

import numpy as np

from recurra.data.builtin.scene_parts import COLOURS, as_picture, backdrop, check_scenes, part_of, shade
from recurra.data.builtin.shapes import KINDS, Numbers, Shape, draw_shape
from recurra.data.examples import Examples, Place
from recurra.data.pictures import Pixels

MOTIONS: dict[str, tuple[float, float, float, float]] = {
    "moves left": (-1.6, 0, 0, 1),
    "moves right": (1.6, 0, 0, 1),
    "moves up": (0, -1.6, 0, 1),
    "moves down": (0, 1.6, 0, 1),
    "turns clockwise": (0, 0, 0.3, 1),
    "turns anticlockwise": (0, 0, -0.3, 1),
    "grows": (0, 0, 0, 1.08),
    "shrinks": (0, 0, 0, 1 / 1.08),
    "waits": (0, 0, 0, 1),
}
"""What a shape does: added to x, y (in a picture of 32 pixels) and angle at each frame, and the factor of its
radius."""

_STEPS = (4, 6)  # frames of a motion
_RADIUS = (5.5, 6.5)


def moving_scenes(*, part: str = "train", count: int = 1000, size: int = 32, seed: int = 0) -> Examples:
    """Films such as "a red square moves left then turns clockwise".

    Columns `image`, arrays `[frames, size, size, 3]` of bytes, 5 to 13 frames, and `caption`. A circle never
    turns, and the second motion is not the first. Start, length, shade and grain differ from film to film; no
    scene (colour, shape and motions) is in two parts.

    Args:
        part: "train", "validation" or "test".
        count: films. size: pixels of a side.
        seed: another one draws other films of the same part.
    """
    check_scenes("moving_scenes", part, count, size, least=24)
    rng = random.Random(f"moving_scenes:{part}:{seed}")
    noise = np.random.default_rng(rng.getrandbits(64))
    films: list[Pixels] = []
    captions: list[str] = []
    while len(films) < count:
        kind, colour = rng.choice([*KINDS]), rng.choice([*COLOURS])
        able = [name for name in MOTIONS if kind != "circle" or not name.startswith("turns")]
        motions = rng.sample(able, rng.choice((1, 2)))
        caption = f"a {colour} {kind} {' then '.join(motions)}"
        if part_of(caption) != part:
            continue
        films.append(_film(rng, noise, kind, colour, motions, size))
        captions.append(caption)
    name = f"moving scenes ({part})"
    places = [Place(name, n + 1, "film") for n in range(count)]
    return Examples({"image": films, "caption": captions}, places, name)


def _film(
    rng: random.Random, noise: np.random.Generator, kind: str, colour: str, motions: list[str], size: int
) -> Pixels:
    unit = size / 32
    # x, y, angle, radius of each frame, from wherever it starts
    track = [(0.0, 0.0, rng.uniform(-math.pi, math.pi), unit * rng.uniform(*_RADIUS))]
    for motion in motions:
        right, down, turn, factor = MOTIONS[motion]
        for _ in range(rng.randint(*_STEPS)):
            x, y, angle, radius = track[-1]
            track.append((x + unit * right, y + unit * down, angle + turn, radius * factor))
    x0 = _start(rng, [(x, radius) for x, _, _, radius in track], size)
    y0 = _start(rng, [(y, radius) for _, y, _, radius in track], size)
    tint, behind = shade(rng, colour), backdrop(rng, size)
    return np.stack(
        [
            as_picture(_frame(behind, Shape(kind, x0 + x, y0 + y, radius, angle, tint)), noise)
            for x, y, angle, radius in track
        ]
    )


def _frame(behind: Numbers, shape: Shape) -> Numbers:
    canvas = behind.copy()
    draw_shape(canvas, shape)
    return canvas


def _start(rng: random.Random, track: list[tuple[float, float]], size: int) -> float:
    """Where to start so that the whole track lies inside."""
    low, high = max(radius - x for x, radius in track), min(size - radius - x for x, radius in track)
    return rng.uniform(low, high) if low < high else (low + high) / 2
