"""Piano rolls: read, checked, and as rows of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from recurra.data import Examples, Streams, check_lengths, columns
from recurra.data.midi import LOWEST
from recurra.data.readers.midi import ENDINGS, read_midi
from recurra.errors import Fault
from recurra.ragged import Ragged
from recurra.storage.text import parse_json
from recurra.tasks.parts.batches import Epoch
from recurra.tasks.parts.sources import SourceOptions


class ComposeOptions(SourceOptions):
    """Piano rolls.

    Attributes:
        column: holds one roll an example, `[T, keys]` of zeros and ones; the first key is a piano's lowest.
        batch_size: pieces a batch, or, with `window`, streams.
        window: steps of each stream from one update to the next, the state carried on (truncated
            back-propagation): a stream strings pieces together, and starts anew with each. None: an update
            sees whole pieces.
        steps_a_quarter: steps a quarter note in MIDI files that are written. tempo: quarter notes a minute in
            them.
    """

    column: str = "vectors"
    batch_size: int = Field(default=8, ge=1)
    window: int | None = Field(default=None, ge=1)
    steps_a_quarter: int = Field(default=2, ge=1)
    tempo: float = Field(default=100.0, ge=1, le=1000)


class Passage(NamedTuple):
    """Rows of steps.

    Attributes:
        inputs: `[N, keys]`, what is read: silence as a piece begins, then each step but the last.
        targets: `[N, keys]`, what is predicted.
        begins: `[N]` bool, where pieces begin within rows; None: each row is one piece.
    """

    inputs: Ragged
    targets: Ragged
    begins: Ragged | None = None

    def to(self, device: torch.device) -> Passage:
        """On that device."""
        begins = None if self.begins is None else self.begins.to(device)
        return Passage(self.inputs.to(device), self.targets.to(device), begins)


def read_rolls(examples: Examples, column: str, keys: int = 0) -> tuple[list[Tensor], list[str]]:
    """The rolls `[T, keys]` of a column (as wide as the first one where `keys` is 0), and notes on those left
    out. Fault for other numbers than 0 and 1.
    """
    rolls = columns.vectors(examples, column)
    indices, notes = check_lengths([len(roll) for roll in rolls], examples.places, empty="skip")
    keys = keys or rolls[indices[0]].shape[1]
    for index in indices:
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
    return [rolls[index] for index in indices], [str(note) for note in notes]


def roll_of(item: Any, keys: int, steps_a_quarter: int) -> Tensor:
    """A list of steps, each a list of MIDI notes (JSON of one, or a MIDI file), as a roll `[T, keys]`."""
    expected = "a list of steps, each a list of MIDI notes, as [[60, 64, 67], [60]], or a MIDI file"
    if isinstance(item, str) and item.lower().endswith(ENDINGS):
        roll = torch.as_tensor(read_midi(item, steps_a_quarter=steps_a_quarter)["vectors"][0]).float()
        beyond = roll[:, keys:].nonzero()
        if len(beyond):
            raise Fault(f"{item}: note {LOWEST + keys + int(beyond[0, 1])} found, expected {_range(keys)}")
        return F.pad(roll, (0, max(0, keys - roll.shape[1])))[:, :keys]
    if isinstance(item, str):
        try:
            item = parse_json(item, "item")
        except ValueError:
            raise Fault(f"{item!r} found, expected {expected}") from None
    if not isinstance(item, list) or not all(isinstance(step, list) for step in item):
        raise Fault(f"{item!r} found, expected {expected}")
    roll = torch.zeros(len(item), keys)
    for number, step in enumerate(item):
        for note in step:
            if not isinstance(note, int) or not 0 <= note - LOWEST < keys:
                raise Fault(f"step {number + 1}: note {note!r} found, expected {_range(keys)}")
            roll[number, note - LOWEST] = 1
    if not len(roll):
        raise Fault("a piece of 0 steps found, expected at least one")
    return roll


def _range(keys: int) -> str:
    return f"{LOWEST} to {LOWEST + keys - 1}"


def as_rows(rolls: Sequence[Tensor]) -> Passage:
    """Each piece as one row."""
    return Passage(Ragged.from_list([_delayed(roll) for roll in rolls]), Ragged.from_list(list(rolls)))


def as_streams(rolls: Sequence[Tensor], size: int, steps: int, rank: int = 0, world: int = 1) -> Epoch:
    """Pieces strung together, in that order, and cut into `size` streams: passages of `steps` steps of each.
    Every step is predicted once.
    """
    inputs, targets = torch.cat([_delayed(roll) for roll in rolls]), torch.cat(list(rolls))
    begins = torch.cat([torch.arange(len(roll)) == 0 for roll in rolls])
    places = Streams(range(len(targets) + 1), batch_size=size, steps=steps, rank=rank, world=world)

    def passage(position: int) -> Passage:
        at = places.item(0, position).inputs
        return Passage(*(at.with_data(values[at.data]) for values in (inputs, targets, begins)))

    return Epoch(places.count(0), passage)


def _delayed(roll: Tensor) -> Tensor:
    return torch.cat([roll.new_zeros(1, roll.shape[1]), roll[:-1]])
