"""Drawings: read, checked, and as steps of a pen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from recurra.data import Examples, check_lengths, columns
from recurra.errors import Fault
from recurra.models.outputs.strokes import PENS
from recurra.models.stroke_model import READ
from recurra.ragged import Ragged
from recurra.storage.text import parse_json
from recurra.tasks.parts.sources import SourceOptions

END = PENS.index("ends")


class DrawOptions(SourceOptions):
    """Drawings.

    Attributes:
        column: holds one drawing an example, `[T, 3]`: dx, dy, and 1 where the pen is lifted after the step.
        batch_size: drawings a batch.
        max_length: steps; a longer drawing is an error.
    """

    column: str = "vectors"
    batch_size: int = Field(default=64, ge=1)
    max_length: int = Field(default=2000, ge=1)


class Steps(NamedTuple):
    """Drawings in the network's unit.

    Attributes:
        inputs: `[N, 5]`, what is read: nothing, then each step but the last.
        steps, pens: `[N, 2]` and `[N]`, what is predicted.
    """

    inputs: Ragged
    steps: Tensor
    pens: Tensor


def read_drawings(examples: Examples, options: DrawOptions) -> tuple[list[Tensor], list[str]]:
    """The drawings `[T, 3]` of a table, and notes on those left out."""
    drawings = columns.vectors(examples, options.column)
    lengths = [len(drawing) for drawing in drawings]
    indices, notes = check_lengths(lengths, examples.places, empty="skip", longest=options.max_length)
    for index in indices:
        drawing, place = drawings[index], examples.places[index]
        if drawing.shape[1] != 3:
            raise Fault(f"{place}: {drawing.shape[1]} numbers a step found, expected 3: dx, dy, lifted")
        wrong = ((drawing[:, 2] != 0) & (drawing[:, 2] != 1)).nonzero()
        if len(wrong):
            step = int(wrong[0])
            raise Fault(
                f"{place}: lifted = {float(drawing[step, 2]):g} found at step {step + 1}, expected 0 or 1"
            )
    return [drawings[index] for index in indices], [str(note) for note in notes]


def drawing_of(item: Any) -> Tensor:
    """A list of [dx, dy, lifted] (or JSON text of one) as a drawing `[T, 3]`."""
    expected = "a list of [dx, dy, lifted], lifted 0 or 1"
    try:
        drawing = torch.tensor(
            parse_json(item, "item") if isinstance(item, str) else item, dtype=torch.float32
        )
    except (ValueError, TypeError, RuntimeError, OverflowError):
        raise Fault(f"{item!r} found, expected {expected}") from None
    if drawing.dim() != 2 or drawing.shape[1] != 3 or not len(drawing):
        raise Fault(f"numbers of shape {list(drawing.shape)} found, expected {expected}")
    if not bool(((drawing[:, 2] == 0) | (drawing[:, 2] == 1)).all()):
        raise Fault(f"{item!r} found, expected {expected}")
    return drawing


def as_steps(drawings: Sequence[Tensor], scale: float) -> Steps:
    """Drawings `[T, 3]` as what is read and what is predicted."""
    rows = [network_steps(drawing, scale, ends=True) for drawing in drawings]
    inputs = [torch.cat([row.new_zeros(1, READ), row[:-1]]) for row in rows]
    targets = Ragged.from_list(rows).data
    return Steps(Ragged.from_list(inputs), targets[:, :2], targets[:, 2:].argmax(-1))


def network_steps(drawing: Tensor, scale: float, ends: bool) -> Tensor:
    """`[T, 3]` in the data's unit -> `[T, 5]` in the network's; the last step may end the drawing."""
    pens = drawing[:, 2].long()
    if ends:
        pens = torch.cat([pens[:-1], torch.full((1,), END)])
    return torch.cat([drawing[:, :2] / scale, F.one_hot(pens, len(PENS)).float()], 1)


def independent_nats(steps: Steps) -> float:
    """Nats a step of one normal distribution and fixed shares of the pens, fitted to these very steps."""
    covariance = torch.cov(steps.steps.double().T, correction=0)
    moves = 1 + math.log(2 * math.pi) + 0.5 * float(torch.logdet(covariance))
    shares = torch.bincount(steps.pens, minlength=len(PENS)).double() / len(steps.pens)
    return moves - float(torch.xlogy(shares, shares).sum())
