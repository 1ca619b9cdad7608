"""What comes next in each column of measurements by itself, read in patches of steps."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.models.forecaster import Ahead, Forecaster
from recurra.models.frames import Frame
from recurra.models.horizon import Horizon
from recurra.models.outputs import Output
from recurra.registry import MODULES


@MODULES.register("patch_forecaster")
class PatchForecaster(Forecaster):
    """Each target is a row of its own, with the same weights for all, and `patch` steps of it are read as one
    (Nie et al., 2023, with a recurrent encoder as Lin et al., 2023).

    So a row of 336 hours has 14 steps of a day, which a recurrent layer keeps in mind, and what one column
    teaches holds for the others. No column sees another: what is no target must not be among the columns.

    Args:
        frame: scales and places windows; its features come column by column, in blocks of all columns.
        encoder: reads `patch` times the numbers a step of one column, with those known ahead.
        horizon: makes the steps ahead of one column, `output.size` numbers each.
        output: what those numbers say.
        dropout: share of the encoder's outputs dropped, in training.
        patch: steps that are read as one; contexts are a multiple of it.
    """

    def __init__(
        self,
        frame: Frame,
        encoder: Layer,
        horizon: Horizon,
        output: Output,
        dropout: float = 0.0,
        patch: int = 1,
    ) -> None:
        if patch < 1 or frame.features % frame.targets:
            raise Fault(
                f"patch = {patch}, {frame.features} numbers a step for {frame.targets} targets found, "
                f"expected at least 1, and as many numbers for each target"
            )
        least = patch * frame.features // frame.targets
        if encoder.input_size < least:
            raise Fault(
                f"the encoder reads {encoder.input_size} numbers a patch, expected at least the {least} of "
                f"{patch} steps of one column"
            )
        self.frame, self.encoder, self.horizon, self.output = frame, encoder, horizon, output
        self.dropout, self.patch = dropout, patch

    def forward(self, context: Tensor, known: Tensor) -> Ahead:
        """`[B, L, V]` in the data's unit, and what is known of all steps, `[B, L + H, K]` (K may be 0).

        Raises:
            Fault: L is no multiple of the patch.
        """
        (count, steps), targets, patch = context.shape[:2], self.frame.targets, self.patch
        if steps % patch:
            raise Fault(f"{steps} steps of context found, expected a multiple of patch = {patch}")
        features, memo = self.frame.enter(context, self.horizon.horizon)
        columns = features.view(count, steps, -1, targets).permute(0, 3, 1, 2)
        rows = columns.reshape(count * targets, steps // patch, -1)
        shared = known.repeat_interleave(targets, 0)
        both = torch.cat([rows, shared[:, :steps].reshape(*rows.shape[:2], patch * known.shape[-1])], -1)
        y, state = self.encoder(both)
        y = F.dropout(y, self.dropout, self.training)
        raw = self.horizon(y, state, shared[:, steps:])
        return Ahead(raw.view(count, targets, *raw.shape[1:]).transpose(1, 2), memo)
