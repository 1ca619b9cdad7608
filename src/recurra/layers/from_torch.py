"""torch's recurrent modules as layers, weights and all."""

from __future__ import annotations

from torch import nn

import recurra.cells as cells
from recurra.cells.base import Cell
from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.layers.bidirectional import Bidirectional
from recurra.layers.recurrent import Recurrent
from recurra.layers.stack import Stack


def from_torch(module: nn.Module) -> Layer:
    """A layer with a copy of the module's weights, giving the same outputs.

    `torch.nn.RNN`, `GRU` and `LSTM` become a `Recurrent`, two in a `Bidirectional`, several in a `Stack`
    (with the dropout between them); `RNNCell`, `GRUCell` and `LSTMCell` become a `Recurrent`. A layer takes
    rows first (`[B, T, F]`), whatever the module's `batch_first` is.

    Raises:
        Fault: the module is none of these.
    """
    if isinstance(module, nn.RNNCellBase):
        return Recurrent(_filled(_cell_like(module), module, ""))
    if not isinstance(module, nn.RNNBase):
        raise Fault(
            f"{type(module).__name__} is none of torch.nn's RNN, GRU, LSTM, RNNCell, GRUCell and LSTMCell"
        )
    layers: list[Layer] = []
    for number in range(module.num_layers):
        width = module.input_size if number == 0 else layers[-1].output_size
        layer: Layer = Recurrent(_filled(cell_of(module, width), module, f"_l{number}"))
        if module.bidirectional:
            back = _filled(cell_of(module, width), module, f"_l{number}_reverse")
            layer = Bidirectional(layer, Recurrent(back, reverse=True))
        layers.append(layer)
    whole = layers[0] if len(layers) == 1 else Stack(*layers, dropout=module.dropout)
    return whole.train(module.training)


def cell_of(module: nn.RNNBase, width: int) -> Cell:
    """A fresh cell of the module's kind for an input of `width` numbers a step."""
    if module.mode == "GRU":
        return cells.GRU(width, module.hidden_size, module.bias)
    if module.mode == "LSTM" and module.proj_size:
        return cells.ProjectedLSTM(width, module.hidden_size, module.proj_size, module.bias)
    if module.mode == "LSTM":
        return cells.LSTM(width, module.hidden_size, module.bias)
    nonlinearity = module.mode.removeprefix("RNN_").lower()
    return cells.VanillaRNN(width, module.hidden_size, nonlinearity, module.bias)


WEIGHTS = {
    "input.weight": "weight_ih",
    "hidden.weight": "weight_hh",
    "input.bias": "bias_ih",
    "hidden.bias": "bias_hh",
    "projection.weight": "weight_hr",
}
"""A cell's name of a weight -> torch's, without the layer."""


def _cell_like(module: nn.RNNCellBase) -> Cell:
    sizes = (module.input_size, module.hidden_size)
    if isinstance(module, nn.GRUCell):
        return cells.GRU(*sizes, module.bias)
    if isinstance(module, nn.LSTMCell):
        return cells.LSTM(*sizes, module.bias)
    if isinstance(module, nn.RNNCell):
        return cells.VanillaRNN(*sizes, module.nonlinearity, module.bias)
    raise Fault(f"{type(module).__name__} is none of torch.nn's RNNCell, GRUCell and LSTMCell")


def _filled(cell: Cell, module: nn.Module, suffix: str) -> Cell:
    theirs = {ours: getattr(module, f"{WEIGHTS[ours]}{suffix}") for ours, _ in cell.named_parameters()}
    cell.to(next(iter(theirs.values())))
    cell.load_state_dict({ours: weight.detach() for ours, weight in theirs.items()})
    return cell
