"""Piano rolls: read, checked, and as rows of steps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from recurra.data import Examples, check_lengths, columns
from recurra.data.midi import LOWEST
from recurra.errors import Fault
from recurra.ragged import Ragged
from recurra.tasks.held_out import TestedOptions


class ComposeOptions(TestedOptions):
    """Piano rolls.

    Attributes:
        column: holds one roll an example, `[T, keys]` of zeros and ones; the first key is a piano's lowest.
        batch_size: pieces a batch.
        steps_a_quarter, tempo: of MIDI files that are written: steps a quarter note, quarter notes a minute.
    """

    column: str = "vectors"
    batch_size: int = Field(default=8, ge=1)
    steps_a_quarter: int = Field(default=2, ge=1)
    tempo: float = Field(default=100.0, ge=1, le=1000)


def read_rolls(examples: Examples, column: str, keys: int) -> tuple[list[Tensor], list[str]]:
    """The rolls `[T, keys]` of a column (as wide as the first one where `keys` is 0), and notes on those left
    out. Fault for other numbers than 0 and 1.
    """
    rolls = columns.vectors(examples, column)
    kept, notes = check_lengths([len(roll) for roll in rolls], examples.places, empty="drop")
    keys = keys or rolls[kept[0]].shape[1]
    for index in kept:
        roll, place = rolls[index], examples.places[index]
        if roll.shape[1] != keys:
            raise Fault(f"{place}: {roll.shape[1]} keys found, expected {keys} as in the training data")
        wrong = ((roll != 0) & (roll != 1)).nonzero()
        if len(wrong):
            step, key = wrong[0].tolist()
            raise Fault(
                f"{place}: {float(roll[step, key]):g} found at step {step + 1}, key {key + 1}, "
                f"expected 0 or 1"
            )
    return [rolls[index] for index in kept], [str(note) for note in notes]


def roll_of(item: Any, keys: int) -> Tensor:
    """A list of steps, each a list of MIDI notes (or JSON text of one), as a roll `[T, keys]`."""
    wanted = "a list of steps, each a list of MIDI notes, as [[60, 64, 67], [60]]"
    if isinstance(item, str):
        try:
            item = json.loads(item)
        except ValueError:
            raise Fault(f"{item!r} found, expected {wanted}") from None
    if not isinstance(item, list) or not all(isinstance(step, list) for step in item):
        raise Fault(f"{item!r} found, expected {wanted}")
    roll = torch.zeros(len(item), keys)
    for number, step in enumerate(item):
        for note in step:
            if not isinstance(note, int) or not 0 <= note - LOWEST < keys:
                raise Fault(
                    f"step {number + 1}: note {note!r} found, expected {LOWEST} to {LOWEST + keys - 1}"
                )
            roll[number, note - LOWEST] = 1
    if not len(roll):
        raise Fault("a piece of 0 steps found, expected at least one")
    return roll


def as_rows(rolls: Sequence[Tensor]) -> tuple[Ragged, Ragged]:
    """What is read (silence, then all but the last step) and what is told."""
    read = [torch.cat([roll.new_zeros(1, roll.shape[1]), roll[:-1]]) for roll in rolls]
    return Ragged.from_list(read), Ragged.from_list(list(rolls))
