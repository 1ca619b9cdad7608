"""Cells: one time step each, every one registered by name."""

import recurra.tracing  # noqa: F401
from recurra.cells.base import CELLS, Cell, cell
from recurra.cells.cho_gru import ChoGRU
from recurra.cells.coupled_lstm import CoupledLSTM
from recurra.cells.elman import Elman
from recurra.cells.gru import GRU
from recurra.cells.jordan import Jordan
from recurra.cells.layer_norm_gru import LayerNormGRU
from recurra.cells.layer_norm_lstm import LayerNormLSTM
from recurra.cells.light_gru import LightGRU
from recurra.cells.lstm import LSTM
from recurra.cells.peephole_lstm import PeepholeLSTM
from recurra.cells.projected_lstm import ProjectedLSTM
from recurra.cells.recurrent_highway import RecurrentHighway
from recurra.cells.revealed import Revealed
from recurra.cells.simplified_gru import SimplifiedGRU
from recurra.cells.vanilla import VanillaRNN
from recurra.cells.variational_dropout import VariationalDropout
from recurra.cells.weight_drop import WeightDrop
from recurra.cells.wrapper import Wrapper
from recurra.cells.zoneout import Zoneout

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
    "WeightDrop",
    "Wrapper",
    "Zoneout",
    "cell",
]
