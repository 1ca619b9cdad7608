"""Recurrent matrices that start orthogonal."""

from __future__ import annotations

from torch import nn

from recurra.cells.initializers import orthogonal_
from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.layers.recurrent import Recurrent


def make_orthogonal_(body: Layer) -> None:
    """Draws the recurrent matrices of all its cells anew, orthogonal, in place.

    Raises:
        Fault: a cell without a recurrent matrix called `hidden`.
    """
    for layer in body.modules():
        if isinstance(layer, Recurrent):
            matrix = getattr(layer.cell, "hidden", None)
            if not isinstance(matrix, nn.Linear):
                raise Fault(
                    f"start = 'orthogonal' needs cells with one recurrent matrix, "
                    f"{type(layer.cell).__name__} has none: take vanilla, gru or lstm, without zoneout and "
                    f"recurrent dropout, or start = 'drawn'"
                )
            orthogonal_(matrix.weight)
