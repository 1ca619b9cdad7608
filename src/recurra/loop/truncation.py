"""Back-propagation through time that stops: the state is cut off from the graph every so many steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from recurra.cells.base import Cell
from recurra.loop.checkpoint import segments
from recurra.loop.interception import Passage, intercepting
from recurra.state import map_state


@dataclass
class Truncation:
    """What ran over time inside `truncating`.

    Attributes:
        steps: after so many steps the state is cut off.
        cells: of every run.
        lengths: the longest row of every run, in steps.
    """

    steps: int
    cells: list[Cell] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    def over(self, passage: Passage) -> tuple[Tensor, Any]:
        """The run in segments: values as ever, and no gradient from one segment into the one before it.

        A row that a segment does not reach yet, or that is over, keeps its state's graph.
        """
        run, state = passage.run, passage.state
        self.cells.append(passage.cell)
        self.lengths.append(len(run.batch_sizes))
        if len(run.batch_sizes) <= self.steps:
            return passage.own(run, state)
        pieces: list[Tensor] = []
        previous = 0
        for part in segments(run, self.steps):
            going_on = min(previous, part.batch_sizes[0])
            state = map_state(
                lambda leaf, count=going_on: torch.cat([leaf[:count].detach(), leaf[count:]]), state
            )
            own = run._replace(x=run.x[part.places], batch_sizes=part.batch_sizes, flags=part.flags)
            y, state = passage.own(own, state)
            pieces.append(y)
            previous = part.batch_sizes[0]
        return torch.cat(pieces[::-1] if run.reverse else pieces), state


@contextmanager
def truncating(steps: int) -> Iterator[Truncation]:
    """Inside, in this thread, every run over time is back-propagated through `steps` steps at most: its state
    is cut off from the graph every so many steps (truncated back-propagation; Williams and Peng, 1990).

    Runs that torch has recorded in a graph are not seen.
    """
    truncation = Truncation(steps)
    with intercepting(truncation.over):
        yield truncation
