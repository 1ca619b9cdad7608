"""Cells: one time step each, every one registered by name."""

from recurra.cells.base import CELLS, Cell, cell
from recurra.cells.elman import Elman
from recurra.cells.gru import GRU, ChoGRU, LayerNormGRU, LightGRU, SimplifiedGRU
from recurra.cells.highway import RecurrentHighway
from recurra.cells.jordan import Jordan
from recurra.cells.lstm import LSTM, CoupledLSTM, LayerNormLSTM, PeepholeLSTM, ProjectedLSTM
from recurra.cells.regularise import Revealed, VariationalDropout, Zoneout
from recurra.cells.vanilla import VanillaRNN

__all__ = [
    "CELLS",
    "GRU",
    "LSTM",
    "Cell",
    "ChoGRU",
    "CoupledLSTM",
    "Elman",
    "Jordan",
    "LayerNormGRU",
    "LayerNormLSTM",
    "LightGRU",
    "PeepholeLSTM",
    "ProjectedLSTM",
    "RecurrentHighway",
    "Revealed",
    "SimplifiedGRU",
    "VanillaRNN",
    "VariationalDropout",
    "Zoneout",
    "cell",
]
