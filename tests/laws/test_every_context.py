"""Whatever torch puts around a model works with every form of a layer, with the right numbers, or is refused in
one line: no crash, no wrong number, no error that speaks of something else.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

import recurra
from recurra import cells, scan
from recurra.errors import Fault
from recurra.layers import Bidirectional, Recurrent, Stack
from tests.laws.contexts import CONTEXTS


class Unprogrammed(cells.Cell):
    """Its rows speak to one another, so that nothing but a plain loop can run it."""

    class State(NamedTuple):
        h: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.linear = nn.Linear(input_size + hidden_size, hidden_size)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h = torch.tanh(self.linear(torch.cat([x, state.h], -1)))
        h = h.sort(-1).values + 0.1 * h.flip(-1)
        return h, self.State(h)


class OfLayer(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.layer(x)
        return y


class ByHand(nn.Module):
    def __init__(self, cell: cells.Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        return scan(self.cell, x)[0]


def _stack() -> nn.Module:
    both = Bidirectional(Recurrent(cells.GRU(3, 4)), Recurrent(cells.GRU(3, 4), reverse=True))
    return OfLayer(Stack(both, Recurrent(cells.LayerNormLSTM(8, 4))))


FORMS: dict[str, Callable[[], nn.Module]] = {
    "layer": lambda: OfLayer(Recurrent(cells.LSTM(3, 4))),
    "stack": _stack,
    "no program": lambda: OfLayer(Recurrent(Unprogrammed(3, 4))),
    "by hand": lambda: ByHand(cells.GRU(3, 4)),
    "drop-in": lambda: OfLayer(recurra.nn.LSTM(3, 4, batch_first=True)),
    "deep drop-in": lambda: OfLayer(recurra.nn.GRU(3, 4, 2, batch_first=True, bidirectional=True)),
}

_UNSUPPORTED = torch._dynamo.exc.Unsupported
REFUSED: dict[tuple[str, str], tuple[type[Exception], str]] = {
    **{("jit script", form): (Fault, "torch.jit.script can't compile") for form in FORMS},
    ("fx", "by hand"): (Fault, "torch.fx can't follow a loop over time"),
    # torch's own errors, as of torch's own layers
    ("compile whole", "no program"): (_UNSUPPORTED, "its step has no program: .*sort"),
    ("compile whole", "drop-in"): (_UNSUPPORTED, "RNN, GRU, or LSTM"),
    ("compile whole", "deep drop-in"): (_UNSUPPORTED, "RNN, GRU, or LSTM"),
    ("hooks", "by hand"): (AssertionError, ""),  # a scan calls a cell's step, and no hook of the cell
}
"""Context and form -> what is raised, and a part of what it says."""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CONTEXTS)
def test_every_form_in_every_context(name: str, form: str) -> None:
    model, x = FORMS[form](), torch.randn(3, 5, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of what is old or new
        if (name, form) in REFUSED:
            kind, words = REFUSED[name, form]
            with pytest.raises(kind, match=words):
                CONTEXTS[name](model, x)
            return
        for one, other in CONTEXTS[name](model, x):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
