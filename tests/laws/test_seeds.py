"""The same seed gives the same numbers, bit for bit, run after run and whatever the number of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from recurra import cells, scan
from recurra.cells import Cell
from recurra.loop.plan import plan_of
from recurra.ragged import Ragged
from recurra.state import named_leaves
from tests.laws.loops import gradients, weights
from tests.laws.table import CELLS, REGISTERED, features


@pytest.fixture(autouse=True)
def _one_thread_again() -> Iterator[None]:
    yield
    torch.set_num_threads(1)


def trained(make: Callable[[], Cell], rows: list[Tensor], threads: int) -> list[Tensor]:
    """Output, states and gradients of a run in training mode."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    cell = make().train()
    torch.manual_seed(1)
    y, state = scan(cell, Ragged.from_list(rows))
    leaves = list(named_leaves(state).values())
    return [y.data, *leaves, *gradients(([y.data.double()], state), weights(cell))]


def assert_equal(one: list[Tensor], other: list[Tensor]) -> None:
    assert len(one) == len(other)
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", CELLS)
def test_again_and_with_more_threads(name: str, engine: str) -> None:
    rows = features(4, 1, 6, 3, dtype=torch.float32)
    first = trained(CELLS[name], rows, 1)
    assert_equal(trained(CELLS[name], rows, 1), first)
    assert_equal(trained(CELLS[name], rows, 3), first)  # small products: torch's too are the same


LARGER: dict[str, Callable[[], Cell]] = {
    "lstm": lambda: cells.LSTM(24, 40),
    "peephole_lstm": lambda: cells.PeepholeLSTM(24, 40),
    "zoneout": lambda: cells.Zoneout(cells.ChoGRU(24, 33)),
    # a product before the loop, of a size at which torch's own rounds differently with more threads
    "layer_norm_gru": lambda: cells.LayerNormGRU(257, 22),
    "layer_norm_lstm": lambda: cells.LayerNormLSTM(24, 40),
    "jordan": lambda: cells.Jordan(24, 40, output_size=30),
}


@pytest.mark.parametrize("name", LARGER)
def test_rows_enough_to_share_out(name: str, engine: str) -> None:
    if engine == "eager":
        pytest.skip("torch's own products of this size round differently with the number of threads")
    size = LARGER[name]().input_size
    torch.manual_seed(3)
    rows = [torch.randn(int(length), size) for length in torch.randint(0, 12, (37,))]
    first = trained(LARGER[name], rows, 1)
    for threads in (2, 3, 4):
        assert_equal(trained(LARGER[name], rows, threads), first)


@pytest.mark.parametrize("name", REGISTERED)
def test_the_first_run_draws_what_later_runs_draw(name: str) -> None:
    """Finding out about a step takes no number from the generator."""
    cell = CELLS[name]().train()
    x = torch.stack(features(3, 3, dtype=torch.float32))
    torch.manual_seed(5)
    first = scan(cell, x)[0]
    torch.manual_seed(5)
    assert torch.equal(scan(cell, x)[0], first)
    state = torch.get_rng_state()
    other = CELLS[name]().train()
    torch.set_rng_state(state)
    assert plan_of(other).program is not None
    assert other.output_size
    assert torch.equal(torch.get_rng_state(), state)


def test_noise_differs_from_step_to_step_and_from_run_to_run() -> None:
    cell = cells.Revealed(cells.Zoneout(cells.VanillaRNN(3, 64), 0.5)).train()
    x = torch.randn(1, 6, 3)
    one, two = (cell.split(scan(cell, x)[0])["h"][0] for _ in range(2))
    kept = one[1:] == one[:-1]  # [5, 64]: which numbers kept their old value
    assert 0.3 < float(kept.float().mean()) < 0.7
    assert not (kept[0] == kept[1]).all()
    assert not (kept == (two[1:] == two[:-1])).all()
