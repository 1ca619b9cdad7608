"""The layer that makes steps fewer."""

from __future__ import annotations

import pytest
import torch

from recurra.cells import GRU
from recurra.errors import Fault
from recurra.layers import Downsample, Recurrent, Stack
from recurra.ragged import Ragged


def test_neighbouring_steps_become_one() -> None:
    rows = [torch.randn(n, 2) for n in (4, 0, 7, 2, 6)]
    y, _ = Downsample(2, 3)(Ragged.from_list(rows))
    for row, got in zip(rows, y.to_list(), strict=True):
        count = len(row) // 3
        assert torch.equal(got, row[: 3 * count].reshape(count, 6))


def test_dense_rows_and_stacks_take_it_too() -> None:
    dense = torch.randn(2, 7, 2)
    assert torch.equal(Downsample(2, 3)(dense)[0], dense[:, :6].reshape(2, 2, 6))
    assert Downsample(2, 3)(dense[:0])[0].shape[0] == 0
    y, _ = Stack(Recurrent(GRU(2, 4)), Downsample(4, 3), Recurrent(GRU(12, 5)))(dense)
    assert y.shape == (2, 2, 5)


def test_it_has_no_single_step() -> None:
    with pytest.raises(Fault, match="can't run step by step"):
        Downsample(2, 3).step(torch.zeros(1, 2), None)
    with pytest.raises(Fault, match="factor is 0"):
        Downsample(2, 0)
