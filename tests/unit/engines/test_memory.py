"""Large arrays within the engine: memory is kept from run to run, and given out to one at a time."""

from __future__ import annotations

import gc

import pytest
import torch

pytest.importorskip("recurra.engines.native._engine")

from recurra.engines.native import memory as native_memory
from recurra.engines.native.memory import LARGE, MOST_FREE, empty_rows, free_bytes

LIKE = torch.empty(0)
ROWS = LARGE // 4 // 64


@pytest.fixture(autouse=True)
def _none_kept():
    gc.collect()
    native_memory._free.clear()
    yield
    native_memory._free.clear()


def test_memory_is_given_out_again_once_nothing_shows_it() -> None:
    first = empty_rows(LIKE, ROWS, 64)
    address, part = first.data_ptr(), first[1:3]
    del first
    assert empty_rows(LIKE, ROWS, 64).data_ptr() != address
    del part
    gc.collect()
    assert empty_rows(LIKE, ROWS, 64).data_ptr() == address


def test_two_arrays_in_use_share_nothing() -> None:
    one, other = empty_rows(LIKE, ROWS, 64).fill_(1), empty_rows(LIKE, ROWS, 64).fill_(2)
    assert bool((one == 1).all())
    assert bool((other == 2).all())


def test_a_bounded_amount_is_kept() -> None:
    rows = MOST_FREE // 3 // 4 // 64
    arrays = [empty_rows(LIKE, rows, 64) for _ in range(5)]
    del arrays
    gc.collect()
    assert 0 < free_bytes() <= MOST_FREE


def test_small_arrays_come_from_torch_and_doubles_stay_doubles() -> None:
    assert empty_rows(LIKE, 3, 5).shape == (3, 5)
    assert free_bytes() == 0
    assert empty_rows(LIKE.double(), ROWS, 64).dtype == torch.float64
