"""The native engine in forked and spawned processes, and after Ctrl-C in the middle of a run."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

pytest.importorskip("recurra.engines.native._engine", reason="the native library is not built")

from recurra import cells
from recurra.engines.native import _engine
from recurra.layers import Recurrent

METHODS = [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()]
SECONDS = 120
"""After so long a process hangs."""


class Encoded(Dataset[Tensor]):
    """Items are outputs of a native layer, whose rows go to four threads.

    So small that torch's own threads stay away: those of OpenMP hang in a forked process.
    """

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.layer = Recurrent(cells.LSTM(3, 24)).requires_grad_(False)
        self.x = torch.randn(4, 12, 20, 3)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, item: int) -> Tensor:
        torch.set_num_threads(4)
        return self.layer(self.x[item])[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
def test_workers_of_a_data_loader(method: str) -> None:
    data = Encoded()
    expected = torch.stack([data[k] for k in range(len(data))])
    workers = 2 if method == "fork" else 1  # a spawned one imports everything anew
    loader = DataLoader(data, 2, num_workers=workers, multiprocessing_context=method, timeout=SECONDS)
    assert torch.equal(torch.cat(list(loader)), expected)
    assert torch.equal(data[0], expected[0])


def test_a_refused_call_leaves_the_next_one_right() -> None:
    data = Encoded()
    expected = data[0]
    kept = _engine.Place(_engine.Space.state)
    loop = _engine.LoopProgram([], [1], [], [], [], [], [], [], [], [], [kept])
    call = _engine.CallF32(loop, _engine.CallPlan(*[[]] * 11))
    initial, final = torch.zeros(2, 1), torch.zeros(2, 1)
    lists = {name: [] for name in ("tensors", "buffers", "weights", "vectors", "totals", "gradients", "sums")}
    states = {"initial": [(initial.data_ptr(), 1)], "finals": [final.data_ptr()]}
    for sizes in ([3], [1, 2]):
        with pytest.raises(ValueError, match="batch sizes"):
            call.run(rows=2, batch_sizes=sizes, reverse=False, threads=4, **lists, **states)
    assert torch.equal(data[0], expected)


def test_an_interrupt_ends_a_long_run_and_the_next_one_is_right() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        env=environment,
        capture_output=True,
        text=True,
        timeout=5 * SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["interrupted", "right"] * 2


def test_an_interrupted_block_of_a_stream_has_not_been() -> None:
    """While a step of another thread waits for its turn, too."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", BLOCK], env=environment, capture_output=True, text=True, timeout=5 * SECONDS
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["interrupted", "right"] * 2


BLOCK = """
import os, signal, threading
import numpy as np, torch
from recurra.cells import LSTM
from recurra.layers import FeedForward, Recurrent, Stack
from recurra.streaming.stepper import Stepper

signal.signal(signal.SIGINT, signal.default_int_handler)
# as long as no one would wait for
x = np.random.default_rng(0).standard_normal((1, 10_000_000, 1), np.float32)
for threads in (1, 3):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    stepper = Stepper(Stack(Recurrent(LSTM(1, 256)), FeedForward(256, 1)))
    stepper.block(x[:, :20])
    before, made = stepper.state, []
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    waiting = threading.Timer(0.2, lambda: made.append(stepper.step(x[:, 20])))
    waiting.start()
    try:
        stepper.block(x)
        print("finished")
    except KeyboardInterrupt:
        print("interrupted")
    waiting.join()
    stepper.load_state(before)
    print("right" if np.array_equal(made[0], stepper.step(x[:, 20])) else "wrong")
"""

INTERRUPTED = """
import os, signal, threading
import torch
from recurra.engines.native.engine import NativeEngine
from recurra.program import Loop, Value

# a shell that starts a process in the background has it ignore the signal
signal.signal(signal.SIGINT, signal.default_int_handler)
# s = s @ w: nothing grows with time, so that it can be as long as no one would wait for
values = (
    Value("fixed", (), ("w",), (256, 256), fixed=True),
    Value("state", (), ("s",), (256,)),
    Value("product", (1, 0), (), (256,)),
)
loop = Loop(values, (), (0,), (1,), (2,), (2,), ())
weight, state = torch.eye(256).roll(1, 1), torch.arange(3 * 256.0).reshape(3, 256)


def run(steps):
    return NativeEngine().run(loop, [], [weight], [state], [3] * steps, False).states[0]


for threads in (1, 3):
    torch.set_num_threads(threads)
    run(1)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        run(10_000_000)
        print("finished")
    except KeyboardInterrupt:
        print("interrupted")
    print("right" if torch.equal(run(2 * 256 + 1), state.roll(1, 1)) else "wrong")
"""
