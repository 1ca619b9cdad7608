from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from recurra.errors import Fault
from recurra.layers import Bidirectional, Recurrent, Stack, from_torch
from recurra.registry import from_config, to_config
from recurra.state import named_leaves

MODULES: dict[str, tuple[type[nn.RNNBase], dict[str, Any], type]] = {
    "rnn": (nn.RNN, {"nonlinearity": "relu"}, Recurrent),
    "gru": (nn.GRU, {"bidirectional": True}, Bidirectional),
    "gru_plain": (nn.GRU, {"bias": False, "num_layers": 2}, Stack),
    "lstm": (nn.LSTM, {"num_layers": 3, "bidirectional": True, "dropout": 0.3}, Stack),
    "lstm_projected": (nn.LSTM, {"proj_size": 2, "num_layers": 2}, Stack),
}


@pytest.mark.parametrize("name", MODULES)
def test_weights_load_unchanged_and_give_the_same_outputs(name: str) -> None:
    kind, options, expected = MODULES[name]
    module = kind(4, 5, batch_first=True, dtype=torch.float64, **options).eval()
    layer = from_torch(module)
    assert type(layer) is expected
    assert not layer.training
    x = torch.randn(3, 6, 4, dtype=torch.float64)
    theirs, final = module(x)
    ours, state = layer(x)
    torch.testing.assert_close(ours, theirs)
    h = final[0] if isinstance(final, tuple) else final
    leaves = [leaf for leaf_name, leaf in named_leaves(state).items() if leaf_name.split(".")[-1] == "h"]
    torch.testing.assert_close(torch.stack(leaves), h)
    assert sum(w.numel() for w in layer.parameters()) == sum(w.numel() for w in module.parameters())
    assert from_config(to_config(layer)).train(False)(x.float())[0].shape == theirs.shape


def test_the_copy_is_a_copy() -> None:
    module = nn.GRU(4, 5)
    layer = from_torch(module)
    x = torch.randn(2, 3, 4)
    y, _ = layer(x)
    nn.init.zeros_(module.weight_ih_l0)
    torch.testing.assert_close(layer(x)[0], y, rtol=0, atol=0)


@pytest.mark.parametrize(
    "module",
    [
        nn.RNNCell(4, 5),
        nn.RNNCell(4, 5, nonlinearity="relu", bias=False),
        nn.GRUCell(4, 5),
        nn.LSTMCell(4, 5),
    ],
    ids=str,
)
def test_cells_become_layers(module: nn.RNNCellBase) -> None:
    layer = from_torch(module)
    x = torch.randn(2, 3, 4)
    y, _ = layer(x)
    state = None
    for t in range(3):
        state = module(x[:, t], state)
        h = state[0] if isinstance(state, tuple) else state
        torch.testing.assert_close(y[:, t], h)


def test_other_modules_are_refused() -> None:
    with pytest.raises(Fault, match="Linear is none of torch.nn's"):
        from_torch(nn.Linear(2, 3))
