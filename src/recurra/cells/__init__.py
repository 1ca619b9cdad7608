"""Cells: one step each, over time or at a node of a tree, every one registered by name."""

import recurra.tracing  # noqa: F401
from recurra.cells import memory
from recurra.cells.base import CELLS, Cell, cell
from recurra.cells.child_sum_lstm import ChildSumLSTM
from recurra.cells.cho_gru import ChoGRU
from recurra.cells.coupled_lstm import CoupledLSTM
from recurra.cells.dnc import DNC
from recurra.cells.elman import Elman
from recurra.cells.entity_network import EntityNetwork
from recurra.cells.fast_weights import FastWeights
from recurra.cells.gru import GRU
from recurra.cells.input_window import InputWindow
from recurra.cells.jordan import Jordan
from recurra.cells.layer_norm_gru import LayerNormGRU
from recurra.cells.layer_norm_lstm import LayerNormLSTM
from recurra.cells.light_gru import LightGRU
from recurra.cells.lstm import LSTM
from recurra.cells.mlstm import MLSTM
from recurra.cells.ntm import NTM
from recurra.cells.peephole_lstm import PeepholeLSTM
from recurra.cells.projected_lstm import ProjectedLSTM
from recurra.cells.recurrent_highway import RecurrentHighway
from recurra.cells.recursive import Recursive
from recurra.cells.revealed import Revealed
from recurra.cells.rntn import RNTN
from recurra.cells.simplified_gru import SimplifiedGRU
from recurra.cells.tree import TREE_CELLS, TreeCell, tree_cell
from recurra.cells.tree_gru import TreeGRU
from recurra.cells.tree_lstm import TreeLSTM
from recurra.cells.vanilla import VanillaRNN
from recurra.cells.variational_dropout import VariationalDropout
from recurra.cells.weight_drop import WeightDrop
from recurra.cells.wrapper import Wrapper
from recurra.cells.zoneout import Zoneout

__all__ = [
    "CELLS",
    "DNC",
    "GRU",
    "LSTM",
    "MLSTM",
    "NTM",
    "RNTN",
    "TREE_CELLS",
    "Cell",
    "ChildSumLSTM",
    "ChoGRU",
    "CoupledLSTM",
    "Elman",
    "EntityNetwork",
    "FastWeights",
    "InputWindow",
    "Jordan",
    "LayerNormGRU",
    "LayerNormLSTM",
    "LightGRU",
    "PeepholeLSTM",
    "ProjectedLSTM",
    "RecurrentHighway",
    "Recursive",
    "Revealed",
    "SimplifiedGRU",
    "TreeCell",
    "TreeGRU",
    "TreeLSTM",
    "VanillaRNN",
    "VariationalDropout",
    "WeightDrop",
    "Wrapper",
    "Zoneout",
    "cell",
    "memory",
    "tree_cell",
]
