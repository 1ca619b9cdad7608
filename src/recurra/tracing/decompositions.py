"""What a step's calls come to where no handler knows them: torch's own decompositions, and a few more."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._decomp import decomposition_table
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from recurra.tracing.aten.importer import HANDLERS

_FRESH = {"aten.lift", "aten.lift_fresh"}
"""By these torch tells a tensor that the step makes of numbers in its Python from one that it takes from
elsewhere.
"""


@cache
def decompositions() -> dict[Any, Callable[..., Any]]:
    """Operator -> torch's decomposition, of those that have no handler."""
    skipped = HANDLERS.keys() | _FRESH
    return {
        op: run
        for op, run in decomposition_table.items()
        if isinstance(op, torch._ops.OpOverload) and str(op.overloadpacket) not in skipped
    }


class Spelled(TorchFunctionMode):
    """Within it, torch's cells (`nn.LSTMCell` and its like) and bilinear maps are calls that programs know.

    As they are, they would be recorded as changes in place.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        spelled = _SPELLED.get(getattr(function, "__name__", ""))
        if spelled is not None and not kwargs and len(args) in (4, 6):
            return spelled(*args)
        return function(*args, **(kwargs or {}))


def _totals(x: Tensor, h: Tensor, weights: tuple[Tensor | None, ...]) -> tuple[Tensor, Tensor]:
    of_input, of_state, *biases = weights
    assert of_input is not None
    assert of_state is not None
    one, other = biases or (None, None)
    return F.linear(x, of_input, one), F.linear(h, of_state, other)


def _lstm_cell(x: Tensor, state: tuple[Tensor, Tensor], *weights: Tensor | None) -> tuple[Tensor, Tensor]:
    h, c = state
    left, right = _totals(x, h, weights)
    i, f, g, o = (left + right).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _gru_cell(x: Tensor, h: Tensor, *weights: Tensor | None) -> Tensor:
    left, right = _totals(x, h, weights)
    (reset, update, new), (of_reset, of_update, of_new) = left.chunk(3, 1), right.chunk(3, 1)
    candidate = torch.tanh(new + (reset + of_reset).sigmoid() * of_new)
    return candidate + (update + of_update).sigmoid() * (h - candidate)


def _rnn_cell(nonlinearity: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def run(x: Tensor, h: Tensor, *weights: Tensor | None) -> Tensor:
        left, right = _totals(x, h, weights)
        return nonlinearity(left + right)

    return run


def _bilinear(one: Tensor, other: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    width, depth, second = weight.shape
    turned = weight.permute(1, 0, 2).reshape(depth, width * second)
    products = (one @ turned).reshape(*one.shape[:-1], width, second) * other.unsqueeze(-2)
    y = products.sum(-1)
    return y if bias is None else y + bias


_SPELLED: dict[str, Callable[..., Any]] = {
    "lstm_cell": _lstm_cell,
    "gru_cell": _gru_cell,
    "rnn_tanh_cell": _rnn_cell(torch.tanh),
    "rnn_relu_cell": _rnn_cell(torch.relu),
    "bilinear": _bilinear,
}
