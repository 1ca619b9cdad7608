"""What the inspections of a step say of networks that are built to be told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import recurra.nn
from recurra import Recurrent, cells
from recurra.cells import Cell
from recurra.errors import Fault
from recurra.inspect import Clamped, gates, jacobian, probes, roads, truncation
from recurra.inspect.properties import inside_quotes, position_in_line
from recurra.inspect.visits import walks
from recurra.ragged import Ragged
from tests.laws.user_cells import Both, TenLines

IN, HIDDEN, STEPS = 3, 8, 40


def scaled(scale: float, kind: str = "identity") -> Cell:
    cell = cells.VanillaRNN(IN, HIDDEN, kind)
    with torch.no_grad():
        cell.hidden.weight.copy_(scale * torch.eye(HIDDEN))
    return cell


class LastState(nn.Module):
    """A number a row from the last state of a layer."""

    def __init__(self, layer: nn.Module, width: int = HIDDEN) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1])[:, 0]  # type: ignore[no-any-return]


def loss(model: Any, x: Tensor) -> Tensor:
    return model(x).square()  # type: ignore[no-any-return]


# the Jacobian


@pytest.mark.parametrize(("scale", "topic"), [(0.5, "vanishing"), (1.2, "exploding"), (1.0, "gradient")])
def test_powers_of_a_scaled_identity(scale: float, topic: str) -> None:
    x = torch.randn(3, STEPS, IN)
    layer = jacobian(scaled(scale), x).layers[0]
    assert layer.products.keys() == {1, 2, 4, 8, 16, 32}
    for steps, values in layer.products.items():
        torch.testing.assert_close(values, torch.full_like(values, scale**steps), rtol=1e-5, atol=0)
    assert layer.weights == {"hidden.weight": pytest.approx(scale)}
    torch.testing.assert_close(layer.radius, torch.full_like(layer.radius, scale))
    (finding,) = jacobian(scaled(scale), torch.randn(3, 64, IN)).findings()
    assert finding.topic == topic
    assert (finding.gravity == "healthy") == (topic == "gradient")
    if scale < 1:
        assert layer.reach == pytest.approx(6.64, abs=0.1)  # 0.5 ** 6.64 is 1 %


def test_a_rotation_has_a_complex_pair_of_size_1() -> None:
    cell = cells.VanillaRNN(IN, 2, "identity")
    with torch.no_grad():
        cell.hidden.weight.copy_(0.9 * torch.tensor([[0.6, -0.8], [0.8, 0.6]]))
    layer = jacobian(cell, torch.randn(2, 10, IN)).layers[0]
    torch.testing.assert_close(layer.radius, torch.full_like(layer.radius, 0.9))


def test_wide_weights_are_taken_apart() -> None:
    cell = cells.LSTM(IN, HIDDEN)
    names = jacobian(cell, torch.randn(2, 10, IN)).layers[0].weights
    assert list(names) == [f"hidden.weight {k} of 4" for k in (1, 2, 3, 4)]
    block = cell.hidden.weight[HIDDEN : 2 * HIDDEN].detach().double()
    assert names["hidden.weight 2 of 4"] == pytest.approx(float(torch.linalg.eigvals(block).abs().max()))


def test_a_reset_cuts_the_gradient() -> None:
    layer = Recurrent(scaled(1.0))
    flags = torch.zeros(1, STEPS, dtype=torch.bool)
    flags[0, 20] = True

    def call(model: Any, x: Tensor) -> Any:
        return model(x, resets=flags)

    x = torch.randn(1, STEPS, IN)
    inspection = jacobian(layer, x, call=call).layers[0]
    assert float(inspection.singular[20]) == 0.0
    assert float(inspection.products[32].max()) == 0.0
    own = roads(layer, x, call=call).layers[0].own[0, :, 0]
    assert float(own[19]) == pytest.approx(1.0)
    assert float(own[20]) == 0.0


def test_every_layer_of_a_model_is_told_by_its_name() -> None:
    model = nn.ModuleDict({"rnn": recurra.nn.LSTM(IN, 4, num_layers=2, bidirectional=True, batch_first=True)})

    def call(model: Any, x: Tensor) -> Any:
        return model["rnn"](x)

    names = [layer.title for layer in jacobian(model, torch.randn(2, 6, IN), call=call).layers]
    assert names[:2] == ["rnn layer 0 (LSTM)", "rnn layer 0 reverse (LSTM)"]
    assert len(names) == 4


def test_a_drop_in_is_told_with_its_own_weights() -> None:
    torch.manual_seed(1)
    own = recurra.nn.GRU(IN, HIDDEN, batch_first=True)
    x = torch.randn(2, 12, IN)
    (walk,) = walks(own, x)
    torch.testing.assert_close(
        walk.y.float(), Ragged.from_dense(own(x)[0].detach()).data, rtol=1e-4, atol=1e-5
    )


# bad input


@pytest.mark.parametrize("inspect", [jacobian, roads, gates])
def test_a_model_without_a_recurrent_layer(inspect: Callable[..., Any]) -> None:
    with pytest.raises(Fault, match="no recurrent layer of Recurra ran"):
        inspect(nn.Linear(IN, 2), torch.randn(2, 5, IN))


def test_a_state_that_is_not_finite_is_told_with_its_step_and_leaf() -> None:
    x = torch.randn(3, 6, IN)
    x[1, 4, 0] = float("nan")
    with pytest.raises(Fault, match=r"state h is nan after step 4 of row 1"):
        jacobian(Recurrent(cells.GRU(IN, 4)), x)
    with pytest.raises(Fault, match=r"after step 4 of row 1"):
        gates(Recurrent(cells.GRU(IN, 4), reverse=True), x)


# roads


def test_the_forget_gates_are_the_road_through_c() -> None:
    cell = cells.LSTM(IN, HIDDEN, forget_bias=1.0).double()
    x = torch.randn(3, 12, IN, dtype=torch.float64)
    (layer,) = roads(cell, x).layers
    (walk,) = walks(cell, x)
    c = layer.leaves.index("c")
    torch.testing.assert_close(layer.own[c], layer.gates["c"], rtol=1e-9, atol=1e-12)
    forget = (walk.cell.input(walk.x) + walk.cell.hidden(walk.states.h)).chunk(4, -1)[1].sigmoid()  # type: ignore[operator]
    product = forget.reshape(12, 3, HIDDEN).prod(0)
    torch.testing.assert_close(layer.gates["c"][12], product.square().mean(1).sqrt().detach())
    shares = layer.shares(5)
    torch.testing.assert_close(shares.sum(1), torch.ones(2, dtype=torch.float64))


@pytest.mark.parametrize("name", ["gru", "cho_gru", "light_gru", "simplified_gru", "coupled_lstm"])
def test_gates_are_the_whole_road_without_recurrent_weights(name: str) -> None:
    cell = cells.CELLS[name](IN, HIDDEN).double()
    with torch.no_grad():
        for part, weight in cell.named_parameters():
            if not part.startswith("input"):
                weight.zero_()
    (layer,) = roads(cell, torch.randn(2, 8, IN, dtype=torch.float64)).layers
    leaf = next(iter(layer.gates))
    torch.testing.assert_close(layer.own[layer.leaves.index(leaf)], layer.gates[leaf], rtol=1e-9, atol=1e-12)


# truncation


def test_what_lies_further_back_is_hidden() -> None:
    x = torch.zeros(1, 60, IN)
    x[:, 5] = 3.0  # all that weights of the input see
    model = LastState(Recurrent(scaled(1.0)))
    inspection = truncation(model, x, loss, steps=35)
    assert inspection.weights["layer.cell.input.weight"].truncated == 0.0
    assert inspection.weights["layer.cell.input.weight"].hidden == 1.0
    assert inspection.weights["head.weight"].hidden == pytest.approx(0.0, abs=1e-6)
    assert truncation(model, x, loss, steps=60).findings()[0].gravity == "healthy"


def test_a_network_that_forgets_hides_nothing() -> None:
    (finding,) = truncation(LastState(Recurrent(scaled(0.3))), torch.randn(4, 60, IN), loss).findings()
    assert finding.gravity == "healthy"
    assert finding.numbers["hidden"] < 1e-3


def test_a_loss_without_the_layer_is_told() -> None:
    model = LastState(Recurrent(scaled(0.3)))

    def apart(model: Any, x: Tensor) -> Tensor:
        model(x)
        return model.head.weight.sum()  # type: ignore[no-any-return]

    (finding,) = truncation(model, torch.randn(2, 50, IN), apart).findings()
    assert "does not depend on any recurrent weight" in finding.text
    with pytest.raises(Fault, match="steps is 0"):
        truncation(model, torch.randn(2, 50, IN), loss, steps=0)
    with pytest.raises(Fault, match="no recurrent layer"):
        truncation(nn.Linear(IN, 1), torch.randn(2, 50, IN), lambda model, x: model(x).sum())


# gates


class Written(Both):
    """Names of every kind."""

    def more(self, hidden_size: int) -> None:
        self.wide = nn.Linear(hidden_size, 2 * hidden_size)

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        keep, add = self.wide(h).sigmoid().chunk(2, -1)
        new = torch.tanh(total)
        return keep * h + add * new


def test_gates_are_called_as_in_the_source() -> None:
    (layer,) = gates(Written(IN, HIDDEN), torch.randn(2, 9, IN)).layers
    assert [(gate.name, gate.kind, gate.width) for gate in layer.gates] == [
        ("keep", "sigmoid", HIDDEN),
        ("add", "sigmoid", HIDDEN),
        ("new", "tanh", HIDDEN),
    ]
    assert [gate.carries for gate in gates(TenLines(IN, HIDDEN), torch.randn(2, 9, IN)).layers[0].gates] == [
        "h"
    ]
    assert [gate.name for gate in gates(cells.GRU(IN, 4), torch.randn(2, 9, IN)).layers[0].gates] == [
        "r",
        "z",
        "n",
    ]


def test_stuck_units_are_told() -> None:
    cell = cells.VanillaRNN(IN, HIDDEN)
    with torch.no_grad():
        cell.input.bias += 10
    inspection = gates(cell, torch.randn(4, 20, IN))
    assert str(inspection).startswith("VanillaRNN: 8 of 8 units of h never leave saturation over 80 steps")
    (finding,) = gates(cells.VanillaRNN(IN, HIDDEN), torch.randn(4, 20, IN)).findings()
    assert finding.gravity == "healthy"


def test_memory_is_what_the_forget_gate_says() -> None:
    cell = cells.LSTM(IN, HIDDEN)
    with torch.no_grad():
        for weight in cell.parameters():
            weight.zero_()
        cell.input.bias[HIDDEN : 2 * HIDDEN] = torch.logit(torch.tensor(0.9))
    (layer,) = gates(cell, torch.randn(2, 9, IN)).layers
    torch.testing.assert_close(
        layer.memory["c"], torch.full((HIDDEN,), 10.0, dtype=torch.float64), rtol=1e-4, atol=0
    )


def test_a_row_is_chosen_and_its_tokens_fit() -> None:
    rows = Ragged.from_list([torch.randn(3, IN), torch.randn(5, IN), torch.randn(0, IN)])
    (layer,) = gates(cells.GRU(IN, 4), rows, row=0, tokens="abc").layers
    assert layer.tokens == ("a", "b", "c")
    assert layer.traces["state h"].shape == (3, 4)
    for row, words in ((2, "has no step"), (3, "there is no row 3")):
        with pytest.raises(Fault, match=words):
            gates(cells.GRU(IN, 4), rows, row=row)
    with pytest.raises(Fault, match="tokens has 2 names, expected 5"):
        gates(cells.GRU(IN, 4), rows, tokens="ab")


# probes


class Carrying(Cell):
    """Unit 2 takes over the first number of x, the others are noise of it."""

    State = cells.VanillaRNN.State

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, hidden_size)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        h = torch.tanh(self.input(x)) * 0.1 + 0.01 * state.h
        h = torch.cat([h[:, :2], x[:, :1] + 0 * h[:, 2:3], h[:, 3:]], -1)
        return h, self.State(h)


def test_a_unit_that_carries_a_property_is_named_and_missed() -> None:
    mark = (torch.rand(20, 15) < 0.4).float()
    x = torch.cat([mark[..., None], torch.randn(20, 15, IN - 1)], -1)
    layer = Recurrent(Carrying(IN, HIDDEN))

    def error(model: Any, x: Tensor) -> Tensor:
        return (model(x)[0][..., 2] - x[..., 0]).square().mean()  # type: ignore[no-any-return]

    noise = torch.rand(20, 15) < 0.5
    inspection = probes(layer, x, {"mark": mark, "noise": noise}, loss=error, units=1)
    found = {each.name: each for each in inspection.properties}
    assert found["mark"].probe.score == 1.0
    assert found["mark"].units == (("h", 2),)
    assert found["mark"].loss == 0.0
    assert found["mark"].without == pytest.approx(float(mark.mean()))
    assert found["mark"].at_random == 0.0
    assert found["noise"].probe.gain < 0.25


def test_a_number_is_read_by_ridge_regression_of_ragged_and_reversed_rows() -> None:
    rows = [torch.randn(length, IN) for length in (4, 0, 9, 6, 7, 5, 8)]
    x = Ragged.from_list(rows)
    for layer in (Recurrent(Carrying(IN, HIDDEN)), Recurrent(Carrying(IN, HIDDEN), reverse=True)):
        inspection = probes(layer, x, {"first": [row[:, 0] for row in rows]}, units=1)
        assert inspection.properties[0].probe.score > 0.9
        assert inspection.properties[0].units == (("h", 2),)


def test_clamped_units_are_zero() -> None:
    cell = Clamped(cells.LSTM(IN, HIDDEN), {"h": [1], "c": [0, 3]})
    with torch.no_grad():
        y, state = Recurrent(cell)(torch.randn(2, 6, IN))
    assert float(y[..., 1].abs().max()) == 0.0
    assert float(state.c[:, [0, 3]].abs().max()) == 0.0
    assert float(state.c[:, 1].abs().min()) > 0.0
    with pytest.raises(Fault, match="units 0 to 7"):
        Clamped(cells.LSTM(IN, HIDDEN), {"h": [8]})


def test_properties_of_a_text() -> None:
    assert inside_quotes('a"b"c').tolist() == [0, 1, 1, 0, 0]
    assert position_in_line("ab\ncd").tolist() == [0, 1, 2, 0, 1]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (torch.zeros(5), "has 5 numbers, expected 30"),
        (torch.zeros(3, 10), "one value alone"),
        (torch.full((3, 10), float("nan")), "has no value"),
        (inside_quotes, "pass tokens"),
    ],
)
def test_a_property_that_does_not_fit(values: Any, words: str) -> None:
    with pytest.raises(Fault, match=words):
        probes(cells.GRU(IN, 4), torch.randn(3, 10, IN), {"p": values})


# what all have


@pytest.mark.parametrize("dark", [False, True])
def test_pictures_and_numbers(dark: bool) -> None:
    x = torch.randn(3, 12, IN)
    cell = cells.LSTM(IN, 4)
    model = LastState(Recurrent(cell), 4)
    for inspection in (
        jacobian(cell, x),
        roads(cell, x),
        gates(cell, x),
        truncation(model, x, loss, steps=4),
        probes(cell, x, {"sign": x[..., 0] > 0}),
    ):
        json.dumps(inspection.to_dict(), allow_nan=False)
        assert str(inspection).splitlines()[0] == inspection.findings()[0].text
        for caption, picture in inspection.pictures(dark):
            assert caption
            assert picture.startswith(b"\x89PNG")
