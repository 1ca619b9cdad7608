"""The gradient laboratory: where a network remembers, where its gradient dies, and what to do about it."""

import recurra.cells
import recurra.engines
import recurra.layers
import recurra.loop
import recurra.program
import recurra.runs
import recurra.tasks
import recurra.tracing
import recurra.train  # noqa: F401
from recurra.inspect.choice import ChoiceInspection, choice
from recurra.inspect.clamped import Clamped
from recurra.inspect.finding import Finding, Inspection, verdict
from recurra.inspect.gates import GatesInspection, gates
from recurra.inspect.gradient import GradientInspection, gradient
from recurra.inspect.jacobian import JacobianInspection, jacobian
from recurra.inspect.page import RunInspection, inspect_run
from recurra.inspect.planes import Axis, Plane, gradient_plane, path_plane, random_plane, run_states
from recurra.inspect.probes import probes
from recurra.inspect.roads import RoadsInspection, roads
from recurra.inspect.run import OpenRun, open_run
from recurra.inspect.surface import Surface, surface
from recurra.inspect.truncation import TruncationInspection, truncation
from recurra.inspect.verdict import whole_verdict

__all__ = [
    "Axis",
    "ChoiceInspection",
    "Clamped",
    "Finding",
    "GatesInspection",
    "GradientInspection",
    "Inspection",
    "JacobianInspection",
    "OpenRun",
    "Plane",
    "RoadsInspection",
    "RunInspection",
    "Surface",
    "TruncationInspection",
    "choice",
    "gates",
    "gradient",
    "gradient_plane",
    "inspect_run",
    "jacobian",
    "open_run",
    "path_plane",
    "probes",
    "random_plane",
    "roads",
    "run_states",
    "surface",
    "truncation",
    "verdict",
    "whole_verdict",
]
