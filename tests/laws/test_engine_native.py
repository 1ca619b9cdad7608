"""The native engine gives the plain loop's numbers: in float32, at any size, with any number of threads."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.cells import CELLS, Cell
from recurra.engines import EagerEngine, LoopResult, choose
from recurra.loop.plan import plan_of
from recurra.program import Loop
from tests.laws.generated import Generated
from tests.laws.table import REGISTERED, TRACED, build

native = pytest.importorskip("recurra.engines.native.engine", reason="the native library is not built")

LENGTHS = (5, 5, 3, 1, 1)
SIZED = (
    "vanilla",
    "gru",
    "cho_gru",
    "lstm",
    "peephole_lstm",
    "layer_norm_lstm",
    "light_gru",
    "recurrent_highway",
)


def batch_sizes(lengths: tuple[int, ...]) -> list[int]:
    return [sum(length > t for length in lengths) for t in range(max(lengths))]


class Case:
    """Random arguments of a loop, in double: rows of these lengths, longest first, and one of length 0."""

    def __init__(self, loop: Loop, lengths: tuple[int, ...]) -> None:
        self.loop, self.sizes = loop, batch_sizes(lengths)
        count, rows = sum(self.sizes), len(lengths) + 1
        values = loop.values
        self.steps = [
            torch.full((count, values[n].width), values[n].attrs[0], dtype=torch.float64)
            if values[n].op == "fill"
            else torch.randn(count, values[n].width)
            for n in loop.inputs
        ]
        scale = [max(1, values[n].shape[0]) ** -0.5 if len(values[n].shape) == 2 else 0.5 for n in loop.fixed]
        self.fixed = [torch.randn(values[n].shape) * s for n, s in zip(loop.fixed, scale, strict=True)]
        self.states = [torch.randn(rows, values[n].width) * 0.5 for n in loop.states]
        self.weigh: list[Tensor] = []

    def run(self, engine: Any, dtype: torch.dtype, reverse: bool = False) -> list[Tensor]:
        """Outputs, final states, and the gradients of all arguments."""
        groups = [
            [t.to(dtype, copy=True).requires_grad_() for t in group]
            for group in (self.steps, self.fixed, self.states)
        ]
        result: LoopResult = engine.run(self.loop, *groups, self.sizes, reverse)
        made = [*result.outputs, *result.states]
        if not self.weigh:
            self.weigh = [torch.randn(t.shape) for t in made]
        total = sum((t * w.to(dtype)).sum() for t, w in zip(made, self.weigh, strict=True))
        assert isinstance(total, Tensor)
        constants = {k for k, n in enumerate(self.loop.inputs) if self.loop.values[n].op == "fill"}
        inputs = [t for k, t in enumerate(t for group in groups for t in group) if k not in constants]
        found = torch.autograd.grad(total, inputs, allow_unused=True)
        zeros = [torch.zeros_like(t) if g is None else g for t, g in zip(inputs, found, strict=True)]
        return [t.detach() for t in (*made, *zeros)]


def merged(cell: Cell) -> Loop:
    program = plan_of(cell).program
    assert program is not None
    return program.merged


def assert_close(expected: list[Tensor], found: list[Tensor], tolerance: float) -> None:
    """Each array within `tolerance` of its own largest number: sums of many terms round by their largest."""
    for one, other in zip(expected, found, strict=True):
        if one.numel():
            scale = 1 + one.abs().max().item()
            assert (one - other.to(one.dtype)).abs().max().item() <= tolerance * scale


@pytest.mark.parametrize("name", [*REGISTERED, *TRACED])
def test_it_refuses_only_what_has_no_state(name: str) -> None:
    for training in (False, True):
        program = plan_of(build(name).train(training)).program
        assert program is not None
        refusals = choose(program, torch.zeros(1)).refusals
        expected = {"native": "nothing is carried from step to step"} if name == "memoryless" else {}
        assert refusals == expected


@pytest.mark.parametrize("name", SIZED)
@pytest.mark.parametrize("hidden", [1, 3, 17, 100])
def test_sizes_that_are_no_multiple_of_a_register_block(name: str, hidden: int) -> None:
    loop = merged(CELLS[name](5, hidden).double())
    case = Case(loop, LENGTHS)
    for reverse in (False, True):
        expected = case.run(EagerEngine(), torch.float64, reverse)
        assert_close(expected, case.run(native.NativeEngine(), torch.float64, reverse), 1e-12)
        # each number of a step is right to a few units in the last place; over five steps and their
        # gradients such errors grow by no more than the steps' own slopes
        assert_close(expected, case.run(native.NativeEngine(), torch.float32, reverse), 2e-5)


@pytest.mark.parametrize("lengths", [(1,), (7,), (9,) * 33, tuple(range(40, 0, -1)), (2,) * 1000])
def test_batches_of_any_shape(lengths: tuple[int, ...]) -> None:
    case = Case(merged(CELLS["lstm"](4, 20).double()), lengths)
    for reverse in (False, True):
        expected = case.run(EagerEngine(), torch.float64, reverse)
        assert_close(expected, case.run(native.NativeEngine(), torch.float64, reverse), 1e-12)


@pytest.mark.parametrize("seed", range(60))
def test_random_steps_in_float32(seed: int) -> None:
    torch.manual_seed(seed)
    cell = Generated(1000 + seed, smooth=True).double()  # at a kink float32 may stand on the other side
    case = Case(merged(cell), (4, 2, 2))
    expected = case.run(EagerEngine(), torch.float64)
    assert_close(expected, case.run(native.NativeEngine(), torch.float32), 1e-4)


@pytest.mark.parametrize("name", ["lstm", "layer_norm_lstm", "peephole_lstm"])
@pytest.mark.parametrize("rows", [1, 7, 61])
def test_threads_change_no_bit(name: str, rows: int) -> None:
    # wide enough that every part is shared out
    case = Case(merged(CELLS[name](24, 96)), tuple(range(rows + 20, 20, -1)))
    torch.set_num_threads(1)
    expected = case.run(native.NativeEngine(), torch.float32)
    for threads in range(2, 9):
        torch.set_num_threads(threads)
        for one, other in zip(expected, case.run(native.NativeEngine(), torch.float32), strict=True):
            assert torch.equal(one, other)


def test_ten_thousand_steps() -> None:
    case = Case(merged(CELLS["gru"](3, 5).double()), (10_000, 4))
    expected = case.run(EagerEngine(), torch.float64)
    assert_close(expected, case.run(native.NativeEngine(), torch.float64), 1e-10)


def test_arguments_with_gaps() -> None:
    case = Case(merged(CELLS["lstm"](6, 8).double()), LENGTHS)
    expected = case.run(EagerEngine(), torch.float64)

    def spread(t: Tensor) -> Tensor:
        wide = torch.full((*t.shape[:-1], 2 * t.shape[-1]), float("nan"), dtype=t.dtype)
        wide[..., ::2] = t
        return wide[..., ::2]

    for group in ("steps", "fixed", "states"):
        setattr(case, group, [spread(t) for t in getattr(case, group)])
    assert_close(expected, case.run(native.NativeEngine(), torch.float64), 1e-12)
