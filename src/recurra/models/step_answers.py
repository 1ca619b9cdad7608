"""Numbers at each step."""

from __future__ import annotations

from recurra.layers.base import Layer
from recurra.layers.inputs import Input
from recurra.models.head import LinearHead
from recurra.models.stepwise import Stepwise
from recurra.registry import MODULES


@MODULES.register("step_answers")
class StepAnswers(Stepwise):
    """Numbers `[..., outputs]` at each step: logits of bits or classes, or the numbers asked for.

    Args:
        input: reads a step.
        body: any layer over time.
        dropout: share of the body's output dropped before the head, in training.
    """

    def __init__(self, input: Input, body: Layer, outputs: int, dropout: float = 0.0) -> None:
        self.input, self.body = input, body
        self.output = LinearHead(body.output_size, outputs, dropout)
