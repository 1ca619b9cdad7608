"""Many notes at once, step after step."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.layers.inputs import Input
from recurra.models.head import LinearHead
from recurra.models.stepwise import Stepwise
from recurra.registry import MODULES


@MODULES.register("note_model")
class NoteModel(Stepwise):
    """Logits of each note's sounding at the next step, from all steps before it; given those, notes are
    independent (Boulanger-Lewandowski et al., 2012, the network without their RBM).

    Args:
        input: reads zeros and ones, `[..., notes]`.
        body: any causal layer.
        notes: how many there are.
        dropout: share of the body's output dropped before the head, in training.
    """

    def __init__(self, input: Input, body: Layer, notes: int, dropout: float = 0.0) -> None:
        if not body.causal:
            raise Fault("the next notes are told from those before: expected causal layers")
        self.input, self.body = input, body
        self.output = LinearHead(body.output_size, notes, dropout)


def note_costs(logits: Tensor, notes: Tensor) -> Tensor:
    """`[N, notes]` logits and zeros or ones -> `[N]`: the negative log-likelihood of each step, in nats."""
    return F.binary_cross_entropy_with_logits(logits, notes, reduction="none").sum(-1)
