"""What the tests of the command line share: tiny data, recipes, and what a command said."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

TRAIN = "[train]\nepochs = 2\ntensorboard = false\noptimiser = { name = 'AdamW', lr = 0.01 }\n"
TEXT = "the cat sat on the mat.\nthe dog sat on the log.\na cat and a dog met.\n" * 12
LANGUAGE = """
task = "language_model"
data = { train = "text.txt", batch_size = 4, window = 16 }
model = { embedding = 8, hidden = 12 }
"""
SENTIMENT = """
task = "classify"
data = { train = "rows.csv", tokens = "text", hold_out = 0.25 }
model = { embedding = 6, hidden = 6 }
"""
ROWS = "text,label\n" + "so good,yes\nvery bad,no\ngood film,yes\nbad film,no\n" * 6


OWN_CELL = """
from typing import NamedTuple

import torch
from torch import Tensor, nn
from recurra import Cell, cell

class State(NamedTuple):
    h: Tensor

@cell("my_own_cell")
class Mine(Cell):
    State = State

    def __init__(self, input_size, hidden_size):
        self.both = nn.Linear(input_size + hidden_size, hidden_size)

    def step(self, x, state):
        h = torch.tanh(self.both(torch.cat([x, state.h], -1)))
        return h, State(h)
"""


class Said(NamedTuple):
    """What a command left: its exit code and its lines."""

    code: int
    out: list[str]
    error: list[str]


Command = Callable[..., Said]


def told(said: Said) -> str:
    """The one line of a fault."""
    assert said.code == 2
    assert not said.out
    (line,) = said.error
    assert line.startswith("recurra: ")
    return line
