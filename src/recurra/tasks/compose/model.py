"""The network of music, as a recipe describes it."""

from __future__ import annotations

from pydantic import Field

from recurra.layers.base import Layer
from recurra.layers.inputs import Vectors
from recurra.layers.weight_noise import WeightNoise
from recurra.models.note_model import NoteModel
from recurra.tasks.parts.network import BodyOptions, build_body


class ComposeModelOptions(BodyOptions):
    """The network.

    Attributes:
        weight_noise: deviation of the noise on the weights of the layers over time, in training.
    """

    weight_noise: float = Field(default=0.0, ge=0)


def build_model(options: ComposeModelOptions, keys: int) -> NoteModel:
    """The network, with fresh weights."""
    body: Layer = build_body(options, keys)
    if options.weight_noise:
        body = WeightNoise(body, options.weight_noise)
    return NoteModel(Vectors(keys), body, keys, options.dropout)
