"""The network of drawings, as a recipe describes it."""

from __future__ import annotations

from pydantic import Field

from recurra.layers.inputs import Vectors
from recurra.models.outputs.strokes import StrokeOutput
from recurra.models.stroke_model import READ, StrokeModel
from recurra.tasks.parts.network import BodyOptions, build_body


class DrawModelOptions(BodyOptions):
    """The network.

    Attributes:
        components: normal distributions in the mixture.
    """

    components: int = Field(default=20, ge=1)


def build_model(options: DrawModelOptions) -> StrokeModel:
    """The network, with fresh weights."""
    strokes = StrokeOutput(options.components)
    return StrokeModel(Vectors(READ), build_body(options, READ), strokes, options.dropout)
