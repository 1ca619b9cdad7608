"""`RNN`, `GRU` and `LSTM` of `torch.nn`, run by Recurra.

Constructors, calls (dense, batch first, unbatched, packed, with or without a first state), results and
`state_dict` keys are torch's own, whose classes these derive from; only the loop over time is another. Rows
of a `PackedSequence` are never padded, on any device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout
from torch.nn.utils.rnn import PackedSequence

import recurra.cells
import recurra.layers
import recurra.loop  # noqa: F401
from recurra.cells.base import Cell
from recurra.errors import Fault
from recurra.layers.from_torch import WEIGHTS, cell_of
from recurra.loop.arguments import compatible
from recurra.loop.scan import run_layer
from recurra.ragged import Ragged


def _forward(module: nn.RNNBase, x: Any, hx: Any) -> tuple[Any, Any]:
    packed = isinstance(x, PackedSequence)
    single = False
    if packed:
        rows, dense = Ragged.from_packed(x), x.data
    else:
        if x.dim() not in (2, 3):
            raise ValueError(
                f"{type(module).__name__}: Expected input to be 2D or 3D, got {x.dim()}D instead"
            )
        single = x.dim() == 2
        hx = _batched(hx, single)
        dense = x.unsqueeze(0 if module.batch_first else 1) if single else x
        rows = Ragged.from_dense(dense, module.batch_first)
    states = _as_hx(_first_states(module, rows, hx))
    module.check_forward_args(dense, states, x.batch_sizes if packed else None)
    if packed:
        states = module.permute_hidden(states, x.sorted_indices)
    states = _low_states(module, (states,) if isinstance(states, Tensor) else states, packed)
    y, final = _layers(module, rows, states)
    if packed:
        return PackedSequence(y, *x[1:]), module.permute_hidden(_as_hx(final), x.unsorted_indices)
    y = y.reshape(dense.shape[1 if module.batch_first else 0], rows.rows, y.shape[-1])
    if single:
        return y.squeeze(1), _as_hx([state.squeeze(1) for state in final])
    return (y.transpose(0, 1) if module.batch_first else y), _as_hx(final)


def _layers(module: nn.RNNBase, rows: Ragged, states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Every layer and direction. States `[layers * directions, B, width]` in packed order, in and out."""
    directions = ("", "_reverse") if module.bidirectional else ("",)
    final: list[list[Tensor]] = [[] for _ in states]
    for layer in range(module.num_layers):
        if layer and module.dropout:
            rows = rows.map(lambda data: dropout(data, module.dropout, module.training))
        outputs = []
        for number, direction in enumerate(directions):
            cell = template(module, rows.data.shape[1])
            weights = {
                ours: _weight(module, f"{WEIGHTS[ours]}_l{layer}{direction}", like)
                for ours, like in cell.named_parameters()
            }
            place = layer * len(directions) + number
            start = type(cell).State(*(state[place] for state in states))
            y, end = run_layer(cell, weights, rows, start, reverse=bool(number))
            outputs.append(y)
            for leaves, leaf in zip(final, end, strict=True):
                leaves.append(leaf)
        rows = rows.with_data(torch.cat(outputs, -1) if len(outputs) > 1 else outputs[0])
    return rows.data, [torch.stack(leaves) for leaves in final]


def _weight(module: nn.RNNBase, name: str, like: Tensor) -> Tensor:
    """A weight of the module, if it is of the template's shape, type and device."""
    weight: Tensor = getattr(module, name)
    if weight.shape != like.shape:
        raise Fault(
            f"{type(module).__name__}: {name} has shape {list(weight.shape)}, expected {list(like.shape)}"
        )
    _require_alike(module, name, weight, like)
    return weight


def _require_alike(module: nn.RNNBase, name: str, t: Tensor, like: Tensor) -> None:
    if t.dtype is like.dtype and t.device == like.device:
        return
    who = type(module).__name__
    if not compatible(t, like):
        raise Fault(f"{who}: {name} is {t.dtype}, its weights are {like.dtype}: convert one of them")
    if t.device != like.device:
        raise Fault(f"{who}: {name} is on {t.device}, its weights are on {like.device}: move one of them")


def _low_states(module: nn.RNNBase, states: Sequence[Tensor], packed: bool) -> Sequence[Tensor]:
    """First states as torch's own layer takes them under autocast, which has a kernel for a whole layer (on
    the CPU for the LSTM of dense rows alone): converted, and with them what it returns.
    """
    kind = states[0].device.type
    if not torch.is_autocast_enabled(kind) or states[0].dtype == torch.float64:
        return states
    if kind == "cpu" and (module.mode != "LSTM" or packed):
        return states
    return [state.to(torch.get_autocast_dtype(kind)) for state in states]


def template(module: nn.RNNBase, width: int) -> Cell:
    """A cell of the kind, sizes, type and device of a layer whose input has `width` numbers a step.

    It stands for what a step does; its weights are never read.
    """
    like = next(module.parameters())
    kind = (module.mode, width, module.hidden_size, module.proj_size, module.bias, like.dtype, like.device)
    if kind not in _TEMPLATES:
        with torch.device("meta"):
            cell = cell_of(module, width)
        for part in cell.modules():
            for name, weight in list(part.named_parameters(recurse=False)):
                # one number in every place: the shape of the weight without its memory
                shape = torch.zeros((), dtype=like.dtype, device=like.device).expand(weight.shape)
                setattr(part, name, nn.Parameter(shape))
        _TEMPLATES[kind] = cell
    return _TEMPLATES[kind]


_TEMPLATES: dict[tuple[Any, ...], Cell] = {}


def _first_states(module: nn.RNNBase, rows: Ragged, hx: Any) -> tuple[Tensor, ...]:
    """`[layers * directions, B, width]`, in the caller's order."""
    if hx is not None:
        states = tuple(hx) if isinstance(hx, (tuple, list)) else (hx,)
        like = next(module.parameters())
        for k, state in enumerate(states):
            _require_alike(module, f"hx[{k}]" if len(states) > 1 else "hx", state, like)
        return states
    count = module.num_layers * (2 if module.bidirectional else 1)
    widths = [module.proj_size or module.hidden_size]
    widths += [module.hidden_size] if module.mode == "LSTM" else []
    return tuple(rows.data.new_zeros(count, rows.rows, width) for width in widths)


def _batched(hx: Any, single: bool) -> Any:
    """A first state with its batch dimension; torch's own error when it has the wrong number of them."""
    if hx is None:
        return None
    states = tuple(hx) if isinstance(hx, (tuple, list)) else (hx,)
    dimensions = 2 if single else 3
    if any(state.dim() != dimensions for state in states):
        others = ", ".join(f"{state.dim()}-D" for state in states)
        kind = "unbatched 2-D" if single else "batched 3-D"
        raise RuntimeError(f"For {kind} input, hx should also be {dimensions}-D but got {others}")
    return tuple(state.unsqueeze(1) for state in states) if single else states


def _as_hx(states: Sequence[Tensor]) -> Any:
    """As torch gives and takes them: one tensor, or a tuple of several."""
    return tuple(states) if len(states) > 1 else states[0]


class RNN(nn.RNN):
    """`torch.nn.RNN`: see there; the loop over time is Recurra's."""

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        return _forward(self, input, hx)


class GRU(nn.GRU):
    """`torch.nn.GRU`: see there; the loop over time is Recurra's."""

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        return _forward(self, input, hx)


class LSTM(nn.LSTM):
    """`torch.nn.LSTM`: see there; the loop over time is Recurra's."""

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        return _forward(self, input, hx)
