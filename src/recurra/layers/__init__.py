"""Layers: modules over rows of steps, each registered by name."""

from recurra.layers.base import Layer
from recurra.layers.bidirectional import Bidirectional
from recurra.layers.feed_forward import FeedForward
from recurra.layers.latency_controlled import LatencyControlled
from recurra.layers.recurrent import Recurrent
from recurra.layers.residual import Residual
from recurra.layers.skip_stack import SkipStack
from recurra.layers.stack import Stack

__all__ = [
    "Bidirectional",
    "FeedForward",
    "LatencyControlled",
    "Layer",
    "Recurrent",
    "Residual",
    "SkipStack",
    "Stack",
]
