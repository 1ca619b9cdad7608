"""Pictures of six shapes, with questions in words about one of them, or about how several relate."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import numpy as np

from recurra.data.builtin.scene_parts import COLOURS, as_picture, backdrop, check_scenes, shade
from recurra.data.builtin.shapes import Shape, draw_shape
from recurra.data.examples import Examples, Place
from recurra.errors import Fault

_KINDS = ("circle", "square")
_RADIUS = 6.5  # in a picture of 75 pixels
_NEARER = 1.15  # by so much two distances that are asked about differ, at least


class Thing(NamedTuple):
    """One shape: its colour, its kind and its centre, in a picture of side 1."""

    colour: str
    kind: str
    x: float
    y: float


def relations(
    *, part: str = "train", count: int = 1000, questions: int = 20, size: int = 75, seed: int = 0
) -> Examples:
    """Sort-of-CLEVR (Santoro et al., 2017) with questions in words: a circle or a square of each of six
    colours, none over another.

    Columns `image`, arrays `[size, size, 3]` of bytes, `question`, `answer`, `kind`, "relational" or "plain",
    half of them each, and `number` of the picture. Plain ones ask for the shape of one thing ("what shape is
    the red thing?") or its half of the picture; relational ones for the shape of what is closest to it or
    farthest from it, and how many things have its shape. Every picture is drawn anew: none is in two parts.

    Args:
        part: "train", "validation" or "test".
        count: pictures. questions: about each, an even number. size: pixels of a side.
        seed: another one draws other pictures of the same part.
    """
    check_scenes("relations", part, count, size, least=40)
    if questions < 2 or questions % 2:
        raise Fault(f"relations: questions = {questions} found, expected an even number from 2")
    rng = random.Random(f"relations:{part}:{seed}")
    noise = np.random.default_rng(rng.getrandbits(64))
    columns: dict[str, list[Any]] = {name: [] for name in ("image", "question", "answer", "kind", "number")}
    places: list[Place] = []
    for number in range(1, count + 1):
        things = _things(rng)
        canvas = backdrop(rng, size)
        for each in things:
            colour = shade(rng, each.colour)
            angle = rng.uniform(-0.2, 0.2)
            # a square of the same radius would look smaller
            radius = size / 75 * _RADIUS * (1.2 if each.kind == "square" else 1)
            draw_shape(canvas, Shape(each.kind, each.x * size, each.y * size, radius, angle, colour))
        picture = as_picture(canvas, noise)
        for k in range(questions):
            kind = ("plain", "relational")[k % 2]
            row = picture, *_question(rng, things, kind), kind, str(number)
            for column, entry in zip(columns, row, strict=True):
                columns[column].append(entry)
            places.append(Place(f"relations ({part})", len(places) + 1, "question"))
    return Examples(columns, places, f"relations ({part})")


def _things(rng: random.Random) -> list[Thing]:
    """One of each colour, apart from one another and from the edge."""
    edge = 1.3 * _RADIUS / 75
    things: list[Thing] = []
    for colour in COLOURS:
        while True:
            x, y = rng.uniform(edge, 1 - edge), rng.uniform(edge, 1 - edge)
            if all((x - t.x) ** 2 + (y - t.y) ** 2 > (2.6 * _RADIUS / 75) ** 2 for t in things):
                break
        things.append(Thing(colour, rng.choice(_KINDS), x, y))
    return things


def _question(rng: random.Random, things: list[Thing], kind: str) -> tuple[str, str]:
    """A question that the picture answers clearly, and its answer."""
    while True:
        thing = rng.choice(things)
        pair = _plain(rng, thing) if kind == "plain" else _relational(rng, thing, things)
        if pair is not None:
            return pair


def _plain(rng: random.Random, thing: Thing) -> tuple[str, str] | None:
    name = f"the {thing.colour} thing"
    about = rng.randrange(3)
    if about == 0:
        return f"what shape is {name}?", thing.kind
    at = thing.x if about == 1 else thing.y
    if abs(at - 0.5) < 0.03:
        return None
    side = rng.choice(("left", "right") if about == 1 else ("top", "bottom"))
    return f"is {name} in the {side} half?", "yes" if (at < 0.5) == (side in ("left", "top")) else "no"


def _relational(rng: random.Random, thing: Thing, things: list[Thing]) -> tuple[str, str] | None:
    name = f"the {thing.colour} thing"
    about = rng.choice(("closest to", "farthest from", "count"))
    if about == "count":
        return f"how many things have the shape of {name}?", str(sum(t.kind == thing.kind for t in things))
    others = sorted(
        (((t.x - thing.x) ** 2 + (t.y - thing.y) ** 2) ** 0.5, t.kind) for t in things if t is not thing
    )
    if about == "farthest from":
        others = others[::-1]
    (one, shape), (other, _) = others[:2]
    if max(one, other) < _NEARER * min(one, other):
        return None
    return f"what shape is the thing {about} {name}?", shape
