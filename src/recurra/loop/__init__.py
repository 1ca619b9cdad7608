"""The loop over time: what it takes, in which order it runs, and which engine runs it."""

import recurra.cells
import recurra.engines
import recurra.program
import recurra.tracing  # noqa: F401
from recurra.loop.scan import scan

__all__ = ["scan"]
