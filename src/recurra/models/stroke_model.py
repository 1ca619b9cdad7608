"""A pen that draws on."""

from __future__ import annotations

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.layers.inputs import Input
from recurra.models.head import LinearHead
from recurra.models.outputs.strokes import PENS, StrokeOutput
from recurra.models.stepwise import Stepwise
from recurra.registry import MODULES

READ = 2 + len(PENS)
"""Numbers a step: dx, dy, and one of three marks for what the pen did; all 0 before the first step."""


@MODULES.register("stroke_model")
class StrokeModel(Stepwise):
    """The next step of a drawing from all before it, as a mixture density (Graves, 2013).

    Args:
        input: reads `[..., 5]`, see `READ`.
        body: any causal layer.
        strokes: what the scores mean.
        dropout: share of the body's output dropped before the head, in training.
    """

    def __init__(self, input: Input, body: Layer, strokes: StrokeOutput, dropout: float = 0.0) -> None:
        if not body.causal:
            raise Fault("a drawing is told step after step: expected causal layers")
        self.input, self.body, self.strokes = input, body, strokes
        self.output = LinearHead(body.output_size, strokes.size, dropout)
