"""The loops over time and over trees: what they take, in which order they run, and which engine runs them."""

import recurra.cells
import recurra.engines
import recurra.program
import recurra.tracing  # noqa: F401
from recurra.loop.fold import fold
from recurra.loop.scan import scan

__all__ = ["fold", "scan"]
