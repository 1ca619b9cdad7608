"""Runs of a network over problems, drawn: what it sees and says, and where its heads are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.cells import NTM
from recurra.errors import Fault
from recurra.models.step_answers import StepAnswers
from recurra.storage.colours import colours
from recurra.storage.figures import new_figure
from recurra.tasks.algorithm.model import machine
from recurra.tasks.algorithm.problems import Problem, Rows
from recurra.tasks.parts.contexts import device_of, evaluating

MOST_RUNS = 4
"""Side by side in one picture."""
_MARGIN = 4  # slots shown beyond those that a head was at
_SEEN = 0.05  # a slot with less weight than this all the time is not where a head was


def draw_runs(model: StepAnswers, problem: Problem, rows: Sequence[Rows], dark: bool = False) -> Any:
    """A column a row, time from left to right: input, target, answer, and of a Neural Turing Machine the
    weights of each head over the slots.

    Raises:
        Fault: nothing to draw, or more than `MOST_RUNS` rows.
    """
    if not 0 < len(rows) <= MOST_RUNS:
        raise Fault(f"{len(rows)} rows found, a picture has 1 to {MOST_RUNS}")
    tint = colours(dark)
    panels = [_panels(model, problem, row) for row in rows]
    steps = max(row.x.shape[1] for row in rows)
    names = list(panels[0])
    shares = [max(panel[name].shape[0] for panel in panels) ** 0.5 for name in names]
    wide = min(0.09 * steps + 1.6, 12.0)
    figure = new_figure(wide * len(rows), 0.33 * sum(shares) + 0.32 * len(names) + 0.5)
    figure.set_facecolor(tint.ground)
    grid = figure.subplots(len(names), len(rows), squeeze=False, sharex="col", height_ratios=shares)
    for column, panel in enumerate(panels):
        for axes, name in zip(grid[:, column], names, strict=True):
            _draw(axes, panel[name], name if column == 0 else "", tint)
        grid[-1, column].set_xlabel("step", color=tint.ink, fontsize=8)
    return figure


def _draw(axes: Any, numbers: Tensor, name: str, tint: Any) -> None:
    axes.set_facecolor(tint.ground)
    signed = bool((numbers < 0).any())
    low, map_name = (-1.0, tint.poles) if signed else (0.0, tint.ramp)
    axes.imshow(
        numbers.tolist(),
        aspect="auto",
        interpolation="nearest",
        cmap=map_name,
        vmin=low,
        vmax=1.0,
        origin="upper",
    )
    axes.set_ylabel(name, color=tint.ink, fontsize=8, rotation=0, ha="right", va="center")
    axes.tick_params(labelsize=7, colors=tint.ink, length=2)
    if len(numbers) <= 12:
        axes.set_yticks([])
    for side in axes.spines.values():
        side.set_color(tint.grey)


def _panels(model: StepAnswers, problem: Problem, row: Rows) -> dict[str, Tensor]:
    """Name -> `[lines, T]`, from 0 to 1 or -1 to 1."""
    x = row.x.to(device_of(model))
    with evaluating(model):
        scores = model(x)[0][0].cpu()
        outputs = scores.sigmoid() if problem.answer == "bits" else scores
        if problem.answer == "class":
            outputs = scores.softmax(-1)
        panels = {"input": row.x[0].T, "target": row.targets[0].T, "answer": (outputs * row.mask[:, None]).T}
        cell = machine(model)
        if cell is not None:
            panels.update(_places(cell, model.input(x)))
    return panels


def _places(cell: NTM, x: Tensor) -> dict[str, Tensor]:
    """Where each head is at every step: `[slots, T]`, of the slots that any head of its kind was at."""
    state, steps = cell.initial_state(1), []
    for t in range(x.shape[1]):
        _, state = cell.step(x[:, t], state)
        steps.append((state.write_at[0], state.read_at[0]))
    panels = {}
    for kind, heads in zip(("written", "read"), zip(*steps, strict=True), strict=True):
        over_time = torch.stack(heads, -1).cpu()  # [heads, slots, T]
        places = (over_time.amax((0, 2)) > _SEEN).nonzero()
        last = min(int(places.max()) + _MARGIN, over_time.shape[1]) if len(places) else over_time.shape[1]
        for k, head in enumerate(over_time):
            panels[f"{kind} {k + 1}" if len(over_time) > 1 else kind] = head[:last]
    return panels
