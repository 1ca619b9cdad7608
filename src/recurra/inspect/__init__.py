"""The gradient laboratory: where a network remembers, where its gradient dies, and what to do about it."""

import recurra.cells
import recurra.layers
import recurra.loop
import recurra.runs
import recurra.tasks
import recurra.train  # noqa: F401
from recurra.inspect.gradient import GradientInspection, gradient
from recurra.inspect.planes import Axis, Plane, gradient_plane, path_plane, random_plane, run_states
from recurra.inspect.surface import Surface, surface

__all__ = [
    "Axis",
    "GradientInspection",
    "Plane",
    "Surface",
    "gradient",
    "gradient_plane",
    "path_plane",
    "random_plane",
    "run_states",
    "surface",
]
