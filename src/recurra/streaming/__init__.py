"""Streaming: a causal model fed piece by piece, its state between the pieces."""

import recurra.cells
import recurra.layers
import recurra.program
import recurra.tracing  # noqa: F401
from recurra.streaming.stepper import Stepper
from recurra.streaming.stream import Stream

__all__ = ["Stepper", "Stream"]
