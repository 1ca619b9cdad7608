"""Standard MIDI files (MMA, 1996), written; what a piano roll needs of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, gcd

import torch
from torch import Tensor

from recurra.errors import Fault

LOWEST = 21
"""MIDI's number of the lowest key of a piano, the first of a roll."""

_DIVISION = 480  # ticks a quarter note, at least
_FINEST = 0x7FFF
_SLOWEST = 0xFFFFFF  # microseconds a quarter note
_LONGEST = 0xFFFFFFF  # ticks between two events
_VELOCITY = 80
_NOTHING = b"\xff\x01\x00"  # an empty text, where a wait takes more than one event


def to_midi(roll: Tensor, *, steps_a_quarter: int = 2, tempo: float = 100.0, program: int = 0) -> bytes:
    """A piano roll as a MIDI file of one track; a note that goes on in the next step is not struck again.

    Every step begins at a whole tick. Where a quarter note lasts longer than the format can say (below 3.6 a
    minute), several of the file's quarter notes make one.

    Args:
        roll: `[T, K]`, true (or not 0) where a key sounds; the first key is the piano's lowest.
        steps_a_quarter: steps to a quarter note. tempo: quarter notes a minute.
        program: the instrument, 0 to 127 (General MIDI; 0 is a piano).
    """
    if roll.dim() != 2 or roll.shape[1] > 128 - LOWEST:
        raise Fault(f"a roll of shape {list(roll.shape)} found, expected [steps, at most {128 - LOWEST}]")
    if steps_a_quarter < 1 or not 1 <= tempo <= 1000 or not 0 <= program < 128:
        raise Fault(
            f"steps_a_quarter = {steps_a_quarter}, tempo = {tempo}, program = {program}: expected at least "
            f"1, 1 to 1000, and 0 to 127"
        )
    microseconds = 60_000_000 / tempo
    parts = ceil(microseconds / _SLOWEST)
    unit = steps_a_quarter // gcd(steps_a_quarter, parts)
    if unit > _FINEST:
        raise Fault(f"steps_a_quarter = {steps_a_quarter}: expected at most {_FINEST:,}, as MIDI counts them")
    division = unit * ceil(_DIVISION / unit)
    ticks = division * parts // steps_a_quarter
    events: list[tuple[int, bytes]] = [
        (0, b"\xff\x51\x03" + round(microseconds / parts).to_bytes(3, "big")),
        (0, bytes([0xC0, program])),
        *_notes(roll, ticks),
        (len(roll) * ticks, b"\xff\x2f\x00"),
    ]
    header = _chunk(b"MThd", b"".join(n.to_bytes(2, "big") for n in (0, 1, division)))
    return header + _chunk(b"MTrk", _track(events))


def _notes(roll: Tensor, ticks: int) -> list[tuple[int, bytes]]:
    """Each change of a key, as an event at its tick; ends come before beginnings."""
    sounding = torch.nn.functional.pad((roll != 0).to(torch.int8), (0, 0, 1, 1))
    changes = sounding[1:] - sounding[:-1]
    events = []
    for step, row in enumerate(changes):
        for key in (row < 0).nonzero().flatten().tolist():
            events.append((step * ticks, bytes([0x80, LOWEST + key, 0])))
        for key in (row > 0).nonzero().flatten().tolist():
            events.append((step * ticks, bytes([0x90, LOWEST + key, _VELOCITY])))
    return events


def _track(events: Sequence[tuple[int, bytes]]) -> bytes:
    now, parts = 0, []
    for tick, event in events:
        while tick - now > _LONGEST:
            parts += [_variable(_LONGEST), _NOTHING]
            now += _LONGEST
        parts += [_variable(tick - now), event]
        now = tick
    return b"".join(parts)


def _variable(number: int) -> bytes:
    """A number in groups of seven bits, the highest first; all but the last are marked."""
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(number & 0x7F | 0x80)
    return bytes(reversed(groups))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + len(content).to_bytes(4, "big") + content
