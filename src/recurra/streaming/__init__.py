"""Streaming: a causal model fed piece by piece, its state between the pieces."""

from recurra.streaming.stepper import Stepper
from recurra.streaming.stream import Stream

__all__ = ["Stepper", "Stream"]
