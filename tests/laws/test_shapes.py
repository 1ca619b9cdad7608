"""What does not fit is told in one line: where, what was found, what was expected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from recurra import cells, scan
from recurra.cells import Cell
from recurra.errors import Fault
from recurra.ragged import Ragged
from tests.laws.user_cells import Both, Hidden

X = torch.zeros(2, 5, 3)
FLAGS = torch.zeros(2, 5, dtype=torch.bool)


class Wider(Both):
    def step(self, x: Tensor, state: Hidden) -> tuple[Tensor, Hidden]:
        h = self.total(x, state)
        return h, Hidden(torch.cat([h, h], -1))


class Turned(Both):
    def step(self, x: Tensor, state: Hidden) -> tuple[Tensor, Hidden]:
        h = self.total(x, state)
        return h, Hidden(h.unsqueeze(1))


class Renamed(Both):
    def step(self, x: Tensor, state: Hidden) -> Any:
        return self.total(x, state), {"memory": state.h}


class Tupled(Both):
    def step(self, x: Tensor, state: Hidden) -> Any:
        return self.total(x, state), (state.h,)


class OutputAlone(Both):
    def step(self, x: Tensor, state: Hidden) -> Any:
        return self.total(x, state)


class StateAlone(Both):
    def step(self, x: Tensor, state: Hidden) -> Any:
        return Hidden(self.total(x, state))


class Folded(Both):
    def step(self, x: Tensor, state: Hidden) -> tuple[Tensor, Hidden]:
        h = self.total(x, state)
        return h.view(-1, 2, 2), Hidden(h)


class Summed(Both):
    def step(self, x: Tensor, state: Hidden) -> tuple[Tensor, Hidden]:
        h = self.total(x, state)
        return h.sum(0, keepdim=True), Hidden(h)


class LateGrowth(Both):
    """Only a plain loop meets this one: the shape depends on the numbers."""

    def step(self, x: Tensor, state: Hidden) -> tuple[Tensor, Hidden]:
        h = self.total(x, state)
        return h, Hidden(torch.cat([h, h], -1) if float(h.detach().sum()) < 1e9 else h)


class Stateless(Cell):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.linear = nn.Linear(input_size, hidden_size)

    def step(self, x: Tensor, state: Any) -> Any:
        return self.linear(x), state


class Unsized(Stateless):
    State = Hidden

    def __init__(self, inputs: int, outputs: int) -> None:
        self.linear = nn.Linear(inputs, outputs)


class Unhidden(Stateless):
    State = Hidden

    def __init__(self, input_size: int, outputs: int) -> None:
        self.linear = nn.Linear(input_size, outputs)


def gru(*args: Any, **kwargs: Any) -> Callable[[], Any]:
    return lambda: scan(cells.GRU(3, 4), *args, **kwargs)


def lstm(state: Any) -> Callable[[], Any]:
    return lambda: scan(cells.LSTM(3, 4), X, state)


def own(kind: type[Cell]) -> Callable[[], Any]:
    return lambda: scan(kind(3, 4), X)


MESSAGES: dict[str, tuple[Callable[[], Any], list[str]]] = {
    # the step
    "state wider": (own(Wider), ["Wider.step", "state h", "[batch, 8]", "[batch, 4]"]),
    "state turned": (own(Turned), ["Turned.step", "state h", "[batch, 1, 4]", "[batch, 4]"]),
    "state renamed": (own(Renamed), ["Renamed.step", "['memory']", "['h']"]),
    "state a tuple": (own(Tupled), ["Tupled.step", "NamedTuples", "tuple"]),
    "no state": (own(OutputAlone), ["OutputAlone.step", "a Tensor", "(y, the next state)"]),
    "no output": (own(StateAlone), ["StateAlone.step", "a Hidden", "(y, the next state)"]),
    "output folded": (own(Folded), ["Folded.step", "y has shape [batch, 2, 2]", "[batch, output_size]"]),
    "rows summed": (own(Summed), ["Summed.step", "y has shape [1, 4]", "[batch, output_size]"]),
    "state wider, untraced": (own(LateGrowth), ["LateGrowth.step", "state h", "[batch, 8]", "[batch, 4]"]),
    # the class
    "no State": (own(Stateless), ["Stateless", "no State", "NamedTuple"]),
    "no input_size": (own(Unsized), ["Unsized", "no input_size", "constructor"]),
    "no hidden_size": (own(Unhidden), ["Unhidden", "no hidden_size", "state_sizes"]),
    # x
    "x of another width": (gru(torch.zeros(2, 5, 4)), ["GRU", "[4]", "[3]"]),
    "x without time": (gru(torch.zeros(2, 3)), ["GRU", "[2, 3]", "[batch, time, features]"]),
    "x a list": (gru([1.0]), ["GRU", "list", "Ragged"]),
    "x ragged of another width": (gru(Ragged.from_list([torch.zeros(2, 4)])), ["GRU", "[4]", "[3]"]),
    "x ragged and flat": (gru(Ragged.from_list([torch.zeros(2)])), ["GRU", "[]", "[3]"]),
    "x of another type": (gru(X.double()), ["GRU", "torch.float64", "torch.float32", "convert"]),
    "x whole numbers": (gru(X.long()), ["GRU", "torch.int64", "torch.float32"]),
    "x elsewhere": (gru(X.to("meta")), ["GRU", "meta", "cpu", "move"]),
    # state
    "state a pair": (lstm((X[:, 0], X[:, 0])), ["LSTM", "tuple", "LSTMState", "h, c"]),
    "state a tensor": (lstm(torch.zeros(2, 4)), ["LSTM", "['state']", "h, c"]),
    "state of fewer": (lstm({"h": torch.zeros(2, 4)}), ["LSTM", "['h']", "h, c"]),
    "state of other rows": (
        lstm({"h": torch.zeros(2, 4), "c": torch.zeros(3, 4)}),
        ["LSTM", "state c", "[3, 4]", "[2, 4]"],
    ),
    "state of another type": (
        lstm({"h": torch.zeros(2, 4), "c": torch.zeros(2, 4).double()}),
        ["LSTM", "state c", "torch.float64", "torch.float32"],
    ),
    "state elsewhere": (
        lstm({"h": torch.zeros(2, 4), "c": torch.zeros(2, 4, device="meta")}),
        ["LSTM", "state c", "meta", "cpu"],
    ),
    # resets
    "resets numbers": (gru(X, resets=FLAGS.float()), ["resets", "torch.float32", "bool"]),
    "resets of other steps": (gru(X, resets=FLAGS[:, 1:]), ["resets", "4 steps", "5 steps"]),
    "resets a list": (gru(X, resets=[True]), ["resets", "list", "bool"]),
    "resets flat": (gru(X, resets=FLAGS[0]), ["resets", "[5]", "[batch, time]"]),
    "resets of other rows": (
        gru(Ragged.from_list([X[0], X[0, :2]]), resets=Ragged.from_list([FLAGS[0, :2], FLAGS[0]])),
        ["resets", "same order"],
    ),
    "engine misspelt": (gru(X), ["RECURRA_ENGINE", "'nativ'", "eager"]),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_one_line_says_what_does_not_fit(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if case == "engine misspelt":
        monkeypatch.setenv("RECURRA_ENGINE", "nativ")
    run, parts = MESSAGES[case]
    with pytest.raises(Fault) as raised:
        run()
    message = str(raised.value)
    assert [part for part in parts if part not in message] == [], message
    assert "\n" not in message
    assert len(message) < 300
    assert "7919" not in message
    assert "211" not in message


def test_strict_refuses_a_slow_path() -> None:
    class Slow(Both):
        def new(self, total: Tensor, h: Tensor) -> Tensor:
            return torch.logcumsumexp(total, -1)

    with pytest.raises(
        Fault, match="Slow would not run on the fastest path .*aten.logcumsumexp is no operation"
    ):
        scan(Slow(3, 4), X, strict=True)


def test_an_error_inside_a_step_is_torchs_own(capfd: pytest.CaptureFixture[str]) -> None:
    class Wrong(Both):
        def new(self, total: Tensor, h: Tensor) -> Tensor:
            return self.input(total)

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        scan(Wrong(3, 4), X)
    assert capfd.readouterr().err == ""


def test_rows_without_steps_and_no_rows(engine: str) -> None:
    for x in (torch.zeros(2, 0, 3), torch.zeros(0, 5, 3)):
        y, state = scan(cells.LSTM(3, 4), x)
        assert y.shape == (*x.shape[:2], 4)
        assert state.c.shape == (x.shape[0], 4)
    y, state = scan(cells.GRU(3, 4), Ragged.from_list([torch.zeros(0, 3)] * 2))
    assert y.data.shape == (0, 4)
    assert torch.equal(state.h, torch.zeros(2, 4))


class Aside(NamedTuple):
    inner: Hidden
    extra: dict[str, Tensor]


class Nested(Both):
    State = Aside

    def initial_state(self, batch: int) -> Aside:
        zeros = self.example().new_zeros(batch, self.hidden_size)
        return Aside(Hidden(zeros), {"a": zeros, "b": zeros})

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        h = torch.tanh(self.total(x, state.inner) + state.extra["b"])
        return h, Aside(Hidden(h), {"a": state.extra["b"], "b": state.inner.h})


def test_states_within_states(engine: str) -> None:
    y, state = scan(Nested(3, 4), torch.randn(2, 5, 3))
    assert isinstance(state, Aside)
    assert torch.equal(state.inner.h, y[:, -1])
    assert torch.equal(state.extra["b"], y[:, -2])
    assert torch.equal(state.extra["a"], y[:, -3])
