"""The cell that remembers its last inputs."""

from __future__ import annotations

import pytest
import torch

from recurra.cells import InputWindow
from recurra.errors import Fault
from recurra.layers import Recurrent


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_it_reads_its_last_inputs_and_zeros_ahead_of_the_row(steps: int) -> None:
    window = InputWindow(3, 4, steps=steps)
    x = torch.randn(2, 6, 3)
    y, _ = Recurrent(window)(x)
    padded = torch.cat([torch.zeros(2, steps - 1, 3), x], 1)
    windows = padded.unfold(1, steps, 1).flip(-1).transpose(2, 3).flatten(2)
    torch.testing.assert_close(y, torch.tanh(window.input(windows)))


def test_what_lies_further_back_changes_nothing() -> None:
    layer = Recurrent(InputWindow(2, 4, steps=3))
    x = torch.randn(1, 8, 2)
    other = x.clone()
    other[:, :5] = 7.0
    difference = (layer(x)[0] - layer(other)[0]).abs().amax(-1)[0]
    assert (difference[:7] > 0).all()
    assert difference[7] == 0


def test_a_window_of_nothing_is_refused() -> None:
    with pytest.raises(Fault, match="steps is 0, expected at least 1"):
        InputWindow(2, 4, steps=0)
