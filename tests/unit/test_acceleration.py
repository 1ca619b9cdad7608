from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

import recurra.nn
from recurra.acceleration import accelerate


class Mine(nn.LSTM):
    def forward(self, input: Any, hx: Any = None) -> Any:
        y, state = super().forward(input, hx)
        return y._replace(data=2 * y.data), state


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 6)
        self.body = nn.LSTM(6, 5, num_layers=2, bidirectional=True)
        self.more = nn.ModuleList([nn.GRU(10, 4), nn.RNN(4, 4), Mine(4, 3), nn.LSTMCell(3, 3)])
        self.head = nn.Linear(3, 7)

    def forward(self, rows: list[Tensor]) -> Tensor:
        packed = pack_sequence([self.embedding(row) for row in rows], enforce_sorted=False)
        packed, _ = self.body(packed)
        for layer in self.more[:3]:
            packed, _ = layer(packed)
        return self.head(packed.data)


def rows() -> list[Tensor]:
    return [torch.randint(20, (n,)) for n in (3, 6, 1)]


def test_an_existing_model_is_swapped_in_place_and_computes_the_same() -> None:
    model = Tagger().double().eval()
    x, calls = rows(), []
    expected = model(x)
    weights = dict(model.named_parameters())
    layer = model.body
    model.more[0].register_forward_hook(lambda *_: calls.append(1))
    report = accelerate(model)
    assert report.swapped == ("body", "more.0", "more.1")
    assert list(report.left) == ["more.2", "more.3"]
    assert "Mine is derived from LSTM" in report.left["more.2"]
    assert "from_torch" in report.left["more.3"]
    assert model.body is layer
    assert type(layer) is recurra.nn.LSTM
    assert not layer.training
    torch.testing.assert_close(model(x), expected)
    assert calls == [1]
    weights_now = dict(model.named_parameters())
    assert weights.keys() == weights_now.keys()
    assert all(weights[name] is weights_now[name] for name in weights)
    assert accelerate(model).swapped == ()


def test_training_goes_on_with_the_optimiser_that_there_was() -> None:
    losses = []
    x = rows()
    for swap in (False, True):
        torch.manual_seed(1)
        model = Tagger().double()
        optimiser = torch.optim.Adam(model.parameters(), 0.01)
        for step in range(4):
            if swap and step == 2:
                accelerate(model)
            optimiser.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimiser.step()
        losses.append(loss.detach())
    torch.testing.assert_close(losses[1], losses[0])


def test_the_report_reads_as_text() -> None:
    text = str(accelerate(Tagger()))
    assert text.startswith("swapped body\nswapped more.0\nswapped more.1\nleft more.2: Mine is derived")
    assert "more.0: GRU 10 -> 4, " in text
    assert str(accelerate(nn.Linear(2, 3))) == "no recurrent layer"
    alone = accelerate(nn.GRU(3, 4))
    assert alone.swapped == ("",)
    assert str(alone).startswith("swapped model\nmodel: GRU 3 -> 4")


def test_a_replaced_forward_is_left() -> None:
    model = nn.Sequential(nn.GRU(3, 4))
    original = model[0].forward
    model[0].forward = lambda *args: original(*args)  # type: ignore[method-assign]
    assert accelerate(model).left == {"0": "its forward was replaced by another function"}
