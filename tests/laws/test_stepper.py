"""Compiled for streaming, a causal cell, layer or model gives what it gives step by step; however its input
is cut, bit for bit the same.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from recurra import models
from recurra.cells import GRU, LSTM
from recurra.errors import Fault
from recurra.layers import FeedForward, Recurrent, Stack
from recurra.state import named_leaves
from recurra.streaming.stepper import Stepper, Uncompiled
from recurra.streaming.stream import Stream
from tests.laws.table import CELLS, HIDDEN, IN, UNTRACED, build
from tests.laws.table_modules import MODULES, TOKENS

pytest.importorskip("recurra.engines.native._engine", reason="the native library is not installed")

REFUSED = {name: why for name, (_, why) in UNTRACED.items()} | {
    "attention_fed": "state memory.present is torch.bool",
    "encoder_decoder": "whole numbers",
}
"""What runs step by step, but has no program: with the reason that is told."""


def _make(name: str) -> Any:
    torch.manual_seed(0)
    made: Any = build(name, torch.float32) if name in CELLS else MODULES[name].build().eval()
    return made.float()


def _steps(module: Any) -> bool:
    return hasattr(module, "step") and hasattr(module, "initial_state")


CAUSAL = [
    *CELLS,
    *(name for name in MODULES if _steps(_make(name)) and getattr(_make(name), "causal", name in REFUSED)),
]
COMPILED = [name for name in CAUSAL if name not in REFUSED]


def _inputs(stepper: Stepper, rows: int, steps: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    if stepper.tokens is not None:
        return generator.integers(0, stepper.tokens, (rows, steps))
    return generator.standard_normal((rows, steps, stepper.input_size)).astype(np.float32)


def _in_double(module: Any, x: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Step by step with torch: outputs `[B, T, K]` and the last state."""
    module = copy.deepcopy(module).double()
    given = torch.from_numpy(x)
    given = given if given.dtype == torch.int64 else given.double()
    outputs, state = [], module.initial_state(len(x))
    with torch.no_grad():
        for piece in given.unbind(1):
            y, state = module.step(piece, state)
            outputs.append(y)
    return torch.stack(outputs, 1).numpy(), {n: leaf.numpy() for n, leaf in named_leaves(state).items()}


@pytest.mark.parametrize("name", COMPILED)
def test_a_block_is_the_steps_in_double(name: str) -> None:
    module = _make(name)
    stepper = Stepper(module, streams=3)
    x = _inputs(stepper, 3, 7)
    expected, final = _in_double(module, x)
    # float32 against double over 7 steps: some tens of units in the last place of numbers of size 1
    np.testing.assert_allclose(stepper.block(x), expected, rtol=2e-5, atol=1e-5)
    assert list(stepper.state) == list(final)
    for leaf, held in final.items():
        np.testing.assert_allclose(stepper.state[leaf], held, rtol=2e-5, atol=1e-5, err_msg=leaf)


@pytest.mark.parametrize("name", COMPILED)
def test_any_cut_gives_the_same_bits(name: str) -> None:
    module = _make(name)
    whole = Stepper(module, streams=2)
    x = _inputs(whole, 2, 7)
    expected = whole.block(x)
    for cut in ([3, 1, 3], [0, 5, 0, 2]):
        stepper = Stepper(module, streams=2)
        made = [stepper.block(piece) for piece in np.split(x, np.cumsum(cut)[:-1], 1)]
        np.testing.assert_array_equal(np.concatenate(made, 1), expected)
    stepper.reset()
    for t in range(7):
        np.testing.assert_array_equal(stepper.step(x[:, t].copy()), expected[:, t])
    for leaf, held in whole.state.items():
        np.testing.assert_array_equal(stepper.state[leaf], held)


@pytest.mark.parametrize("name", COMPILED)
def test_each_stream_is_alone(name: str) -> None:
    module = _make(name)
    many, alone = Stepper(module, streams=4), [Stepper(module) for _ in range(4)]
    x = _inputs(many, 4, 6)
    for t, rows in enumerate(([3], [2, 0], [0, 1, 2, 3], [1, 3], [2, 1, 0], [0])):
        made = many.step(x[rows, t], rows)
        for k, row in enumerate(rows):
            np.testing.assert_array_equal(made[k], alone[row].step(x[row, t]))
    for row, stepper in enumerate(alone):
        for leaf, held in stepper.state.items():
            np.testing.assert_array_equal(many.state_of([row])[leaf], held)


@pytest.mark.parametrize("name", COMPILED)
def test_a_state_moves(name: str) -> None:
    module = _make(name)
    first, second = Stepper(module, streams=2), Stepper(module, streams=3)
    x = _inputs(first, 2, 5)
    expected = Stepper(module, streams=2).block(x)
    first.block(x[:, :3])
    second.load_state(first.state_of([1, 0]), rows=[0, 2])
    np.testing.assert_array_equal(second.block(x[:, 3:], rows=[2, 0]), expected[:, 3:])


@pytest.mark.parametrize("name", [name for name in CAUSAL if name in REFUSED])
def test_what_has_no_program_says_why(name: str) -> None:
    with pytest.raises(Uncompiled, match=REFUSED[name]) as caught:
        Stepper(_make(name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name in MODULES if getattr(_make(name), "causal", None) is False])
def test_what_looks_ahead_is_refused(name: str) -> None:
    with pytest.raises(Fault, match="later steps|no step"):
        Stepper(_make(name))


# streams


@pytest.mark.parametrize("name", [n for n in COMPILED if n in MODULES and list(_make(n).parameters())])
def test_a_stream_steps_natively(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = _make(name)
    monkeypatch.delenv("RECURRA_ENGINE", raising=False)
    native = Stream(module, 2)
    assert native.path.startswith("native: ")
    monkeypatch.setenv("RECURRA_ENGINE", "eager")
    plain = Stream(module, 2)
    assert plain.path == "torch, step by step: RECURRA_ENGINE is 'eager'"
    x = torch.from_numpy(_inputs(Stepper(module), 2, 8))
    torch.testing.assert_close(native.feed(x[:, :3]), plain.feed(x[:, :3]), rtol=2e-5, atol=1e-5)
    torch.testing.assert_close(native.feed(x[:, 3:4]), plain.feed(x[:, 3:4]), rtol=2e-5, atol=1e-5)
    assert list(native.state) == list(plain.state)
    # each goes on from what the other saved
    native.save(tmp_path / "native")
    plain.save(tmp_path / "plain")
    native.load(tmp_path / "plain")
    plain.load(tmp_path / "native")
    torch.testing.assert_close(native.feed(x[:, 4:]), plain.feed(x[:, 4:]), rtol=2e-5, atol=1e-5)
    native.reset()
    plain.reset()
    torch.testing.assert_close(native.feed(x), plain.feed(x), rtol=2e-5, atol=1e-5)


# fewer bits


@pytest.mark.parametrize(("weights", "share"), [("bfloat16", 2.0**-9), ("int8", 0.5 / 127)])
@pytest.mark.parametrize("streams", [1, 3, 8])
@pytest.mark.parametrize("depth", [70, 71, 4500])
def test_narrow_weights_keep_their_bound(weights: str, share: float, streams: int, depth: int) -> None:
    layer = FeedForward(depth, 131, "identity")
    x = np.random.default_rng(0).standard_normal((streams, depth)).astype(np.float32)
    matrix = layer.linear.weight.detach().numpy().astype(np.float64)
    exact = x @ matrix.T + layer.linear.bias.detach().numpy()
    found = Stepper(layer, streams, weights=weights).step(x)
    # a weight is off by at most that share of itself (bfloat16) or of its column's largest (int8)
    size = np.abs(matrix) if weights == "bfloat16" else np.abs(matrix).max(1, keepdims=True)
    bound = share * (np.abs(x) @ np.broadcast_to(size, matrix.shape).T) + 1e-5
    if weights == "int8":  # and a number of the row by half a step of its 16 bits
        bound += 0.5 / 32767 * np.abs(x).max(1, keepdims=True) * (np.abs(matrix) * (1 + share)).sum(1)
    assert (np.abs(found - exact) <= bound).all()
    assert np.abs(found - exact).max() > 1e-4  # it is what it says


@pytest.mark.parametrize("weights", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_shows(weights: str, odd: float) -> None:
    layer = FeedForward(40, 20, "identity")
    x = np.ones((5, 40), np.float32)
    x[2, 37] = odd
    y = Stepper(layer, 5, weights=weights).step(x)
    assert not np.isfinite(y[2]).any()
    assert np.isfinite(np.delete(y, 2, 0)).all()


@pytest.mark.parametrize("size", [0.0, 1e-37, 1e30])
def test_whole_numbers_take_rows_of_any_size(size: float) -> None:
    layer = FeedForward(40, 20, "identity")
    x = np.random.default_rng(0).uniform(-size, size, 40).astype(np.float32)
    exact = layer.linear.weight.detach().numpy() @ x + layer.linear.bias.detach().numpy()
    np.testing.assert_allclose(Stepper(layer, weights="int8").step(x), exact, atol=0.02 * max(size, 1e-3))


@pytest.mark.parametrize("weights", ["bfloat16", "int8"])
@pytest.mark.parametrize("cell", [LSTM, GRU])
def test_narrow_weights_stay_near_over_time(weights: str, cell: Any) -> None:
    model = Stack(Recurrent(cell(20, 40)), Recurrent(cell(40, 30)), FeedForward(30, 7, "identity"))
    x = np.random.default_rng(0).standard_normal((2, 200, 20)).astype(np.float32)
    exact = Stepper(model, 2).block(x)
    narrow = Stepper(model, 2, weights=weights)
    found = narrow.block(x)
    assert weights in narrow.precision
    assert weights in narrow.explain()
    assert 0 < np.abs(found - exact).max() < 0.02
    again = Stepper(model, 2, weights=weights)
    np.testing.assert_array_equal(np.stack([again.step(x[:, t].copy()) for t in range(200)], 1), found)


# threads, processes, processors


@pytest.fixture
def threads() -> Iterator[None]:
    yield
    torch.set_num_threads(1)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("weights", ["float32", "bfloat16", "int8"])
def test_threads_change_no_bit(weights: str) -> None:
    model = Stack(Recurrent(LSTM(90, 130)), FeedForward(130, 300))
    x = np.random.default_rng(0).standard_normal((70, 40, 90)).astype(np.float32)
    expected = Stepper(model, 70, weights).block(x)
    for count in (2, 3, 8):
        torch.set_num_threads(count)
        many, one = Stepper(model, 70, weights), Stepper(model, 1, weights)
        np.testing.assert_array_equal(many.block(x), expected)
        for _ in range(3):  # a long call first, so that companions are awake for the steps
            one.reset()
            np.testing.assert_array_equal(one.block(x[0]), expected[0])
            one.reset()
            np.testing.assert_array_equal(np.stack([one.step(step) for step in x[0]]), expected[0])


_ELSEWHERE = """
import os, sys
import numpy as np
import torch
torch.set_num_threads(2)
from recurra.cells import LSTM
from recurra.layers import FeedForward, Recurrent, Stack
from recurra.streaming.stepper import Stepper
folder, how = sys.argv[1:]
held = dict(np.load(folder + "/held.npz"))
model = Stack(Recurrent(LSTM(90, 130)), FeedForward(130, 300))
model.load_state_dict({n[2:]: torch.from_numpy(w) for n, w in held.items() if n.startswith("w.")})
def go_on(name):
    stepper = Stepper(model, 2, weights=name)
    stepper.load_state({n[2:]: s for n, s in held.items() if n.startswith("s.")})
    return stepper.block(held["x"])
if how == "fork":
    go_on("float32")
    child = os.fork()
    if child:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
np.savez(folder + "/" + how, **{name: go_on(name) for name in ("float32", "bfloat16", "int8")})
os._exit(0)
"""


@pytest.mark.parametrize("how", ["fork", "v2", "v3", "v4"])
def test_another_process_goes_on(how: str, tmp_path: Path) -> None:
    """Also a forked one, whose threads are gone, and one on a lesser processor."""
    model = Stack(Recurrent(LSTM(90, 130)), FeedForward(130, 300))
    x = np.random.default_rng(0).standard_normal((2, 30, 90)).astype(np.float32)
    stepper = Stepper(model, 2)
    stepper.block(x[:, :10])
    weights = {f"w.{name}": tensor.numpy() for name, tensor in model.state_dict().items()}
    state = stepper.state
    np.savez(tmp_path / "held", x=x[:, 10:], **weights, **{f"s.{name}": leaf for name, leaf in state.items()})
    source = str(Path(__file__).parents[2] / "src")
    env = {"PYTHONPATH": source, **({} if how == "fork" else {"RECURRA_LEVEL": how})}
    subprocess.run([sys.executable, "-c", _ELSEWHERE, str(tmp_path), how], check=True, env=env)
    for name, found in np.load(tmp_path / f"{how}.npz").items():
        here = Stepper(model, 2, weights=name)
        here.load_state(state)
        # another processor may sum in registers of another width, but in the same order; where a row is
        # rounded to 16 bits, the last place of a float32 can turn into a step of 2^-15 of the largest
        atol = 2e-5 if name == "int8" else 2e-6
        np.testing.assert_allclose(found, here.block(x[:, 10:]), rtol=1e-5, atol=atol, err_msg=name)


# tokens


@pytest.mark.parametrize("input", [models.TokenEmbedding(TOKENS, IN), models.OneHot(TOKENS)])
def test_what_depends_on_a_token_alone_is_looked_up(input: nn.Module) -> None:
    model = models.LanguageModel(input, Recurrent(LSTM(input.output_size, HIDDEN)), TOKENS)
    stepper = Stepper(model, 2)
    ids = _inputs(stepper, 2, 9)
    np.testing.assert_allclose(stepper.block(ids), _in_double(model, ids)[0], rtol=2e-5, atol=1e-5)
    assert "with all that depends on it alone" in stepper.explain()


def test_a_table_that_would_grow_too_large_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recurra.engines.native.stepper.TABLE_NUMBERS", 1)
    model = models.LanguageModel(models.TokenEmbedding(TOKENS, IN), Recurrent(LSTM(IN, HIDDEN)), TOKENS)
    stepper = Stepper(model, 2)
    ids = _inputs(stepper, 2, 9)
    np.testing.assert_allclose(stepper.block(ids), _in_double(model, ids)[0], rtol=2e-5, atol=1e-5)
    assert "alone" not in stepper.explain()
