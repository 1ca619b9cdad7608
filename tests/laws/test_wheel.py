"""What an installed wheel has to do: both native parts are there and load, and layers run on them.

Whoever builds a release runs this file against each wheel; here it is run against the checkout.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

import recurra
from recurra.cells import GRU, LSTM, VanillaRNN
from recurra.engines.native import _engine
from recurra.layers import Recurrent
from recurra.vectors import _vectors


def test_both_native_parts_load() -> None:
    assert _engine.level().startswith(("x86-64", "neon", "plain"))
    assert _vectors.__name__.endswith("_vectors")


@pytest.mark.parametrize("cell", [VanillaRNN, GRU, LSTM])
def test_layers_train_on_the_native_engine(cell: type[recurra.Cell]) -> None:
    torch.manual_seed(0)
    layer = Recurrent(cell(3, 5))
    x = torch.randn(2, 7, 3)
    assert "native" in str(recurra.explain(layer))
    with recurra.strict():
        y, _ = layer(x)
        y.sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in layer.parameters())


@pytest.mark.parametrize("command", [["--version"], ["cells"], ["recipes"], ["env", "--json"]])
def test_the_command_answers(command: list[str]) -> None:
    run = subprocess.run([sys.executable, "-m", "recurra", *command], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip()
