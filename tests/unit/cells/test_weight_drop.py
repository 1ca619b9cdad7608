from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recurra.cells import GRU, LSTM, Cell, WeightDrop
from recurra.errors import Fault
from recurra.loop.plan import plan_of
from recurra.loop.scan import scan
from recurra.ragged import Ragged
from recurra.registry import from_config, to_config


class Seen(Cell):
    """Shows its weight as its output; opaque, if wanted, by asking a number's value."""

    State = GRU.State

    def __init__(self, input_size: int, hidden_size: int, opaque: bool) -> None:
        self.hidden = nn.Linear(1, hidden_size, bias=False)
        self.opaque = opaque

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        shift = float(x.sum().item()) if self.opaque else 0.0
        h = self.hidden(torch.ones_like(x)) + shift + 0 * state.h
        return h, self.State(h)


@pytest.mark.parametrize("opaque", [False, True])
def test_one_mask_for_a_run_and_another_for_the_next(opaque: bool) -> None:
    cell = WeightDrop(Seen(1, 200, opaque), 0.4)
    assert (plan_of(cell).program is None) == opaque
    x = Ragged.from_list([torch.zeros(n, 1) for n in (3, 5)])
    first, second = scan(cell, x)[0].data, scan(cell, x)[0].data
    for run in (first, second):
        assert (run == run[0]).all(), "the mask changed within a run"
        assert 0.25 < float((run[0] == 0).float().mean()) < 0.55
    assert not torch.equal(first[0] == 0, second[0] == 0)
    mask = first[0] != 0
    whole = cell.eval().cell.hidden.weight[:, 0]
    torch.testing.assert_close(first[0][mask], whole[mask] / 0.6)
    torch.testing.assert_close(scan(cell, x)[0].data[0], whole)


def test_the_undropped_weight_learns() -> None:
    cell = WeightDrop(LSTM(3, 8), 0.5)
    y, _ = scan(cell, torch.randn(2, 6, 3))
    y.sum().backward()
    gradients = {name: weight.grad for name, weight in cell.named_parameters()}
    original = gradients["cell.hidden.parametrizations.weight.original"]
    assert all(gradient is not None and bool(gradient.any()) for gradient in gradients.values())
    assert original is not None
    assert 0.3 < float((original == 0).float().mean()) < 0.7, "dropped numbers get no gradient, others do"


def test_other_names_and_copies() -> None:
    cell = WeightDrop(LSTM(3, 4), 0.3, names=["input.weight", "hidden.weight", "hidden.bias"])
    x = torch.randn(2, 5, 3)
    for again in (copy.deepcopy(cell), from_config(to_config(cell))):
        again.load_state_dict(cell.state_dict())
        torch.testing.assert_close(scan(again.eval(), x)[0], scan(cell.eval(), x)[0])
    assert not torch.equal(scan(cell.train(), x)[0], scan(cell.train(), x)[0])


@pytest.mark.parametrize(
    ("rate", "names", "message"),
    [(1.0, ["hidden.weight"], "rate is 1.0"), (0.5, ["hiden.weight"], "did you mean 'hidden.weight'")],
)
def test_what_does_not_fit_is_told(rate: float, names: list[str], message: str) -> None:
    with pytest.raises(Fault, match=message):
        WeightDrop(LSTM(3, 4), rate, names)
