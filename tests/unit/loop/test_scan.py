"""What `scan` says of itself is what it does."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
import torch
from torch import Tensor

from recurra import Cell, cells, scan
from recurra.state import map_state


def where(flags: Tensor, start: Any, state: Any) -> Any:
    return map_state(lambda fresh, leaf: torch.where(flags[:, None], fresh, leaf), start, state)


def documented() -> Any:
    """The function that the docstring spells out."""
    lines = (scan.__doc__ or "").splitlines()
    first = next(k for k, line in enumerate(lines) if line.strip().startswith("def scan("))
    last = next(k for k, line in enumerate(lines) if k > first and not line.strip())
    names: dict[str, Any] = {"torch": torch, "where": where}
    exec(textwrap.dedent("\n".join(lines[first:last])), names)
    return names["scan"]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    "cell", [cells.GRU(3, 4), cells.LSTM(3, 4), cells.LightGRU(3, 4)], ids=lambda cell: type(cell).__name__
)
def test_the_loop_of_the_docstring(cell: Cell, reverse: bool) -> None:
    x = torch.randn(2, 6, cell.input_size, generator=torch.Generator().manual_seed(0))
    resets = torch.tensor([[False, True, False, False, True, False], [False] * 6])
    plain = documented()
    for options in ({}, {"resets": resets}, {"state": cell.initial_state(2), "resets": resets}):
        y, state = scan(cell, x, reverse=reverse, **options)
        expected, last = plain(cell, x, reverse=reverse, **options)
        torch.testing.assert_close(y, expected)
        torch.testing.assert_close(tuple(state), tuple(last))
