"""Layers, cells and streams that have run are copied, pickled, saved whole and taken into other processes."""

from __future__ import annotations

import copy
import io
import multiprocessing
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from recurra import Stepper, Stream, cells, explain, scan
from recurra.errors import Fault
from recurra.layers import Recurrent, Stack
from recurra.loop.plan import plan_of
from recurra.nn import GRU
from recurra.tracing.memory import TRACING
from tests.laws.table import build

MODELS: dict[str, Callable[[], nn.Module]] = {
    "a layer": lambda: Recurrent(cells.LSTM(3, 4)),
    "a stack": lambda: Stack(Recurrent(cells.GRU(3, 4)), Recurrent(cells.LayerNormLSTM(4, 4))),
    "a drop-in": lambda: GRU(3, 4, batch_first=True),
    "without a program": lambda: Recurrent(build("cumulative", torch.float32)),
}


def saved_whole(model: nn.Module) -> Any:
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


WAYS: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "saved whole": saved_whole,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MODELS)
def test_models_that_have_run(name: str, way: str) -> None:
    torch.manual_seed(0)
    model, x = MODELS[name]().eval(), torch.randn(2, 5, 3)
    y = model(x)[0]
    other = WAYS[way](model)
    assert torch.equal(other(x)[0], y)
    with torch.no_grad():
        next(other.parameters()).mul_(2)
    assert not torch.equal(other(x)[0], y)
    assert torch.equal(model(x)[0], y)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda stream: pickle.loads(pickle.dumps(stream))])
@pytest.mark.parametrize("name", ["a layer", "a stack", "without a program"])
def test_streams_go_on_by_themselves(name: str, way: Callable[[Stream], Stream]) -> None:
    torch.manual_seed(0)
    stream, x = Stream(MODELS[name](), 2), torch.randn(2, 9, 3)
    stream.feed(x[:, :4])
    other = way(stream)
    y = stream.feed(x[:, 4:])
    torch.testing.assert_close(other.feed(x[:, 4:]), y)
    stream.reset()
    torch.testing.assert_close(other.feed(x[:, 4:]), stream_on(stream, x)[:, -5:])


def stream_on(stream: Stream, x: torch.Tensor) -> torch.Tensor:
    return stream.feed(torch.cat([x, x[:, 4:]], 1))


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_stepper_says_how(way: Callable[[Stepper], Any]) -> None:
    with pytest.raises(Fault, match=r"make another one of the model, and give it the state by load_state"):
        way(Stepper(Recurrent(cells.GRU(3, 4))))


@pytest.mark.parametrize("name", MODELS)
def test_models_made_in_inference_mode(name: str) -> None:
    torch.manual_seed(0)
    with torch.inference_mode():
        model, x = MODELS[name](), torch.randn(1, 5, 3)
        y = model(x)[0]
    with torch.no_grad():
        torch.testing.assert_close(model(x)[0], y)
    assert explain(model).layers
    if name == "a drop-in":
        return
    for mode in (torch.inference_mode, torch.no_grad, torch.enable_grad):
        with mode():
            stream = Stream(model)
            torch.testing.assert_close(stream.feed(x), y)
            stream.reset()
            torch.testing.assert_close(stream.feed(x), y)
    with torch.inference_mode():
        next(model.parameters()).mul_(2)
        y = model(x)[0]
        stream.reset()
        torch.testing.assert_close(stream.feed(x), y)


def _run(results: Any) -> None:
    cell = cells.LSTM(3, 5)  # met in the child for the first time
    results.put((scan(cell, torch.zeros(1, 2, 3))[0].shape, plan_of(cell).program is not None))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_process_forked_while_another_thread_traces() -> None:
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    traces, over = threading.Event(), threading.Event()

    def trace() -> None:
        with TRACING.lock:
            traces.set()
            over.wait()

    thread = threading.Thread(target=trace)
    thread.start()
    traces.wait()
    process = context.Process(target=_run, args=(results,), daemon=True)
    process.start()
    try:
        assert results.get(timeout=60) == ((1, 2, 5), True)
    finally:
        over.set()
        thread.join()
        process.kill()
