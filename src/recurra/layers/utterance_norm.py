"""What a whole row has in common, taken away."""

from __future__ import annotations

from typing import Any

from recurra.layers.base import Layer
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("utterance_norm")
class UtteranceNorm(Layer):
    """Each row less its own mean over time: of log spectra, less the channel that it was recorded through
    (Atal, 1974).
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
