"""Rates of noise for the fields of a state."""

from __future__ import annotations

from recurra.cells.base import Cell
from recurra.errors import Fault, nearest
from recurra.state import named_leaves


def share(what: str, rate: float) -> float:
    if not 0 <= rate < 1:
        raise Fault(f"{what} is {rate}, expected a share from 0 to below 1")
    return float(rate)


def shares(cell: Cell, rate: float | dict[str, float], only_first: bool) -> dict[str, float]:
    """Field -> share. A single number means every field, or the first alone (the hidden state by custom)."""
    names = list(named_leaves(cell.initial_state(1)))
    if isinstance(rate, dict):
        for name in rate:
            if name not in names:
                raise Fault(f"{type(cell).__name__} has no state called {name!r}{nearest(name, names)}")
        return {name: share(name, held) for name, held in rate.items()}
    return dict.fromkeys(names[:1] if only_first else names, share("rate", rate))
