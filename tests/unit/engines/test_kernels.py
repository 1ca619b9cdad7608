"""The native library's products, and its elementary functions as loops use them."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

pytest.importorskip("recurra.engines.native._engine", reason="the native library is not built")

from recurra.engines.native.engine import NativeEngine
from recurra.engines.native.library import column_sums, matrix_product
from recurra.program import Loop, Value

SIZES = [(1, 1, 1), (5, 3, 7), (6, 256, 64), (7, 257, 65), (130, 600, 70), (61, 1, 200), (2, 0, 3), (0, 4, 4)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("turned", ["neither", "first", "second", "both"])
def test_products(size: tuple[int, int, int], dtype: torch.dtype, turned: str) -> None:
    rows, depth, width = size
    a = torch.randn(rows, depth, dtype=dtype)
    b = torch.randn(depth, width, dtype=dtype)
    if turned in ("first", "both"):
        a = a.t().contiguous().t()
    if turned in ("second", "both"):
        b = b.t().contiguous().t()
    bias = torch.randn(width, dtype=dtype)
    out = torch.empty(rows, width, dtype=dtype)
    expected = a.double() @ b.double()
    # chains of 256: an error of some tens of roundings of the largest partial sum
    tolerance = {"rtol": 0, "atol": (2e-6 if dtype == torch.float32 else 1e-14) * max(1, depth) ** 0.5 * 4}
    matrix_product(a, b, bias, out)
    torch.testing.assert_close(out.double(), expected + bias.double(), **tolerance)
    matrix_product(a, b, None, out, add=True)
    torch.testing.assert_close(out.double(), 2 * expected + bias.double(), rtol=0, atol=2 * tolerance["atol"])


@pytest.mark.parametrize("across", [False, True])
def test_weight_gradients_are_laid_out_like_the_weight(across: bool) -> None:
    """Of a loop's product, and of two that add up: `y = x @ w`, `z = y + x @ w`."""
    x, g, start = torch.randn(700, 9), torch.randn(700, 14), torch.zeros(700, 14)
    weight = (torch.randn(14, 9).t() if across else torch.randn(9, 14)).requires_grad_()
    values = (
        Value("x", (), ("x",), (9,)),
        Value("x", (), ("again",), (9,)),
        Value("fixed", (), ("w",), (9, 14), fixed=True),
        Value("state", (), ("s",), (14,)),
        Value("product", (0, 2), (), (14,)),
        Value("product", (1, 2), (), (14,)),
        Value("add", (4, 5), (), (14,)),
        Value("add", (6, 3), (), (14,)),
    )
    loop = Loop(values, (0, 1), (2,), (3,), (4, 5, 6, 7), (7,), (4, 6))
    y, z = NativeEngine().run(loop, [x, x.clone()], [weight], [start], [700], False).outputs
    (made,) = torch.autograd.grad(y, weight, g, retain_graph=True)
    assert made.stride() == weight.stride()
    torch.testing.assert_close(made, x.t() @ g, rtol=1e-4, atol=1e-4)
    (twice,) = torch.autograd.grad(z, weight, g)
    assert twice.stride() == weight.stride()
    torch.testing.assert_close(twice, 2 * x.t() @ g, rtol=1e-4, atol=2e-4)


def test_threads_change_no_bit_of_a_product() -> None:
    a, b = torch.randn(301, 700), torch.randn(700, 333)
    made: list[list[Tensor]] = []
    for threads in range(1, 9):
        torch.set_num_threads(threads)
        plain, turned = torch.empty(301, 333), torch.empty(700, 333)
        matrix_product(a, b, None, plain)
        matrix_product(a.t(), torch.cat([a, plain], 1)[:, :333], None, turned)
        made.append([plain, turned, column_sums(b)])
    for other in made[1:]:
        assert all(torch.equal(x, y) for x, y in zip(made[0], other, strict=True))


def applied(op: str, x: Tensor) -> Tensor:
    """op of x `[N, 1]`, by a loop of one step whose state becomes that."""
    values = (Value("x", (), ("x",), (1,)), Value("state", (), ("s",), (1,)), Value(op, (0,), (), (1,)))
    loop = Loop(values, (0,), (), (1,), (2,), (2,), (2,))
    (found,) = NativeEngine().run(loop, [x], [], [torch.zeros(len(x), 1)], [len(x)], False).outputs
    return found


INFINITY = float("inf")
SPECIAL = [float("nan"), INFINITY, -INFINITY, 0.0, 1e30, -1e30, 1e-40, -1e-40, 88.8, -88.8, 104.0, -104.0]


@pytest.mark.parametrize(
    ("op", "low", "high", "units"),
    [
        ("exp", -87.0, 88.0, 2),
        ("expm1", -20.0, 88.0, 3),
        ("tanh", -12.0, 12.0, 3),
        ("sigmoid", -87.0, 30.0, 4),
        ("log", 1e-30, 100.0, 2),
        ("log1p", -0.99, 100.0, 4),
        ("erf", -4.0, 4.0, 2),
    ],
)
def test_elementary_functions(op: str, low: float, high: float, units: int) -> None:
    """Right to a few units in the last place, and as the C library where there is no number."""
    x = torch.cat([torch.linspace(low, high, 20_001), torch.logspace(-30, -1, 2_001)])[:, None]
    found = applied(op, x)
    expected = getattr(torch, op)(x.double())
    nearest = expected.float()
    spacing = torch.nextafter(nearest.abs(), torch.tensor(float("inf"))) - nearest.abs()
    assert ((found.double() - expected).abs() / spacing.double()).max().item() <= units
    special = torch.tensor(SPECIAL)[:, None]
    torch.testing.assert_close(
        applied(op, special), getattr(torch, op)(special), rtol=1e-6, atol=1e-37, equal_nan=True
    )


class SharedOut:
    """A product shared out over four threads, into memory that is there: torch's own threads stay away."""

    def __init__(self) -> None:
        self.x = torch.linspace(-2, 2, 4000).reshape(1000, 4)
        self.weight = torch.linspace(-1, 1, 1200).reshape(4, 300)
        self.expected = self(torch.empty(1000, 300)).numpy()

    def __call__(self, out: Tensor) -> Tensor:
        torch.set_num_threads(4)
        matrix_product(self.x, self.weight, None, out)
        return out


@pytest.mark.parametrize("level", ["v2", "v3"])
def test_lesser_processors_give_the_same(level: str) -> None:
    """Each instruction level runs, in a process of its own: a process stays on one."""
    environment = {**os.environ, "RECURRA_LEVEL": level, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", LEVELS], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    if "x86" in done.stdout:
        assert done.stdout.strip() == f"x86-64-{level}"


LEVELS = """
import torch
from recurra.engines.native import _engine
from recurra.cells import CELLS
from recurra.engines import EagerEngine
from recurra.engines.native.engine import NativeEngine
from recurra.loop.plan import plan_of

loop = plan_of(CELLS["layer_norm_lstm"](5, 19)).program.merged
values = loop.values
steps = [torch.randn(9, values[n].width) for n in loop.inputs]
fixed = [torch.randn(values[n].shape) for n in loop.fixed]
states = [torch.randn(3, values[n].width) for n in loop.states]
engines = NativeEngine(), EagerEngine()
one, other = (engine.run(loop, steps, fixed, states, [3, 3, 2, 1], False) for engine in engines)
for x, y in zip(one.outputs, other.outputs):
    torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-5)
print(_engine.level())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_threads_of_its_own() -> None:
    run = SharedOut()
    torch.set_num_threads(1)
    out = torch.empty(1000, 300)
    child = os.fork()
    if child == 0:
        os._exit(0 if (run(out).numpy() == run.expected).all() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (run(out).numpy() == run.expected).all()


def test_several_callers_at_once() -> None:
    run = SharedOut()
    torch.set_num_threads(1)
    rooms = [torch.empty(1000, 300) for _ in range(64)]
    with ThreadPoolExecutor(8) as callers:
        assert all((out.numpy() == run.expected).all() for out in callers.map(run, rooms))
