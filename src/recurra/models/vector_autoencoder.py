"""A row of measurements into one vector, and back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.layers.base import Layer
from recurra.layers.bridge import Bridge
from recurra.layers.inputs import Vectors
from recurra.layers.pooling import Pool
from recurra.models.decoders import require_causal
from recurra.models.head import LinearHead
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


@MODULES.register("vector_autoencoder")
class VectorAutoEncoder(Configured):
    """An encoder's vector sets the first state of a decoder and is all that it reads at each step; the steps
    come out last first (Srivastava et al., 2015, the unconditioned decoder).

    Args:
        input: brings measurements to a common scale.
        encoder: any layer.
        pool: its steps to the vector.
        decoder: any causal layer that reads such a vector.
        dropout: share of the decoder's output dropped before the last layer, in training.
    """

    def __init__(
        self, input: Vectors, encoder: Layer, pool: Pool, decoder: Layer, dropout: float = 0.0
    ) -> None:
        require_causal(decoder)
        self.input, self.encoder, self.pool, self.decoder = input, encoder, pool, decoder
        self.bridge = Bridge(pool.output_size, decoder)
        self.output = LinearHead(decoder.output_size, input.output_size, dropout)

    def encode(self, x: Ragged) -> Tensor:
        """Rows `[N, F]` -> `[B, V]`, in the caller's order."""
        steps, _ = self.encoder(self.input(x))
        vector: Tensor = self.pool(steps)
        return vector

    def decode(self, vectors: Tensor, lengths: Tensor) -> Ragged:
        """`[B, V]` and how many steps each row is to have (`[B]` int64) -> rows `[N, F]`, scaled as the
        network sees them.
        """
        longest = int(lengths.max()) if len(lengths) else 0
        repeated = vectors.unsqueeze(1).expand(-1, longest, -1)
        y, _ = self.decoder(Ragged.from_padded(repeated, lengths), self.bridge(vectors, self.decoder))
        back: Ragged = y.map(self.output)
        return back.reversed()

    def forward(self, x: Ragged, state: Any = None) -> tuple[Ragged, Any]:
        """Rows `[N, F]` -> the same rows as they come back, in their own unit, and no state."""
        back = self.decode(self.encode(x), x.lengths)
        return back.map(self._unit), None

    def loss(self, x: Ragged) -> Tensor:
        """The squared error of each scaled number, summed."""
        back = self.decode(self.encode(x), x.lengths)
        return F.mse_loss(back.data, self.input(x).data, reduction="sum")

    def restore(self, vectors: Tensor, lengths: Tensor) -> list[Tensor]:
        """As `decode`, in the measurements' own unit: `[T_i, F]` each."""
        return self.decode(vectors, lengths).map(self._unit).to_list()

    def _unit(self, scaled: Tensor) -> Tensor:
        return torch.addcmul(self.input.mean, scaled, self.input.deviation)
