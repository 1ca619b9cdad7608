"""The gradient laboratory: where a network remembers, where its gradient dies, and what to do about it."""

import recurra.cells
import recurra.engines
import recurra.layers
import recurra.loop
import recurra.program
import recurra.runs
import recurra.tracing
import recurra.train  # noqa: F401
from recurra.inspect.clamped import Clamped
from recurra.inspect.gates import gates
from recurra.inspect.jacobian import jacobian
from recurra.inspect.probes import probes
from recurra.inspect.roads import roads
from recurra.inspect.truncation import truncation

__all__ = ["Clamped", "gates", "jacobian", "probes", "roads", "truncation"]
