"""Large arrays within the engine: memory is kept from run to run, and given out to one at a time."""

from __future__ import annotations

import errno
import gc
import mmap
from typing import Any

import pytest
import torch

pytest.importorskip("recurra.engines.native._engine")

from recurra import cells
from recurra.engines.native import memory as native_memory
from recurra.engines.native.memory import LARGE, MOST_FREE, empty_rows, free_bytes
from recurra.layers import Recurrent

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


def test_larger_memory_is_given_out_where_none_fits_exactly() -> None:
    large = empty_rows(LIKE, 2 * ROWS, 64)
    address = large.data_ptr()
    del large
    gc.collect()
    small = empty_rows(LIKE, ROWS, 64)
    assert small.data_ptr() == address
    del small
    gc.collect()
    again = empty_rows(LIKE, 2 * ROWS, 64)
    assert (again.data_ptr(), free_bytes()) == (address, 0)


def test_what_is_too_small_is_given_up_for_what_is_needed() -> None:
    small = [empty_rows(LIKE, ROWS, 64) for _ in range(3)]
    del small
    gc.collect()
    kept = free_bytes()
    large = empty_rows(LIKE, 2 * ROWS, 64)
    assert free_bytes() == kept - large.nbytes


def test_batches_of_mixed_length_keep_less_than_twice_what_the_largest_takes() -> None:
    for rows in (8 * ROWS, 3 * ROWS, 5 * ROWS, 2 * ROWS, 7 * ROWS, 4 * ROWS, 6 * ROWS):
        empty_rows(LIKE, rows, 64)
        gc.collect()
    assert free_bytes() < 2 * 8 * LARGE


@pytest.mark.parametrize("refused", ["madvise", "mmap"])
def test_a_kernel_that_refuses(refused: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One without huge pages, or with no more memory maps: the arrays come all the same."""

    class Maps(mmap.mmap):
        def __new__(cls, *args: Any, **options: Any) -> Maps:
            if refused == "mmap":
                raise OSError(errno.ENOMEM, "Cannot allocate memory")
            return super().__new__(cls, *args, **options)

        def madvise(self, *args: Any) -> None:
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(mmap, "mmap", Maps)
    rows = empty_rows(LIKE, ROWS, 64).fill_(1)
    assert rows.sum() == ROWS * 64
    layer = Recurrent(cells.GRU(64, 64))
    y, _ = layer(torch.randn(8, 200, 64))
    y.sum().backward()
    assert all(
        weight.grad is not None and bool(weight.grad.isfinite().all()) for weight in layer.parameters()
    )


def test_small_arrays_come_from_torch_and_doubles_stay_doubles() -> None:
    assert empty_rows(LIKE, 3, 5).shape == (3, 5)
    assert free_bytes() == 0
    assert empty_rows(LIKE.double(), ROWS, 64).dtype == torch.float64
