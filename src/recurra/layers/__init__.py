"""Layers: modules over rows of steps, each registered by name."""

from recurra.layers.base import Layer
from recurra.layers.bidirectional import Bidirectional
from recurra.layers.characters import CharCNN, CharLSTM
from recurra.layers.convolution import Convolution
from recurra.layers.crf import CRF
from recurra.layers.feed_forward import FeedForward
from recurra.layers.from_torch import from_torch
from recurra.layers.latency_controlled import LatencyControlled
from recurra.layers.pooling import AttentionPool, LastPool, MaxPool, MeanPool
from recurra.layers.recurrent import Recurrent
from recurra.layers.residual import Residual
from recurra.layers.skip_stack import SkipStack
from recurra.layers.stack import Stack

__all__ = [
    "CRF",
    "AttentionPool",
    "Bidirectional",
    "CharCNN",
    "CharLSTM",
    "Convolution",
    "FeedForward",
    "LastPool",
    "LatencyControlled",
    "Layer",
    "MaxPool",
    "MeanPool",
    "Recurrent",
    "Residual",
    "SkipStack",
    "Stack",
    "from_torch",
]
