"""Whatever torch puts around a model works with every form of a layer, with the right numbers, or is refused
in one line: no crash, no wrong number, no error that speaks of something else.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

import recurra
from recurra import cells, scan
from recurra.errors import Fault
from recurra.layers import Bidirectional, Recurrent, Stack
from recurra.ragged import Ragged
from tests.laws.contexts import CONTEXTS

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.:DeprecationWarning")


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


_SLOW = {"compile plain", "compile dynamic", "export and decompose", "linearised", "hessian", "profiler"}
_FAST_FORMS = ("layer", "no program", "drop-in")


@pytest.mark.parametrize(
    ("name", "form"),
    [(name, form) for name in CONTEXTS for form in FORMS if name not in _SLOW or form in _FAST_FORMS],
)
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


def _trace(run: Callable[[Tensor], Tensor], x: Tensor) -> None:
    torch.jit.trace(run, x, check_trace=False)


STREAMED: dict[str, Callable[[Callable[[Tensor], Tensor], Tensor], object]] = {
    "jit trace": _trace,
    "fx": lambda run, x: torch.fx.symbolic_trace(run),
    "make_fx": lambda run, x: make_fx(run)(x),
    "vmap": lambda run, x: torch.func.vmap(run)(x[None]),
    "jvp": lambda run, x: torch.func.jvp(run, (x,), (x,)),
    "grad": lambda run, x: torch.func.grad(lambda x: run(x).sum())(x),
}


@pytest.mark.parametrize("name", STREAMED)
def test_a_stream_is_no_part_of_a_graph(name: str) -> None:
    stream = recurra.Stream(Recurrent(cells.GRU(3, 4)), batch=2)
    x = torch.randn(2, 5, 3)
    with pytest.raises(Fault, match="a stream's state is not part of what torch traces"):
        STREAMED[name](lambda x: stream.feed(x), x)


@pytest.mark.parametrize("fullgraph", [False, True])
@pytest.mark.parametrize(
    "state",
    [
        cells.LSTM.State(torch.zeros(3, 2), torch.zeros(3, 4)),
        cells.LSTM.State(torch.zeros(3, 4), torch.zeros(3, 9)),
        cells.LSTM.State(torch.zeros(2, 4), torch.zeros(2, 4)),
        cells.LSTM.State(torch.zeros(3, 4).double(), torch.zeros(3, 4).double()),
        cells.GRU.State(torch.zeros(3, 4)),
    ],
    ids=["narrow", "wide", "other rows", "double", "of a GRU"],
)
def test_a_first_state_is_checked_in_a_recorded_graph(state: object, fullgraph: bool) -> None:
    torch._dynamo.reset()
    layer, x = Recurrent(cells.LSTM(3, 4)), torch.randn(3, 5, 3)
    with pytest.raises(Fault) as plain:
        layer(x, state)
    for backend in ("eager", "aot_eager"):
        run = torch.compile(lambda x, s: layer(x, s)[0], backend=backend, fullgraph=fullgraph)
        with torch.no_grad(), pytest.raises(Fault) as recorded:
            run(x, state)
        assert str(recorded.value) == str(plain.value)


def test_a_trace_of_another_size_is_an_error() -> None:
    model = OfLayer(Recurrent(cells.GRU(3, 4)))
    traced = torch.jit.trace(model, torch.randn(2, 6, 3), check_trace=False)
    for shape in ((2, 5, 3), (3, 6, 3), (3, 4, 3), (1, 6, 3), (6, 2, 3)):
        with pytest.raises(RuntimeError, match="split_with_sizes"):
            traced(torch.randn(shape))


def test_lengths_are_not_fixed_by_a_trace() -> None:
    layer = Recurrent(cells.GRU(3, 4))

    def run(x: Tensor, lengths: Tensor) -> Tensor:
        return layer(Ragged.from_padded(x, lengths))[0].data

    with pytest.raises(Fault, match="would fix the lengths"):
        torch.jit.trace(run, (torch.randn(2, 5, 3), torch.tensor([5, 3])), check_trace=False)
