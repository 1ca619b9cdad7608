"""A step over matrices is its own plain loop on every engine, in streams, and whatever the thread count."""

from __future__ import annotations

import pytest
import torch

from recurra import scan
from recurra.cells import NTM
from recurra.layers import Recurrent
from recurra.loop.plan import plan_of
from recurra.state import named_leaves
from recurra.streaming import Stepper
from tests.laws.loops import assert_same, by_hand, by_scan, random_state
from tests.laws.matrices import Matrices
from tests.laws.table import features

LENGTHS = (4, 0, 2, 5)


def generated(seed: int) -> Matrices:
    torch.manual_seed(seed)
    return Matrices(seed).double()


@pytest.mark.parametrize("seed", range(40))
def test_each_is_its_own_loop(seed: int, engine: str) -> None:
    cell = generated(seed)
    print(cell.text)
    assert not plan_of(cell).reason
    rows = [row.requires_grad_() for row in features(*LENGTHS)]
    state = random_state(cell, len(rows))
    flags = [torch.rand(len(row)) < 0.3 for row in rows] if seed % 2 else None
    inputs = [*rows, *named_leaves(state).values(), *cell.parameters()]
    reverse = seed % 3 == 0
    one, other = (way(cell, rows, state, reverse, flags) for way in (by_scan, by_hand))
    assert_same(one, other, inputs)


@pytest.mark.parametrize("seed", range(8))
def test_a_stepper_is_the_loop(seed: int) -> None:
    cell = generated(100 + seed).float()
    model = Recurrent(cell).eval()
    x = torch.randn(3, 6, 3)
    with torch.no_grad():
        expected, final = model(x)
    stepper = Stepper(model, streams=3)
    for t in range(6):
        y = torch.from_numpy(stepper.step(x[:, t].numpy()))
        torch.testing.assert_close(y, expected[:, t], rtol=1e-4, atol=1e-5)
    for name, leaf in named_leaves(final).items():
        assert stepper.state[name].shape == leaf.shape
        torch.testing.assert_close(torch.from_numpy(stepper.state[name]), leaf, rtol=1e-4, atol=1e-5)
    stepper.load_state(stepper.state)


def test_a_machine_gives_the_same_bits_on_any_number_of_threads() -> None:
    torch.manual_seed(0)
    cell = NTM(3, 12, slots=24, width=10)
    x = torch.randn(9, 7, 3)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 8):
            torch.set_num_threads(threads)
            y, final = scan(cell, x)
            shares = torch.autograd.grad(y.square().sum() + final.memory.sum(), list(cell.parameters()))
            results.append([y, *named_leaves(final).values(), *shares])
    finally:
        torch.set_num_threads(before)
    for others in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], others, strict=True))
