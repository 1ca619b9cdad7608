"""A row among others gives what it gives alone: no padding, no neighbour and no order reaches it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra import scan
from recurra.loop.plan import plan_of
from recurra.ragged import Ragged
from tests.laws.table import CELLS, build, features
from tests.laws.table_modules import MODULES, build_module

LENGTHS = (2, 0, 5, 1, 5, 3)


def assert_alike(one: Any, other: Any) -> None:
    """Trees of tensors agree; in double, a sum in another order alone is left."""
    if isinstance(one, Tensor):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for name in one:
            assert_alike(one[name], other[name])
    else:
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_alike(a, b)


@pytest.mark.parametrize("name", MODULES)
def test_modules(name: str, engine: str) -> None:
    module, example = build_module(name), MODULES[name]
    rows = example.rows(*LENGTHS)
    with torch.no_grad():
        together = example.run(module, rows)
        assert len(together) == len(rows)
        for row, found in zip(rows, together, strict=True):
            assert_alike(found, example.run(module, [row])[0])


@pytest.mark.parametrize("name", CELLS)
def test_cells(name: str, engine: str) -> None:
    cell = build(name)
    rows = features(*LENGTHS, size=cell.input_size)
    with torch.no_grad():
        together, _ = scan(cell, Ragged.from_list(rows), reverse=True)
        for row, found in zip(rows, together.to_list(), strict=True):
            assert_alike(found, scan(cell, row.unsqueeze(0), reverse=True)[0][0])


@pytest.mark.parametrize("name", ["lstm", "row-wise", "cumulative"])
def test_no_row_reaches_another_in_training(name: str, engine: str) -> None:
    cell = build(name).train()
    rows = [row.requires_grad_() for row in features(3, 4, 2)]
    y, _ = scan(cell, Ragged.from_list(rows))
    touched = torch.autograd.grad(y.to_list()[1].sum(), rows, allow_unused=True, materialize_grads=True)
    assert [bool(gradient.any()) for gradient in touched] == [False, True, False]


def test_no_work_is_done_on_padding() -> None:
    seen: list[int] = []
    cell = build("cumulative")
    cell.input.register_forward_hook(lambda module, args, made: seen.append(len(made)))
    assert plan_of(cell).program is None
    scan(cell, Ragged.from_list(features(2, 0, 5, 1)))
    assert sum(seen) == 8
