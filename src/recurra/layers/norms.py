"""What all steps of a row have in common, subtracted: its mean, of the whole row or of what is past."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("utterance_norm")
class UtteranceNorm(Layer):
    """Each row less its own mean over time: of log spectra, less the channel that it was recorded through
    (Atal, 1974).

    Args:
        size: width of x and y.
    """

    def __init__(self, size: int) -> None:
        self.input_size = size

    @property
    def output_size(self) -> int:
        return self.input_size

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        padded, lengths = rows.to_padded()
        means = padded.sum(1) / lengths.clamp_min(1).unsqueeze(1).to(padded)
        return rows.with_data(rows.data - rows.sort(means)[rows.row_of]), None


@MODULES.register("running_norm")
class RunningNorm(Layer):
    """`y_t = x_t - (x_1 + ... + x_t) / (t + prior)`: each row less the mean that a stream can know.

    Args:
        size: width of x and y.
        prior: how many steps of 0 are thought of before the first, so that something is left of the first
            ones.

    The state is `{"sum": [B, size], "count": [B, 1]}`, of the steps so far.
    """

    def __init__(self, size: int, prior: float = 50.0) -> None:
        if not prior >= 0:
            raise Fault(f"prior is {prior}, expected at least 0 steps")
        self.input_size = size
        self.prior = prior
        self.register_buffer("like", torch.zeros(()))
        self.like: Tensor

    @property
    def output_size(self) -> int:
        return self.input_size

    @property
    def delay(self) -> int | None:
        return 0

    def initial_state(self, batch: int) -> Any:
        return {"sum": self.like.new_zeros(batch, self.input_size), "count": self.like.new_zeros(batch, 1)}

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        state = self.initial_state(len(rows)) if state is None else state
        if not rows.steps:
            return rows, state
        x, lengths = rows.to_padded()
        steps = torch.arange(x.shape[1], device=x.device)
        # each step's sum begins after one of these places: 0 is the state, t + 1 is before step t
        begins = torch.zeros(x.shape[:2], dtype=torch.int64, device=x.device)
        if resets is not None:
            begins = torch.where(resets.to_padded()[0].bool(), steps + 1, begins).cummax(1).values
        sums = x.cumsum(1)
        bases = torch.cat([-state["sum"].unsqueeze(1), torch.zeros_like(x[:, :1]), sums[:, :-1]], 1)
        sums = sums - bases.gather(1, begins.unsqueeze(-1).expand_as(x))
        counts = torch.where(begins > 0, steps + 1 - (begins - 1), steps + 1 + state["count"])
        y = x - sums / (counts + self.prior).unsqueeze(-1)
        last = (lengths - 1).clamp_min(0).to(x.device)
        row, present = torch.arange(len(rows), device=x.device), (lengths > 0).to(x.device).unsqueeze(1)
        next_state = {
            "sum": torch.where(present, sums[row, last], state["sum"]),
            "count": torch.where(present, counts[row, last].unsqueeze(1), state["count"]),
        }
        return Ragged.from_padded(y, lengths), next_state

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        sums, counts = state["sum"] + x, state["count"] + 1
        return x - sums / (counts + self.prior), {"sum": sums, "count": counts}
