"""A step that can't be traced still runs, as its own plain loop does, and the reason is told in one line."""

from __future__ import annotations

import random
import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

import recurra
from recurra import cells, scan
from recurra.loop.plan import plan_of
from tests.laws.unread_steps import STEPS

ROUNDED = ("GroupNorm",)
"""Of groups of two numbers torch's own gradient in float32 is 1e-4 off, ours is nearer to that in float64."""
_FOREIGN = ("FakeTensor", "has no attribute", "Proxy", "meta", "\n")


def by_hand(cell: cells.Cell, x: Tensor) -> Tensor:
    outputs, state = [], cell.initial_state(len(x))
    for step in x.unbind(1):
        y, state = cell.step(step, state)
        outputs.append(y)
    return torch.stack(outputs, 1)


def seeded(run: Any, cell: cells.Cell, x: Tensor) -> list[Tensor]:
    """y, and where it has them, the gradients of the weights."""
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    y = run(cell, x)
    weights = [weight for weight in cell.parameters() if weight.requires_grad]
    try:
        found = torch.autograd.grad(y.square().sum(), weights, allow_unused=True)
    except RuntimeError as error:
        if "inplace operation" not in str(error):
            raise
        return [y]  # writing over what the backward pass needs is no fault of ours
    return [y, *(torch.zeros_like(w) if g is None else g for w, g in zip(weights, found, strict=True))]


@pytest.mark.parametrize("name", STEPS)
def test_it_runs_as_by_hand(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own of what is old, and of sparse tensors
        twins = []
        for _ in range(2):
            torch.manual_seed(0)
            twins.append(STEPS[name](3, 4).eval())
        x = torch.randn(3, 5, 3)
        wanted = seeded(by_hand, twins[0], x)
        found = seeded(lambda cell, x: scan(cell, x)[0], twins[1], x)
        near = (1e-3, 1e-4) if name in ROUNDED else (1e-4, 1e-5)
        for one, other in zip(found, wanted, strict=True):
            torch.testing.assert_close(one, other, rtol=near[0], atol=near[1])
        reason = plan_of(twins[1]).reason
        assert not any(word in reason for word in _FOREIGN)
        assert len(reason) < 400
        text = str(recurra.explain(twins[1]))
        assert ("runs by itself in Python" in text) == bool(reason)


class Hidden(NamedTuple):
    h: Tensor


class Raising(cells.Cell):
    """A fault of the step's own, at its second step."""

    State = Hidden

    def __init__(self, input_size: int, hidden_size: int, error: type[Exception]) -> None:
        self.linear = torch.nn.Linear(input_size, hidden_size)
        self.error = error

    def step(self, x: Tensor, state: Hidden) -> tuple[Tensor, Hidden]:
        if x.sum() > 100:
            raise self.error("of the step")
        h = torch.tanh(self.linear(x) + state.h)
        return h, Hidden(h)


@pytest.mark.parametrize(
    "error",
    [KeyError, AttributeError, StopIteration, RuntimeError, AssertionError, TypeError, NotImplementedError],
)
def test_an_error_of_the_step_is_the_step_s(error: type[Exception]) -> None:
    cell = Raising(3, 4, error)
    x = torch.zeros(2, 4, 3)
    scan(cell, x)
    x[0, 2] = 1000.0
    with pytest.raises(error, match="of the step"):
        scan(cell, x)


def test_a_reason_names_the_line_of_the_step() -> None:
    reason = plan_of(STEPS["Assert"](3, 4)).reason
    assert "unread_steps.py, line" in reason
    assert "assert torch.isfinite(a).all()" in reason


def test_reading_a_step_draws_no_number_of_python_s() -> None:
    cell = STEPS["RandomScale"](3, 4)
    random.seed(3)
    np.random.seed(3)
    before = random.getstate(), np.random.get_state()[1].tolist()
    assert "draws numbers from Python's random" in plan_of(cell).reason
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before
