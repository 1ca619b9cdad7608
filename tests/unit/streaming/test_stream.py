from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from recurra.cells import GRU, LSTM
from recurra.errors import Fault
from recurra.layers import Bidirectional, FeedForward, LatencyControlled, Layer, Recurrent, Residual, Stack
from recurra.registry import Configured
from recurra.storage.models import save_model
from recurra.storage.tensors import read_tensors, write_tensors
from recurra.streaming.stream import Stream


def causal() -> Layer:
    return Stack(Recurrent(LSTM(3, 4)), Residual(Recurrent(GRU(4, 4))), FeedForward(4, 2), dropout=0.5)


def delayed() -> Layer:
    back = Recurrent(GRU(4, 2), reverse=True)
    return Stack(Recurrent(LSTM(3, 4)), LatencyControlled(Recurrent(GRU(4, 3)), back, chunk=3, lookahead=2))


@lru_cache
def traced(late: bool) -> Layer:
    """One model for many examples: its steps are traced once."""
    return (delayed() if late else causal()).double()


class Tokens(Configured):
    """A model that has a step and no more."""

    causal = True

    def __init__(self) -> None:
        self.embedding = nn.Embedding(9, 3)
        self.body = Recurrent(GRU(3, 4))

    def initial_state(self, batch: int) -> Any:
        return self.body.initial_state(batch)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        return self.body(self.embedding(x), state)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.body.step(self.embedding(x), state)


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 7), min_size=1, max_size=8), batch=st.integers(1, 3), late=st.booleans())
def test_any_cut_is_the_batch_answer(cuts: list[int], batch: int, late: bool) -> None:
    model = traced(late)
    x = torch.randn(batch, sum(cuts), 3, dtype=torch.float64)
    stream = Stream(model, batch)
    pieces = [stream.feed(piece) for piece in x.split(cuts, 1)]
    pieces = [*pieces, rest] if (rest := stream.finish()) is not None else pieces
    torch.testing.assert_close(torch.cat(pieces, 1), model(x)[0])
    again = [stream.feed(piece) for piece in x.split(cuts, 1)]
    torch.testing.assert_close(again, pieces[: len(again)], rtol=0, atol=0)  # finish leaves a fresh start


def test_the_forms_of_a_piece() -> None:
    model = causal().double()
    x = torch.randn(4, 3, dtype=torch.float64)
    whole = model.eval()(x[None])[0][0]
    stream = Stream(model)
    torch.testing.assert_close(stream.feed(x[0]), whole[0])
    torch.testing.assert_close(stream.feed(x[1:3]), whole[1:3])
    torch.testing.assert_close(stream.feed(x[None, 3:]), whole[None, 3:])
    late = Stream(delayed())
    assert [tuple(late.feed(torch.zeros(3)).shape) for _ in range(6)] == [(0, 5)] * 4 + [(3, 5), (0, 5)]
    assert late.delay == 4


def test_tokens_are_fed_as_numbers() -> None:
    model = Tokens().double()
    ids = torch.tensor([[1, 5, 2, 8], [0, 0, 3, 7]])
    whole, _ = model(ids)
    stream = Stream(model, batch=2)
    torch.testing.assert_close(torch.cat([stream.feed(ids[:, :1]), stream.feed(ids[:, 1:])], 1), whole)
    single = Stream(model)
    torch.testing.assert_close(single.feed(ids[0, 0]), whole[0, 0])
    torch.testing.assert_close(single.feed(ids[0, 1:]), whole[0, 1:])


def test_the_state_has_names_and_moves_to_another_stream() -> None:
    model = delayed().double()
    x = torch.randn(1, 11, 3, dtype=torch.float64)
    first, second = Stream(model), Stream(model)
    start = first.feed(x[:, :7])
    assert {name: tuple(leaf.shape) for name, leaf in first.state.items()} == {
        "0.h": (1, 4),
        "0.c": (1, 4),
        "1.forward.h": (1, 3),
        "1.x": (1, 4, 4),
        "1.y": (1, 4, 3),
    }
    second.state = first.state
    rest = second.feed(x[:, 7:])
    last = second.finish()
    assert last is not None
    torch.testing.assert_close(torch.cat([start, rest, last], 1), model(x)[0])


_OTHER_PROCESS = """
import sys, torch
from recurra.storage.models import load_model
from recurra.streaming.stream import Stream
folder = sys.argv[1]
stream = Stream(load_model(folder))
stream.load(folder + "/state.safetensors")
y = stream.feed(torch.load(folder + "/x.pt"))
torch.save([y, stream.finish()], folder + "/y.pt")
"""


def test_a_saved_state_goes_on_in_another_process(tmp_path: Path) -> None:
    model = delayed().double()
    x = torch.randn(13, 3, dtype=torch.float64)
    stream = Stream(model)
    start = stream.feed(x[:6])
    save_model(model, tmp_path)
    stream.save(tmp_path / "state.safetensors")
    torch.save(x[6:], tmp_path / "x.pt")
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")}
    subprocess.run([sys.executable, "-c", _OTHER_PROCESS, str(tmp_path)], check=True, env=env)
    y, last = torch.load(tmp_path / "y.pt")
    torch.testing.assert_close(torch.cat([start, y, last[0]]), model(x[None])[0][0])


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    model, path = causal(), tmp_path / "state"
    stream = Stream(model)
    stream.feed(torch.randn(3))
    stream.save(path)
    state = stream.state
    with pytest.raises(Fault, match="open the stream with batch=1"):
        Stream(model, batch=2).load(path)
    with pytest.raises(Fault, match="the state of another model"):
        Stream(causal()).load(path)
    leaves, about = read_tensors(path)
    write_tensors(path, leaves, {**about, "format": 2})
    with pytest.raises(Fault, match="format 2 found, this version reads up to 1"):
        stream.load(path)
    write_tensors(path, leaves, {"format": 1})
    with pytest.raises(Fault, match="holds no state of a stream"):
        stream.load(path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(Fault, match="damaged or from another version"):
        stream.load(path)
    torch.testing.assert_close(stream.state, state, rtol=0, atol=0)


def test_what_can_not_stream_says_so() -> None:
    both = Bidirectional(Recurrent(GRU(3, 4)), Recurrent(GRU(3, 4), reverse=True))
    with pytest.raises(Fault, match="Bidirectional needs the whole row before its first output"):
        Stream(both)
    with pytest.raises(Fault, match="Linear has no step"):
        Stream(nn.Linear(3, 4))
    backward = Tokens()
    backward.causal = False
    with pytest.raises(Fault, match="Tokens needs the whole row"):
        Stream(backward)


@pytest.mark.parametrize(
    ("batch", "x"),
    [
        (1, torch.zeros(1, 1, 1, 3)),
        (1, torch.tensor(0.0)),
        (1, torch.zeros(2, 4, 3)),
        (2, torch.zeros(2, 3)),
        (2, torch.zeros(3)),
        (2, torch.zeros(1, 4, 3)),
    ],
    ids=str,
)
def test_a_piece_of_another_shape_is_told(batch: int, x: Tensor) -> None:
    with pytest.raises(Fault, match=rf"expected \[{batch}, time, features\]"):
        Stream(causal(), batch).feed(x)


def test_a_state_that_does_not_fit_is_told() -> None:
    stream = Stream(causal())
    with pytest.raises(Fault, match="state does not fit: missing"):
        stream.state = {"0.h": torch.zeros(1, 4)}
    with pytest.raises(Fault, match="open the stream with batch=2"):
        stream.state = Stream(causal(), batch=2).state


def test_streaming_is_evaluation_without_a_graph() -> None:
    model = causal().train()
    stream = Stream(model)
    assert not model.training
    assert not stream.feed(torch.randn(3)).requires_grad
    assert not any(leaf.requires_grad for leaf in stream.state.values())
