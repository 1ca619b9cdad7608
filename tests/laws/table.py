"""A small example of every cell. The census fails where a registered one has none: a new cell is under all
laws by one line here, a new layer or model by one in `table_modules`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from recurra import cells
from recurra.cells import Cell
from tests.laws import user_cells as own

IN, HIDDEN = 3, 4

REGISTERED: dict[str, Callable[[], Cell]] = {
    "vanilla": lambda: cells.VanillaRNN(IN, HIDDEN),
    "vanilla relu": lambda: cells.VanillaRNN(IN, HIDDEN, nonlinearity="relu", bias=False),
    "elman": lambda: cells.Elman(IN, HIDDEN),
    "elman order 2": lambda: cells.Elman(IN, HIDDEN, order=2),
    "jordan": lambda: cells.Jordan(IN, HIDDEN, output_size=2, output_nonlinearity="sigmoid"),
    "jordan classic": lambda: cells.Jordan(IN, HIDDEN, memory=False),
    "input_window": lambda: cells.InputWindow(IN, HIDDEN, steps=1),
    "input_window of 3": lambda: cells.InputWindow(IN, HIDDEN, steps=3),
    "gru": lambda: cells.GRU(IN, HIDDEN),
    "cho_gru": lambda: cells.ChoGRU(IN, HIDDEN),
    "simplified_gru": lambda: cells.SimplifiedGRU(IN, HIDDEN),
    "light_gru": lambda: cells.LightGRU(IN, HIDDEN),
    "layer_norm_gru": lambda: cells.LayerNormGRU(IN, HIDDEN),
    "lstm": lambda: cells.LSTM(IN, HIDDEN, forget_bias=1.0),
    "peephole_lstm": lambda: cells.PeepholeLSTM(IN, HIDDEN),
    "coupled_lstm": lambda: cells.CoupledLSTM(IN, HIDDEN),
    "projected_lstm": lambda: cells.ProjectedLSTM(IN, 5, 2),
    "layer_norm_lstm": lambda: cells.LayerNormLSTM(IN, HIDDEN),
    "layer_norm_lstm without memory": lambda: cells.LayerNormLSTM(IN, HIDDEN, memory=False),
    "recurrent_highway": lambda: cells.RecurrentHighway(IN, HIDDEN, depth=3),
    "entity_network": lambda: cells.EntityNetwork(IN, IN),
    "variational_dropout": lambda: cells.VariationalDropout(
        cells.LSTM(IN, HIDDEN), 0.3, {"h": 0.4, "c": 0.2}
    ),
    "variational_dropout of projected": lambda: cells.VariationalDropout(
        cells.ProjectedLSTM(IN, 5, 2), 0.3, 0.4
    ),
    "zoneout": lambda: cells.Zoneout(cells.LSTM(IN, HIDDEN), {"h": 0.05, "c": 0.5}),
    "zoneout of dropout": lambda: cells.Zoneout(cells.VariationalDropout(cells.GRU(IN, HIDDEN), 0.2, 0.3)),
    "weight_drop": lambda: cells.WeightDrop(cells.LSTM(IN, HIDDEN), 0.5),
    "ntm": lambda: cells.NTM(IN, HIDDEN, slots=5, width=3),
    "ntm of many heads": lambda: cells.NTM(
        IN, HIDDEN, slots=4, width=2, reads=2, writes=2, controller="feed_forward"
    ),
    "ntm of gru": lambda: cells.NTM(IN, HIDDEN, slots=3, width=2, controller=cells.GRU(IN + 2, HIDDEN)),
    "fast_weights": lambda: cells.FastWeights(IN, HIDDEN, settling=2),
    "mlstm": lambda: cells.MLSTM(IN, HIDDEN, heads=2),
    "revealed": lambda: cells.Revealed(cells.Jordan(IN, HIDDEN, output_size=2)),
    "revealed zoneout": lambda: cells.Revealed(cells.Zoneout(cells.PeepholeLSTM(IN, HIDDEN))),
}
"""Name -> example; the first word is the registered name."""

TRACED: dict[str, Callable[[], Cell]] = {
    "ten lines": lambda: own.TenLines(IN, HIDDEN),
    "parametrised": lambda: own.Parametrised(IN, HIDDEN),
    "tied": lambda: own.Tied(IN, HIDDEN),
    "buffered": lambda: own.Buffered(IN, HIDDEN),
    "transformed": lambda: own.Transformed(IN, HIDDEN),
    "structural": lambda: own.Structural(IN, HIDDEN),
    "row-wise": lambda: own.RowWise(IN, HIDDEN),
    "pointwise": lambda: own.Pointwise(IN, HIDDEN),
    "compared": lambda: own.Compared(IN, HIDDEN),
    "at ties": lambda: own.AtTies(IN, HIDDEN),
    "from input": lambda: own.FromInput(IN, HIDDEN),
    "broadcast": lambda: own.Broadcast(IN, HIDDEN),
    "in place": lambda: own.InPlace(IN, HIDDEN),
    "outward": lambda: own.Outward(IN, HIDDEN),
    "delay": lambda: own.Delay(IN),
    "memoryless": lambda: own.Memoryless(IN, HIDDEN),
    "learnt start": lambda: own.LearntStart(IN, HIDDEN),
    "frozen": lambda: own.Frozen(IN, HIDDEN),
    "one unit": lambda: own.RowWise(IN, 2),
    "matrix state": lambda: own.Matrix(IN, HIDDEN),
    "matrix of one": lambda: own.Matrix(IN, 1),
    "zoneout of a matrix": lambda: cells.Zoneout(own.Matrix(IN, HIDDEN)),
    "revealed matrix": lambda: cells.Revealed(own.Matrix(IN, HIDDEN)),
    "zoneout of ten lines": lambda: cells.Zoneout(own.TenLines(IN, HIDDEN)),
}
"""Cells of users whose steps have programs."""

UNTRACED: dict[str, tuple[Callable[[], Cell], str]] = {
    "data-dependent": (lambda: own.DataDependent(IN, HIDDEN), "depends on the numbers"),
    "cumulative": (lambda: own.Cumulative(IN, HIDDEN), "aten.logcumsumexp"),
    "dnc": (lambda: cells.DNC(IN, 3, slots=3, width=2, reads=2, controller="gru"), "aten.sort"),
    "level": (lambda: own.Level(IN, HIDDEN), "no dimension but the rows'"),
    "whole numbers": (lambda: own.Counting(IN, HIDDEN), "state steps is torch.int64"),
    "own derivative": (lambda: own.OwnDerivative(IN, HIDDEN), "defines its own derivative"),
    "cut": (lambda: own.Cut(IN, HIDDEN), "cuts gradients"),
    "plain tensor": (lambda: own.PlainTensor(IN, HIDDEN), "neither parameter nor buffer"),
    "keeping": (lambda: own.Keeping(IN, HIDDEN), "it changes last"),
    "mixed precision": (lambda: own.Mixed(IN, HIDDEN), "torch.bfloat16"),
}
"""Cells whose steps have none, most of them users', with what the reason says."""

CELLS: dict[str, Callable[[], Cell]] = {
    **REGISTERED,
    **TRACED,
    **{name: build for name, (build, _) in UNTRACED.items()},
}


def build(name: str, dtype: torch.dtype = torch.float64) -> Cell:
    """The named cell, out of training, with weights drawn anew from the same seed."""
    torch.manual_seed(0)
    cell = CELLS[name]()
    return cell.to(dtype).eval()


def features(*lengths: int, dtype: torch.dtype = torch.float64, size: int = IN) -> list[Tensor]:
    """Rows `[T, size]` of random numbers, one for each length."""
    return [torch.randn(length, size, dtype=dtype) for length in lengths]
