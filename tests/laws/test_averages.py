"""A model whose weights are swapped for their mean, and back, runs with the weights it has: nothing packed of
the others is left."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from recurra import Stepper, Stream, scan
from recurra.layers import Recurrent
from recurra.tasks.base import Score
from recurra.train.averages import Averages
from recurra.train.options import Averaging
from tests.laws.loops import assert_same, by_hand, by_scan
from tests.laws.table import REGISTERED, build, features
from tests.laws.table_modules import MODULES


def averages_of(model: nn.Module) -> Averages:
    """A mean that differs from the weights."""
    averages = Averages(Averaging(name="ema"), model, Score("s", True), planned=9, per_epoch=1)
    own = {name: weight.clone() for name, weight in model.state_dict().items()}
    with torch.no_grad():
        for step in (1, 2):
            averages.finish("step", step, 0)
            for weight in model.parameters():
                weight.mul_(1.5)
        model.load_state_dict(own)
    return averages


@pytest.mark.parametrize("name", REGISTERED)
def test_cells(name: str, engine: str) -> None:
    cell = build(name)
    rows, state = features(4, 2, size=cell.input_size), cell.initial_state(2)
    averages = averages_of(cell)
    torch.manual_seed(1)
    first = by_scan(cell, rows, state)
    with averages.swapped():
        mean = by_scan(cell, rows, cell.initial_state(2))
        assert_same(mean, by_hand(cell, rows, cell.initial_state(2)))
    if list(cell.parameters()):
        assert not all(map(torch.equal, mean[0], first[0]))
    for one, other in zip(by_scan(cell, rows, cell.initial_state(2))[0], first[0], strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", MODULES)
def test_weights_come_back(name: str) -> None:
    torch.manual_seed(0)
    model = MODULES[name].build()
    own = {name: weight.clone() for name, weight in model.state_dict().items()}
    averages = averages_of(model)
    with averages.swapped():
        moved = [n for n, weight in model.named_parameters() if not torch.equal(weight, own[n])]
        nothing = {n for n, weight in model.named_parameters() if not weight.any()}
        assert {n for n, _ in model.named_parameters()} == {*moved, *nothing}
    assert all(torch.equal(weight, own[name]) for name, weight in model.state_dict().items())


def test_streams() -> None:
    layer = Recurrent(build("lstm", torch.float32))
    stream, x, averages = Stream(layer), torch.randn(5, 3), averages_of(layer)

    def answers() -> list[torch.Tensor]:
        stream.reset()
        packed = Stepper(layer.cell).block(x.numpy()[None])
        return [stream.feed(x), torch.from_numpy(packed)[0]]

    with torch.no_grad():
        first = answers()
        with averages.swapped():
            wanted = torch.stack(by_hand(layer.cell, [x], layer.cell.initial_state(1))[0])[0]
            for mean in answers():
                torch.testing.assert_close(mean, wanted, rtol=1e-4, atol=1e-5)
        assert all(map(torch.equal, answers(), first))
        assert not torch.allclose(first[0], wanted)
        torch.testing.assert_close(scan(layer.cell, x[None])[0][0], first[0])
