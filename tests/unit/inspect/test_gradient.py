"""How far back a loss reaches: verdicts of networks that vanish, explode and hold, and bad input."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import recurra.nn
from recurra import cells
from recurra.errors import Fault
from recurra.inspect import GradientInspection, gradient
from recurra.layers import Bidirectional, Recurrent, Stack
from recurra.ragged import Ragged

STEPS = 40


class Model(nn.Module):
    """A layer and an answer from its last output."""

    def __init__(self, layer: nn.Module, width: int = 8) -> None:
        super().__init__()
        self.rnn = layer
        self.answer = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.answer(self.rnn(x)[0][:, -1])


def squared(model: nn.Module, x: Tensor) -> Tensor:
    """One loss a row."""
    return model(x).square().sum(1)


def vanilla(factor: float) -> Model:
    """The recurrent weights are so many times the identity, and there is little else."""
    cell = cells.VanillaRNN(3, 8, nonlinearity="relu", bias=False)
    with torch.no_grad():
        cell.hidden.weight.copy_(factor * torch.eye(8))
        cell.input.weight.abs_()
    return Model(Recurrent(cell))


def inspected(factor: float, distance: int | None = None) -> GradientInspection:
    return gradient(vanilla(factor), torch.rand(6, STEPS, 3), squared, distance=distance)


def test_vanishing() -> None:
    for seed in range(5):
        torch.manual_seed(seed)
        result = inspected(0.5)
        leaf = result.layers[0].leaves[0]
        assert leaf.reach == 6
        assert leaf.growth == pytest.approx(0.5)
        assert leaf.half_life == pytest.approx(1.0)
        (finding,) = result.findings()
        assert (finding.topic, finding.gravity) == ("vanishing", "warning")
        assert str(result).startswith("the gradient falls to 1 % after 7 steps (0.5 a step): it vanishes")


def test_the_answer_lies_further_back() -> None:
    text = str(inspected(0.5, distance=30))
    assert text.startswith(
        "the gradient falls to 1 % after 7 steps; the answer lies 30 steps back: an LSTM with"
    )
    (finding,) = inspected(0.9, distance=30).findings()
    assert finding.gravity == "healthy"
    assert "the answer lies 30 steps back, where 0.042 times the gradient at the end arrives" in finding.text


def test_exploding() -> None:
    (finding,) = inspected(1.2).findings()
    assert (finding.topic, finding.gravity) == ("exploding", "warning")
    assert finding.numbers["factor"] == pytest.approx(1.2**STEPS, rel=0.01)
    assert "clip its norm" in finding.text


def test_healthy() -> None:
    result = inspected(1.0)
    (finding,) = result.findings()
    assert finding.gravity == "healthy"
    assert finding.text == "healthy: 40 steps back the gradient is still 1 times what it is at the end"
    assert result.layers[0].leaves[0].half_life > 1e6


def test_slowly_falling_is_no_warning() -> None:
    (finding,) = inspected(0.85).findings()
    assert finding.gravity == "note"
    assert "it halves every 4.3" in finding.text


def test_percentiles_over_ragged_rows() -> None:
    """Rows of 3, 1 and 5 steps: no number comes from where a row has no step."""
    model = vanilla(0.5)

    def last(model: Any, x: Ragged) -> Tensor:
        y, _ = model.rnn(x)
        return torch.stack([row[-1].sum() for row in y.to_list()])

    x = Ragged.from_list([torch.rand(length, 3) for length in (3, 1, 5)])
    leaf = gradient(model, x, last).layers[0].leaves[0]
    assert leaf.rows == (3, 3, 2, 2, 1, 1)
    assert leaf.median == pytest.approx([8**0.5 * 0.5**d for d in range(6)])
    assert leaf.low == pytest.approx(leaf.high)


def test_names_of_layers() -> None:
    stack = Stack(
        Recurrent(cells.GRU(3, 4)),
        Bidirectional(Recurrent(cells.GRU(4, 4)), Recurrent(cells.LSTM(4, 4), reverse=True)),
    )
    x = torch.randn(2, 9, 3)
    layers = gradient(Model(stack), x, squared).layers
    assert [(layer.name, layer.cell) for layer in layers] == [
        ("rnn.layers.0", "GRU"),
        ("rnn.layers.1.forward_layer", "GRU"),
        ("rnn.layers.1.backward_layer", "LSTM"),
    ]
    drop_in = recurra.nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)
    names = [layer.name for layer in gradient(Model(drop_in), x, squared).layers]
    assert names == ["rnn l0", "rnn l0_reverse", "rnn l1", "rnn l1_reverse"]


def test_a_layer_that_runs_the_other_way() -> None:
    """Where the loss is of the last step it sees one step of such a layer; of the first one, all."""
    layer = Recurrent(cells.GRU(3, 8), reverse=True)
    x = torch.randn(4, 12, 3)
    (finding,) = gradient(Model(layer), x, squared).findings()
    assert finding.gravity == "note"
    assert "the gradient is 0 from 1 steps back on" in finding.text
    first = gradient(Model(layer), x, lambda model, x: model.rnn(x)[0][:, 0].sum()).layers[0]
    assert first.reverse
    assert len(first.leaves[0].median) == 13
    assert first.leaves[0].first > 0


def test_weights_and_their_gradients_stay() -> None:
    model, x = vanilla(0.9), torch.rand(2, 5, 3, requires_grad=True)
    squared(model, x).sum().backward()
    expected = [(weight.clone(), weight.grad.clone()) for weight in (*model.parameters(), x)]
    gradient(model, x, squared)
    for tensor, (value, grad) in zip((*model.parameters(), x), expected, strict=True):
        assert torch.equal(tensor, value)
        assert torch.equal(tensor.grad, grad)
    assert not model.rnn._forward_hooks


def test_to_dict_is_json_and_pictures_are_png() -> None:
    result = gradient(Model(Recurrent(cells.LSTM(3, 8))), torch.randn(3, 9, 3), squared, distance=5)
    table = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    leaves = table["layers"][0]["leaves"]
    assert list(leaves) == ["h", "c"]
    assert len(leaves["c"]["median"]) == 10
    for dark in (False, True):
        ((caption, png),) = result.pictures(dark)
        assert caption == "rnn (LSTM)"
        assert png.startswith(b"\x89PNG")


# bad input


def test_without_a_recurrent_layer() -> None:
    with pytest.raises(Fault, match="Linear: no recurrent layer of Recurra's ran with gradients: "):
        gradient(nn.Linear(3, 1), torch.rand(2, 3), lambda model, x: model(x).sum())
    with pytest.raises(Fault, match=r"no recurrent layer .* outside of torch.no_grad"):
        gradient(vanilla(1.0), torch.rand(2, 4, 3), lambda model, x: _without_gradients(model, x))


def _without_gradients(model: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return squared(model, x)


@pytest.mark.parametrize("loss", [3.0, torch.zeros(2, 2), torch.tensor(3), None])
def test_a_loss_that_is_no_number(loss: Any) -> None:
    with pytest.raises(Fault, match="the loss is .*, expected a number, or one for each row"):
        gradient(vanilla(1.0), torch.rand(2, 4, 3), lambda model, x: loss)


def test_a_loss_without_a_gradient() -> None:
    with pytest.raises(Fault, match="it has no gradient"):
        gradient(vanilla(1.0), torch.rand(2, 4, 3), lambda model, x: model(x).sum().detach())


@pytest.mark.parametrize("distance", [0, 1.5, True, 41])
def test_a_distance_that_is_none(distance: Any) -> None:
    with pytest.raises(Fault, match="distance is "):
        inspected(1.0, distance)


def test_a_loss_that_looks_at_no_state() -> None:
    model = vanilla(1.0)
    result = gradient(
        model, torch.rand(2, 4, 3), lambda model, x: 0 * model(x).sum() + model.answer.bias.sum()
    )
    (finding,) = result.findings()
    assert finding.gravity == "warning"
    assert finding.text == "the loss does not depend on h: its gradient is 0 at every step"
    result.pictures()
    json.dumps(result.to_dict(), allow_nan=False)


class Cut(torch.autograd.Function):
    """Hands a number on as it is, and as its gradient something else."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, number: float) -> Tensor:
        ctx.number = number
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return torch.full_like(gradient, ctx.number), None


@pytest.mark.parametrize(("number", "word"), [(math.nan, "NaN"), (math.inf, "infinite")])
def test_no_number_on_the_way(number: float, word: str) -> None:
    """The gradient by the output of step 5 of 8, of row 1 alone: from there on nothing is a number."""

    def loss(model: Any, x: Tensor) -> Tensor:
        y, _ = model.rnn(x)
        return model.answer(y[:, -1]).sum() + Cut.apply(y[1, 4], number).sum()

    result = gradient(vanilla(0.5), torch.rand(3, 8, 3), loss)
    finding = result.findings()[0]
    assert finding.gravity == "warning"
    assert finding.text.startswith(f"the gradient by h is {word} from 3 steps before the end on (row 1)")
    assert len(result.layers[0].leaves[0].median) == 9
    json.dumps(result.to_dict(), allow_nan=False)


def test_a_loss_that_is_nan() -> None:
    model = vanilla(1.0)
    with torch.no_grad():
        model.rnn.cell.input.weight[0, 0] = math.nan
    text = str(gradient(model, torch.rand(2, 4, 3), squared))
    assert text.startswith("the loss is nan: the weight rnn.cell.input.weight is NaN")
