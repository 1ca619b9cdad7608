from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import recurra.nn
from recurra import scan, strict
from recurra.cells import GRU, LSTM, Cell, Zoneout
from recurra.errors import Fault
from recurra.explanation import explain
from recurra.layers import CRF, Bidirectional, Recurrent, Stack
from recurra.ragged import Ragged


class Choosy(Cell):
    State = GRU.State

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, hidden_size)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        h = self.input(x) if float(x.sum().item()) > 0 else state.h
        return h, self.State(h)


class WithOutput(Cell):
    State = GRU.State

    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        self.input = nn.Linear(input_size, hidden_size)
        self.hidden = nn.Linear(hidden_size, hidden_size)
        self.output = nn.Linear(hidden_size, output_size)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        h = torch.tanh(self.input(x) + self.hidden(state.h))
        return self.output(h), self.State(h)


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_ENGINE", "eager")


def test_every_recurrent_layer_is_named_with_what_runs_it() -> None:
    model = nn.ModuleDict(
        {
            "body": Stack(
                Bidirectional(Recurrent(LSTM(3, 4)), Recurrent(GRU(3, 4), reverse=True)), Recurrent(GRU(8, 2))
            ),
            "old": nn.LSTM(3, 4),
            "swapped": recurra.nn.LSTM(3, 4, num_layers=2, bidirectional=True),
            "head": nn.Linear(2, 5),
            "crf": CRF(5),
        }
    )
    report = explain(model)
    assert [(layer.name, layer.cell, layer.engine) for layer in report.layers] == [
        ("body.layers.0.forward_layer", "LSTM 3 -> 4", "eager"),
        ("body.layers.0.backward_layer", "GRU 3 -> 4", "eager"),
        ("body.layers.1", "GRU 8 -> 2", "eager"),
        ("old", "torch.nn.LSTM 3 -> 4", "torch"),
        ("swapped layer 0, both directions", "LSTM 3 -> 4", "eager"),
        ("swapped layer 1, both directions", "LSTM 8 -> 4", "eager"),
        ("crf.recursion", "ForwardRecursion 5 -> 5", "eager"),
    ]
    assert "recurra.accelerate(model)" in str(report)
    assert json.loads(json.dumps(report.to_dict()))["layers"][0]["padding"] == 0


def test_what_leaves_the_loop_has_its_share() -> None:
    (layer,) = explain(Recurrent(WithOutput(10, 20, 30))).layers
    assert layer.name == ""
    assert layer.products == {"before": [[10, 20]], "inside": [[20, 20]], "after": [[20, 30]]}
    # beside the products: a sum and a tanh of 20 numbers inside
    assert layer.shares == pytest.approx({"before": 200 / 1240, "inside": 440 / 1240, "after": 600 / 1240})
    text = str(explain(Recurrent(WithOutput(10, 20, 30))))
    assert "16% before (10x20), 35% inside (20x20), 48% after (20x30)" in text
    assert "padding: none is computed" in text


def test_a_step_that_depends_on_numbers_says_why_it_is_slow() -> None:
    layer = Recurrent(Choosy(3, 4))
    (report,) = explain(layer).layers
    assert (report.engine, report.shares, report.fastest) == ("step", {}, False)
    assert "Python" in report.reason
    assert f"nothing leaves the loop, and each step runs by itself in Python: {report.reason}" in str(
        explain(layer)
    )
    with pytest.raises(Fault, match=r"model \(Choosy 3 -> 4\) is not on the fastest path"):
        explain(layer, strict=True)


def test_a_refusing_engine_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_ENGINE", "")
    layer = Recurrent(GRU(3, 4)).to(torch.bfloat16)
    (report,) = explain(layer).layers
    if report.fastest:
        pytest.skip("every engine here takes bfloat16")
    assert f"not native: {report.refusals['native']}" in str(explain(layer))
    with pytest.raises(Fault, match="is not on the fastest path, it runs on eager: native:"):
        explain(layer, strict=True)


def test_precision_is_the_true_one() -> None:
    layer = Recurrent(GRU(3, 4))
    assert explain(layer).layers[0].precision == "float32"
    assert explain(layer.double()).layers[0].precision == "float64"
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        assert "products rounded (high precision)" in explain(layer.float()).layers[0].precision
    finally:
        torch.set_float32_matmul_precision(precision)


def test_a_cell_around_a_cell_shows_both() -> None:
    assert explain(Recurrent(Zoneout(LSTM(3, 4)))).layers[0].cell == "Zoneout(LSTM) 3 -> 4"


def test_nothing_recurrent() -> None:
    assert str(explain(nn.Linear(2, 3))) == "no recurrent layer"


def test_strict_makes_a_slow_run_a_fault() -> None:
    x = torch.ones(2, 3, 3)
    with strict():
        scan(GRU(3, 4), x)
        recurra.nn.GRU(3, 4)(x)
        with pytest.raises(Fault, match="Choosy would not run on the fastest path"):
            scan(Choosy(3, 4), x)
    scan(Choosy(3, 4), Ragged.from_dense(x))
