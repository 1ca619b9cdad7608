"""Layers: modules over rows of steps, each registered by name."""

import recurra.cells
import recurra.loop  # noqa: F401
from recurra.layers.attention import (
    AdditiveAttention,
    Attention,
    DotAttention,
    GeneralAttention,
    LocalAttention,
    Memory,
    ScaledDotAttention,
)
from recurra.layers.base import Layer
from recurra.layers.bidirectional import Bidirectional
from recurra.layers.bridge import Bridge
from recurra.layers.characters import CharCNN, CharLSTM
from recurra.layers.convolution import Convolution
from recurra.layers.crf import CRF
from recurra.layers.downsample import Downsample
from recurra.layers.feed_forward import FeedForward
from recurra.layers.from_torch import from_torch
from recurra.layers.input_feeding import AttentionFed
from recurra.layers.inputs import Input, OneHot, TokenEmbedding, Vectors
from recurra.layers.latency_controlled import LatencyControlled
from recurra.layers.locked_dropout import LockedDropout
from recurra.layers.norms import RunningNorm, UtteranceNorm
from recurra.layers.pooling import (
    AttentionPool,
    EndsPool,
    LastPool,
    MaxPool,
    MeanPool,
    Pool,
    ProjectedPool,
)
from recurra.layers.recurrent import Recurrent
from recurra.layers.residual import Residual
from recurra.layers.skip_stack import SkipStack
from recurra.layers.spec_augment import SpecAugment
from recurra.layers.stack import Stack
from recurra.layers.voice_change import VoiceChange
from recurra.layers.weight_noise import WeightNoise

__all__ = [
    "CRF",
    "AdditiveAttention",
    "Attention",
    "AttentionFed",
    "AttentionPool",
    "Bidirectional",
    "Bridge",
    "CharCNN",
    "CharLSTM",
    "Convolution",
    "DotAttention",
    "Downsample",
    "EndsPool",
    "FeedForward",
    "GeneralAttention",
    "Input",
    "LastPool",
    "LatencyControlled",
    "Layer",
    "LocalAttention",
    "LockedDropout",
    "MaxPool",
    "MeanPool",
    "Memory",
    "OneHot",
    "Pool",
    "ProjectedPool",
    "Recurrent",
    "Residual",
    "RunningNorm",
    "ScaledDotAttention",
    "SkipStack",
    "SpecAugment",
    "Stack",
    "TokenEmbedding",
    "UtteranceNorm",
    "Vectors",
    "VoiceChange",
    "WeightNoise",
    "from_torch",
]
