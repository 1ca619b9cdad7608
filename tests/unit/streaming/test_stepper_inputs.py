"""What a stepper takes, and what it says of anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra import models
from recurra.cells import GRU, LSTM
from recurra.errors import Fault
from recurra.layers import Bidirectional, FeedForward, Recurrent
from recurra.registry import Configured
from recurra.streaming.stepper import Stepper, Uncompiled
from recurra.streaming.stream import Stream

pytest.importorskip("recurra.engines.native._engine", reason="the native library is not installed")


@pytest.fixture
def numbers() -> Stepper:
    return Stepper(Recurrent(GRU(3, 4)), streams=2)


@pytest.fixture
def words() -> Stepper:
    model = models.LanguageModel(models.TokenEmbedding(9, 3), Recurrent(GRU(3, 4)), 9)
    return Stepper(model)


def test_the_forms_of_x() -> None:
    one = Stepper(Recurrent(GRU(3, 4)))
    x = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    expected = one.block(x)
    forms: list[Callable[[int], Any]] = [
        lambda t: one.step(x[t]),
        lambda t: one.step(x[t : t + 1])[0],
        lambda t: one.step(x[t], [0]),
        lambda t: one.step(x[t].tolist()),
        lambda t: one.step(x[t].astype(np.float64)),
        lambda t: one.step(np.repeat(x[t], 2)[::2]),
        lambda t: one.block(x[None, t : t + 1])[0, 0],
        lambda t: one.block(x[t : t + 1], rows=[0])[0],
    ]
    assert expected.shape == (5, 4)
    assert one.block(x[:0]).shape == (0, 4)
    for form in forms:
        one.reset()
        np.testing.assert_array_equal([form(t) for t in range(5)], expected)


def test_the_forms_of_tokens(words: Stepper) -> None:
    expected = words.block([1, 8, 0])
    assert expected.shape == (3, 9)
    for form in (int, np.int64, np.int32, lambda i: np.array(i), lambda i: np.array(i, np.uint8)):
        words.reset()
        np.testing.assert_array_equal([words.step(form(i)) for i in (1, 8, 0)], expected)


@pytest.mark.parametrize(
    ("x", "rows", "message"),
    [
        (np.zeros((3, 3)), None, r"x is [3, 3], expected numbers [2, 3]"),
        (np.zeros(3), None, r"x is [3], expected numbers [2, 3]"),
        (np.zeros((2, 3)), [1], r"x is [2, 3], expected numbers [1, 3] or [3]"),
        (np.array([["a"] * 3] * 2), None, r"x is <U1, expected numbers"),
        (np.zeros((2, 3)), [0, 2], r"rows: stream 2 is not one of the streams"),
        (np.zeros((2, 3)), [1, 1], r"rows: stream 1 is given twice"),
        (np.zeros((1, 3)), [-1], r"rows: stream -1 is not one of the streams"),
        (np.zeros((1, 3)), [0.5], r"rows is [0.5], expected a list of whole numbers"),
    ],
)
def test_what_does_not_fit_changes_nothing(numbers: Stepper, x: Any, rows: Any, message: str) -> None:
    numbers.step(np.ones((2, 3), np.float32))
    state = numbers.state
    with pytest.raises(Fault) as caught:
        numbers.step(x, rows)
    assert message in str(caught.value)
    np.testing.assert_array_equal(numbers.state["h"], state["h"])
    # and it can still be used: no stream is left marked
    assert numbers.step(np.zeros((2, 3), np.float32), [1, 0]).shape == (2, 4)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([3, 9], "token id 9, expected 0 to 8"),
        ([-1], "token id -1, expected 0 to 8"),
        ([0.0], "x is float64, expected whole numbers: token ids"),
        ([[[0]]], "x is [1, 1, 1], expected token ids [1, steps] or [steps]"),
    ],
)
def test_tokens_that_are_none(words: Stepper, ids: Any, message: str) -> None:
    words.step(3)
    state = words.state
    with pytest.raises(Fault) as caught:
        words.block(ids)
    assert message in str(caught.value)
    if np.ndim(ids) == 1:
        with pytest.raises(Fault, match="token id|expected"):
            words.step(ids[-1])
    np.testing.assert_array_equal(words.state["h"], state["h"])


def test_states_that_do_not_fit(numbers: Stepper) -> None:
    with pytest.raises(Fault, match=r"missing \['h'\], not expected \['c'\]"):
        numbers.load_state({"c": np.zeros((2, 4))})
    with pytest.raises(Fault, match=r"state h is \[1, 4\], expected \[2, 4\]: the rows of 2 streams"):
        numbers.load_state({"h": np.zeros((1, 4))})
    with pytest.raises(Fault, match="stream 2 is not one of the 2 streams"):
        numbers.load_state({"h": np.zeros((1, 4))}, rows=[2])
    with pytest.raises(Fault, match="stream 5"):
        numbers.state_of([5])
    with pytest.raises(Fault, match="stream 5"):
        numbers.reset([5])


def test_a_state_is_a_copy_and_some_streams_start_afresh(numbers: Stepper) -> None:
    x = np.ones((2, 3), np.float32)
    first = numbers.step(x)
    state = numbers.state
    state["h"][:] = 7
    numbers.reset([1])
    second = numbers.step(x)
    np.testing.assert_array_equal(second[1], first[1])
    assert (second[0] != first[0]).all()


class Odd(Configured):
    """Reads tokens, in a way of its own."""

    causal = True

    def __init__(self, how: Callable[[Any, Tensor], Tensor]) -> None:
        self.table, self.other = nn.Embedding(9, 3), nn.Embedding(9, 3)
        self.body = Recurrent(GRU(3, 4))
        self.how = how

    def initial_state(self, batch: int) -> Any:
        return self.body.initial_state(batch)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.body.step(self.how(self, x), state)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda m, x: m.table(x) * (x != 0).unsqueeze(1), "more with a token than looking it up (ne)"),
        (lambda m, x: m.table(x) + m.other(x), "more than one table"),
        (lambda m, x: m.table(x + 1), "more with a token than looking it up (add)"),
        (lambda m, x: F.embedding(x, m.table.weight * 2), "neither parameter nor buffer"),
        (lambda m, x: F.embedding(x, m.table.weight, max_norm=1.0), "max_norm"),
        (lambda m, x: m.table.weight[:1].expand(len(x), 3), "does not look up the token"),
    ],
)
def test_tokens_read_otherwise_are_left_to_torch(how: Any, message: str) -> None:
    model = Odd(how)
    with pytest.raises(Uncompiled) as caught:
        Stepper(model)
    assert message in str(caught.value)
    stream = Stream(model)
    assert stream.path.startswith("torch, step by step: Odd can't be compiled into a stepper: ")
    assert stream.feed(torch.tensor(1)).shape == (4,)


def test_a_table_used_twice_is_one_table() -> None:
    model = Odd(lambda m, x: m.table(x) + m.table(x).tanh())
    stepper = Stepper(model)
    state = model.initial_state(1)
    for token in (3, 8):
        y, state = model.step(torch.tensor([token]), state)
        np.testing.assert_allclose(stepper.step(token), y[0].detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Stepper(nn.Linear(3, 3)), "Linear has no step(x, state)"),
        (
            lambda: Stepper(Bidirectional(Recurrent(GRU(3, 4)), Recurrent(GRU(3, 4), reverse=True))),
            "later steps",
        ),
        (lambda: Stepper(Recurrent(GRU(3, 4)).double()), "float32 on the CPU, the weights are torch.float64"),
        (
            lambda: Stepper(Recurrent(GRU(3, 4)), weights="int4"),
            "weights are 'int4', expected one of float32",
        ),
        (lambda: Stepper(Recurrent(GRU(3, 4)), streams=0), "streams is 0, expected at least 1"),
    ],
)
def test_what_can_not_be_a_stepper(build: Callable[[], Stepper], message: str) -> None:
    with pytest.raises(Fault) as caught:
        build()
    assert message in str(caught.value)


def test_hooks_are_left_to_torch() -> None:
    model = FeedForward(3, 4)
    model.linear.register_forward_hook(lambda module, args, outputs: outputs + 1)
    with pytest.raises(Uncompiled, match="linear has hooks"):
        Stepper(model)
    assert Stream(model).path.endswith("linear has hooks, which only a plain loop calls")


def test_a_stream_sees_new_weights_and_keeps_its_state() -> None:
    model = Recurrent(LSTM(3, 4))
    stream, x = Stream(model), torch.randn(6, 3)
    assert stream.path.startswith("native: ")
    stream.feed(x[:3])
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.5)
    leaves = stream.state
    outputs = stream.feed(x[3:])
    state = model.cell.State(**leaves)
    expected, _ = model(x[None, 3:], state)
    torch.testing.assert_close(outputs[None], expected.detach(), rtol=1e-5, atol=1e-6)


def test_a_streams_state_is_a_copy_and_its_input_is_not_rounded() -> None:
    stream = Stream(Recurrent(GRU(3, 4)))
    stream.feed(torch.ones(3))
    state = stream.state["h"].clone()
    stream.state["h"].fill_(7.0)
    torch.testing.assert_close(stream.state["h"], state, rtol=0, atol=0)
    with pytest.raises(Fault, match="x is torch.float64 on cpu, the model reads torch.float32"):
        stream.feed(torch.ones(3, dtype=torch.float64))


def test_weights_are_those_of_the_beginning() -> None:
    model = models.LanguageModel(models.TokenEmbedding(9, 3), Recurrent(GRU(3, 4)), 9)
    stepper = Stepper(model)
    expected = stepper.block([1, 2, 3])
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    stepper.reset()
    np.testing.assert_array_equal(stepper.block([1, 2, 3]), expected)
