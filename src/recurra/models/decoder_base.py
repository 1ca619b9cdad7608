"""What a decoder is: rows of target steps, read in the light of a source row."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.ragged import Ragged
from recurra.registry import Configured


class Decoded(NamedTuple):
    """What a decoder gives for whole rows.

    Attributes:
        y: `[N, output_size]`.
        state: after each row's last step.
        weights: `[N, M]`, where each step looked in the source; None without attention.
    """

    y: Ragged
    state: Any
    weights: Ragged | None


class Decoder(Configured):
    """A causal body that starts from the vector of the source row; a subclass says how else it sees the
    source.

    The state is a named tree, leaves in the caller's order. `y = tanh(W [seen, h])`, where h is the body's
    output and `seen` what the decoder sees of the source at this step.

    Attributes:
        input_size: width of x. output_size: width of y.
    """

    input_size: int
    output_size: int

    def begin(self, memory: Ragged, vector: Tensor) -> Any:
        """The state before the first step: `memory [N, D]` holds the source's steps, `vector [B, V]` each
        row's summary.
        """
        raise NotImplementedError(f"{type(self).__name__} has no begin(memory, vector)")

    def run(self, rows: Ragged, state: Any) -> Decoded:
        """All steps `[N, input_size]` of target rows."""
        raise NotImplementedError(f"{type(self).__name__} has no run(rows, state)")

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One step `[B, input_size]` -> y, the next state."""
        raise NotImplementedError(f"{type(self).__name__} has no step(x, state)")


def require_causal(body: Layer) -> None:
    """Fault unless the body can be a decoder's."""
    if not body.causal:
        raise Fault("a decoder's layers must be causal: one that reads backwards sees the answer")
