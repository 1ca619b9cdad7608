"""Pictures of one or two shapes, and all that their grammar says of them."""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np

from recurra.data.builtin.scene_parts import COLOURS, as_picture, backdrop, check_scenes, part_of, shade
from recurra.data.builtin.shapes import KINDS, Shape, draw_shape
from recurra.data.examples import Examples, Place
from recurra.data.pictures import Pixels

SIZES = {"small": (4.0, 5.0), "large": (7.5, 9.0)}  # radius in a picture of 48 pixels
RELATIONS = {"left of": "right of", "above": "below"}
_ALONE = 0.1  # share of the pictures that have one shape


class Thing(NamedTuple):
    """One shape in words."""

    size: str
    colour: str
    kind: str

    def __str__(self) -> str:
        return f"a {self.size} {self.colour} {self.kind}"


class Scene(NamedTuple):
    """What a picture shows: `first` stands in a relation of `RELATIONS` to `second`, or is alone."""

    first: Thing
    relation: str = ""
    second: Thing | None = None

    def captions(self) -> list[str]:
        """Everything that the grammar says of it: from either shape."""
        if self.second is None:
            return [str(self.first)]
        return [
            f"{self.first} {self.relation} {self.second}",
            f"{self.second} {RELATIONS[self.relation]} {self.first}",
        ]


def scenes(*, part: str = "train", count: int = 1000, size: int = 48, seed: int = 0) -> Examples:
    """Pictures such as "a small red circle left of a large blue square".

    Columns `image`, arrays `[size, size, 3]` of bytes, and `caption`, a list of all that is true: two of a
    pair, one of a shape alone. A thing is left or right of another where it lies at least half as far again
    sideways as up or down, and above or below the other way round. Places, shades, angles and grain differ
    from picture to picture; no scene (sizes, colours, shapes and relation) is in two parts.

    Args:
        part: "train", "validation" or "test".
        count: pictures. size: pixels of a side.
        seed: another one draws other pictures of the same part.
    """
    check_scenes("scenes", part, count, size, least=24)
    rng = random.Random(f"scenes:{part}:{seed}")
    noise = np.random.default_rng(rng.getrandbits(64))
    pictures: list[Pixels] = []
    captions: list[list[str]] = []
    while len(pictures) < count:
        scene = _scene(rng)
        if part_of(scene.captions()[0]) != part:
            continue
        canvas = backdrop(rng, size)
        for shape in _shapes(rng, scene, size):
            draw_shape(canvas, shape)
        pictures.append(as_picture(canvas, noise))
        captions.append(scene.captions())
    name = f"scenes ({part})"
    places = [Place(name, n + 1, "picture") for n in range(count)]
    return Examples({"image": pictures, "caption": captions}, places, name)


def _scene(rng: random.Random) -> Scene:
    if rng.random() < _ALONE:
        return Scene(_thing(rng))
    return Scene(_thing(rng), rng.choice([*RELATIONS]), _thing(rng))


def _thing(rng: random.Random) -> Thing:
    return Thing(rng.choice([*SIZES]), rng.choice([*COLOURS]), rng.choice([*KINDS]))


def _shapes(rng: random.Random, scene: Scene, size: int) -> list[Shape]:
    """Shapes that stand as the scene says, whole and apart."""
    unit = size / 48
    things = [scene.first] if scene.second is None else [scene.first, scene.second]
    radii = [unit * rng.uniform(*SIZES[thing.size]) for thing in things]
    while True:
        points = [(rng.uniform(r, size - r), rng.uniform(r, size - r)) for r in radii]
        if len(points) == 1 or _stands(points, radii, scene.relation, unit):
            break
    return [
        Shape(thing.kind, *point, radius, rng.uniform(-0.2, 0.2), shade(rng, thing.colour))
        for thing, point, radius in zip(things, points, radii, strict=True)
    ]


def _stands(points: list[tuple[float, float]], radii: list[float], relation: str, unit: float) -> bool:
    (x1, y1), (x2, y2) = points
    along, across = (x2 - x1, y2 - y1) if relation == "left of" else (y2 - y1, x2 - x1)
    apart = (along**2 + across**2) ** 0.5 >= sum(radii) + unit
    return along >= 1.5 * abs(across) and apart
