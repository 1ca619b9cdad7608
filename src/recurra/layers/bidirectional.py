"""Two directions in one layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.errors import Fault, nearest
from recurra.layers.base import Layer
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("bidirectional")
class Bidirectional(Layer):
    """One layer reads each row from its start, another from its end (Schuster and Paliwal, 1997).

    Args:
        forward: any layer that runs from the first step to the last.
        backward: any layer that runs from the last to the first (`Recurrent(cell, reverse=True)`).
        merge: `concat` (outputs side by side) or `sum`.

    The state is `{"forward": ..., "backward": ...}`.
    """

    def __init__(self, forward: Layer, backward: Layer, merge: str = "concat") -> None:
        require_two_directions(forward, backward, merge)
        self.forward_layer = forward
        self.backward_layer = backward
        self.merge = merge
        self.input_size = forward.input_size

    @property
    def output_size(self) -> int:
        return merged_size(self.forward_layer, self.backward_layer, self.merge)

    def initial_state(self, batch: int) -> Any:
        return {
            "forward": self.forward_layer.initial_state(batch),
            "backward": self.backward_layer.initial_state(batch),
        }

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        starts = {"forward": None, "backward": None} if state is None else state
        there, forward = self.forward_layer(rows, starts["forward"])
        back, backward = self.backward_layer(rows, starts["backward"])
        y = rows.with_data(merged(there.data, back.data, self.merge))
        return y, {"forward": forward, "backward": backward}


def require_two_directions(forward: Layer, backward: Layer, merge: str) -> None:
    """Fault unless the two can be merged."""
    if merge not in ("concat", "sum"):
        raise Fault(f"no way to merge directions is called {merge!r}{nearest(merge, ('concat', 'sum'))}")
    if backward.causal:
        raise Fault(
            "the backward layer runs from the first step to the last, expected one that runs from the last "
            "to the first: Recurrent(cell, reverse=True)"
        )
    if forward.input_size != backward.input_size:
        raise Fault(
            f"the forward layer reads {forward.input_size} numbers a step, the backward layer "
            f"{backward.input_size}: expected the same"
        )
    if merge == "sum" and forward.output_size != backward.output_size:
        raise Fault(
            f"merge='sum' adds outputs of one width, found {forward.output_size} and "
            f"{backward.output_size}: make them equal, or merge='concat'"
        )


def merged_size(forward: Layer, backward: Layer, merge: str) -> int:
    """Width of the merged output."""
    if merge == "sum":
        return forward.output_size
    return forward.output_size + backward.output_size


def merged(there: Tensor, back: Tensor, merge: str) -> Tensor:
    """`[..., F]` and `[..., G]` side by side, or added."""
    return there + back if merge == "sum" else torch.cat([there, back], -1)
