"""Coloured shapes drawn into arrays, with smooth edges."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_FINER = 3  # samples along each side of a pixel


class Shape(NamedTuple):
    """What is drawn, in pixels; x runs right, y down.

    Attributes:
        kind: a name of `KINDS`.
        x, y: its centre.
        radius: of the circle around it.
        angle: it is turned by so much, clockwise, in radians.
        colour: red, green, blue, from 0 to 255.
    """

    kind: str
    x: float
    y: float
    radius: float
    angle: float
    colour: tuple[float, float, float]


def _circle(u: Numbers, v: Numbers) -> NDArray[np.bool_]:
    return u * u + v * v <= 1


def _square(u: Numbers, v: Numbers) -> NDArray[np.bool_]:
    return np.maximum(abs(u), abs(v)) <= math.sqrt(0.5)


def _triangle(u: Numbers, v: Numbers) -> NDArray[np.bool_]:
    sides = [
        u * math.sin(turn) + v * math.cos(turn) <= 0.5 for turn in (0, 2 * math.pi / 3, -2 * math.pi / 3)
    ]
    return sides[0] & sides[1] & sides[2]


def _cross(u: Numbers, v: Numbers) -> NDArray[np.bool_]:
    near, far = np.minimum(abs(u), abs(v)), np.maximum(abs(u), abs(v))
    return (near <= 0.3) & (far <= 0.95)


KINDS: dict[str, Callable[[Numbers, Numbers], NDArray[np.bool_]]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "cross": _cross,
}
"""Name -> which points are inside it, at radius 1 and angle 0."""


def draw_shape(canvas: Numbers, shape: Shape) -> None:
    """Draws over a canvas `[H, W, 3]`, in place; what lies outside of it is cut off."""
    height, width = canvas.shape[:2]
    left, right = max(0, int(shape.x - shape.radius)), min(width, int(shape.x + shape.radius) + 1)
    top, bottom = max(0, int(shape.y - shape.radius)), min(height, int(shape.y + shape.radius) + 1)
    if left >= right or top >= bottom:
        return
    x = (np.arange(left * _FINER, right * _FINER) + 0.5) / _FINER - shape.x
    y = (np.arange(top * _FINER, bottom * _FINER) + 0.5) / _FINER - shape.y
    cos, sin = math.cos(shape.angle) / shape.radius, math.sin(shape.angle) / shape.radius
    u = x[None, :] * cos + y[:, None] * sin
    v = y[:, None] * cos - x[None, :] * sin
    inside = KINDS[shape.kind](u, v).astype(np.float64)
    share = inside.reshape(bottom - top, _FINER, right - left, _FINER).mean((1, 3))[..., None]
    part = canvas[top:bottom, left:right]
    part += share * (np.array(shape.colour) - part)
