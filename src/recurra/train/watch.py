"""What a training tells of its recurrent layers every so many steps: how far a gradient reaches back, whether
units still move, and how large the updates are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import median

import torch
from torch import Tensor, nn

from recurra.loop.owners import named_runs
from recurra.loop.reach import reach_of, steps_back
from recurra.loop.watch import RunNorms, watching
from recurra.train.options import TrainOptions

DEAD = 1e-4
"""A unit whose outputs differ by no more than this over a whole batch is dead, unless it is saturated."""
SATURATED = 0.99
"""A unit is saturated at a step where its output is beyond this, and is called so where that is at
SATURATED_SHARE of a batch's steps."""
SATURATED_SHARE = 0.95
MOST_STEPS = 1000
"""A row is looked at this far back from its end."""


class GradientWatch:
    """Of a training of one model.

    A gradient of length 1 is sent back from the end of each row through one layer at a time, whatever the
    loss: a loss at every step would hide how far a single one reaches.
    """

    def __init__(self, options: TrainOptions, model: nn.Module) -> None:
        self.options, self.model = options, model
        self._steps = self._clipped = 0
        self._weights: dict[str, Tensor] = {}
        self._numbers: dict[str, float] = {}
        self._silent = False

    def remark(self) -> str:
        """After a step that was looked at: what the person should know, once; else empty."""
        if self._numbers or self._silent:
            return ""
        self._silent = True
        return "train.watch: no recurrent layer of Recurra's ran: it tells the size of updates alone"

    def due(self, step: int) -> bool:
        """Whether this step (the first is 1) is looked at."""
        return step % self.options.watch_every == 0

    @contextmanager
    def forward(self) -> Iterator[None]:
        """Around the forward pass of such a step."""
        self._numbers = {}
        with watching(outputs=True) as watch, named_runs(self.model, watch) as runs:
            yield
        for name, run in runs:
            if " run " not in name and run.output is not None and run.output.requires_grad:
                self._numbers.update({f"{name}/{what}": value for what, value in _of_run(run).items()})

    def count(self, norm: float) -> None:
        """Each step: the norm of its gradient before it was clipped."""
        limit = self.options.clip_norm
        self._steps += 1
        self._clipped += limit is not None and norm > limit

    def keep_weights(self) -> None:
        """Before the update of a step that is looked at."""
        self._weights = {
            name: weight.detach().clone()
            for name, weight in self.model.named_parameters()
            if weight.grad is not None
        }

    def numbers(self) -> Mapping[str, float]:
        """After that update: all there is to tell, by name; what is no finite number is left out."""
        ratios: dict[str, list[float]] = {}
        for name, weight in self.model.named_parameters():
            if name in self._weights:
                size = float(self._weights[name].norm())
                change = float((weight.detach() - self._weights[name]).norm())
                if size > 0:
                    ratios.setdefault(_group(name), []).append(change / size)
        numbers = {
            **self._numbers,
            **{f"update_ratio/{group}": median(values) for group, values in ratios.items()},
        }
        if self.options.clip_norm is not None and self._steps:
            numbers["clipped"] = self._clipped / self._steps
        self._steps = self._clipped = 0
        self._weights = {}
        return {name: value for name, value in numbers.items() if math.isfinite(value)}


def _group(name: str) -> str:
    """The layer that a weight belongs to: its name without its own and the cell's last parts."""
    return ".".join(part for part in name.split(".")[:-2]) or name.split(".")[0]


def _of_run(run: RunNorms) -> dict[str, float]:
    assert run.output is not None
    units = run.output.detach()
    places = run.ends
    if not len(places):
        return {}
    # the same direction at each step of a training, so that its numbers are comparable
    direction = torch.linspace(-1, 1, units.shape[1], dtype=units.dtype, device=units.device) + 0.1
    sent = torch.zeros_like(units).index_copy(
        0, places, (direction / direction.norm()).expand(len(places), -1)
    )
    torch.autograd.grad(
        run.output, list(run.first_state.values()), sent, retain_graph=True, allow_unused=True
    )
    reach, growth = -1, math.nan
    for table in run.norms.values():
        back = steps_back(table, run.lengths)[: MOST_STEPS + 1]
        norms = back.masked_fill(~back.isfinite(), math.nan).nanmedian(1).values.tolist()
        leaf = reach_of(norms, back.isfinite().sum(1).tolist())
        if leaf.steps > reach:
            reach, growth = leaf
    spread = units.amax(0) - units.amin(0)
    saturated = (units.abs() > SATURATED).to(units.dtype).mean(0) >= SATURATED_SHARE
    dead = (spread <= DEAD) & ~saturated
    return {
        "reach": float(reach),
        "growth": growth,
        "dead": float(dead.double().mean()),
        "saturated": float(saturated.double().mean()),
    }
