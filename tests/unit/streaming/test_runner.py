"""What runs a model piece by piece: natively where it can be, and with the same answers as torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from recurra.cells import LSTM
from recurra.errors import Fault
from recurra.layers import Bidirectional, Recurrent
from recurra.layers.pooling import LastPool
from recurra.models import ManyToOne, Regressor, Tagger, TokenEmbedding, WordFeatures, Words
from recurra.streaming.runner import one_step, runner, streaming

pytest.importorskip("recurra.engines.native._engine", reason="the native library is not installed")


def _words() -> WordFeatures:
    torch.manual_seed(0)
    return WordFeatures(TokenEmbedding(9, 5), shapes=4, shape_size=3)


def _words_of(steps: int) -> Words:
    generator = torch.Generator().manual_seed(1)
    return Words(*(torch.randint(size, (1, steps), generator=generator) for size in (9, 4)))


def _tagger() -> nn.Module:
    return Tagger(_words(), Recurrent(LSTM(8, 6)), 3)


def _regressor() -> nn.Module:
    return Regressor(ManyToOne(_words(), Recurrent(LSTM(8, 6)), LastPool(6), 2), 2)


@pytest.mark.parametrize("make", [_tagger, _regressor])
def test_words_become_features_and_then_all_is_native(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = make(), _words_of(6)
    native = runner(model, 1)
    assert native.path.startswith("native: ")
    assert "what WordFeatures makes of a piece, by torch: " in native.path
    monkeypatch.setenv("RECURRA_ENGINE", "eager")
    plain = runner(model, 1)
    assert plain.path == "torch, step by step: RECURRA_ENGINE is 'eager'"
    with torch.no_grad():
        expected, _ = plain.feed(x, plain.initial_state(1))
        y, state = native.feed(Words(x.ids[:, :4], x.shapes[:, :4]), native.initial_state(1))
        torch.testing.assert_close(y, expected[:, :4], rtol=2e-5, atol=1e-5)
        y, _ = native.feed(Words(x.ids[:, 4:], x.shapes[:, 4:]), state)
        torch.testing.assert_close(y, expected[:, 4:], rtol=2e-5, atol=1e-5)


def test_a_step_goes_on_from_a_state_of_torch() -> None:
    torch.manual_seed(0)
    model = Recurrent(LSTM(4, 5)).eval()
    x = torch.randn(3, 6, 4)
    with torch.no_grad():
        whole, _ = model(x)
        _, state = model(x[:, :3])
        step = one_step(runner(model, 3))
        for t in range(3, 6):
            y, state = step(x[:, t], state)
            torch.testing.assert_close(y, whole[:, t], rtol=2e-5, atol=1e-5)


def test_the_words_for_it() -> None:
    model = Recurrent(LSTM(4, 5)).train()
    assert streaming(model).startswith("native: Recurrent: one native call a step or block")
    assert model.training
    assert streaming(model.double()).startswith("torch, step by step: ")
    both = Bidirectional(Recurrent(LSTM(4, 5)), Recurrent(LSTM(4, 5), reverse=True))
    assert streaming(both).startswith("not at all: Bidirectional needs the whole row")
    with pytest.raises(Fault, match="no step"):
        runner(nn.Linear(2, 3), 1)
