"""Standard MIDI files as piano rolls."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recurra.data.archive import tree_files
from recurra.data.examples import Examples, Place
from recurra.data.midi import LOWEST
from recurra.errors import Fault, quoted
from recurra.storage.files import read_bytes

ENDINGS = (".mid", ".midi")
_KEYS = 88
_DRUMS = 9  # the channel that has no notes but drums
_TEMPO = 500_000  # microseconds a quarter note, where none is set
_MOST_STEPS = 1_000_000


class Note(NamedTuple):
    """A key, and the ticks at which it is struck and let go."""

    key: int
    start: int
    end: int


def read_midi(
    path: str | Path,
    *,
    steps_a_quarter: int = 2,
    steps_a_second: float | None = None,
    drums: bool = False,
    outside: Literal["error", "drop", "fold"] = "error",
) -> Examples:
    """Column `vectors`: a piano roll `[T, 88]` of zeros and ones of each file, its first key the lowest of
    a piano, and `file`, its name.

    A note begins at the step nearest to it and sounds for a step at least; one struck again while it sounds,
    or just as it ends, is one note. Pedals, loudness and instruments are not read. Times count in quarter
    notes, whatever the file's resolution and tempo are, or in seconds, by its map of tempos.

    Args:
        path: a file, a folder with everything in it, or an archive (zip or tar, packed or not).
        steps_a_quarter: steps to a quarter note; what a model writes has as many as its recipe says, which
            are to agree.
        steps_a_second: steps to a second, in place of that.
        drums: whether the notes of the channel for drums (the tenth) are read, too.
        outside: a note that no piano has is an error, or left out ("drop"), or moved by octaves ("fold").
    """
    if type(steps_a_quarter) is not int or steps_a_quarter < 1 or (steps_a_second or 1) <= 0:
        raise Fault(
            f"{path}: steps_a_quarter = {quoted(steps_a_quarter)}, steps_a_second = {quoted(steps_a_second)} "
            f"found, expected a whole number of at least 1, and more than 0"
        )
    if outside not in ("error", "drop", "fold"):
        raise Fault(f"{path}: outside = {quoted(outside)} found, expected error, drop or fold")
    columns: dict[str, list[Any]] = {"vectors": [], "file": []}
    places = []
    for name, data in _files(Path(path)):
        where = str(path) if Path(path).is_file() and _is_midi(Path(path)) else f"{path}/{name}"
        file = _parsed(data, where)
        notes, end = _notes(file, where, drums)
        clock = _Clock(file, where, steps_a_quarter, steps_a_second)
        columns["vectors"].append(_roll(notes, end, clock, where, outside))
        columns["file"].append(name)
        places.append(Place(where, 1, "piece"))
    if not places:
        raise Fault(f"{path}: no MIDI file found (files that end with {', '.join(ENDINGS)})")
    return Examples(columns, places, str(path))


class _Clock:
    """Ticks of a file as steps."""

    def __init__(self, file: Any, where: str, steps_a_quarter: int, steps_a_second: float | None) -> None:
        division = file.ticks_per_beat
        if division < 0:  # frames a second, negative, and ticks a frame
            frames = {24: Fraction(24), 25: Fraction(25), 29: Fraction(30000, 1001), 30: Fraction(30)}.get(
                -(division >> 8)
            )
            if frames is None or not division & 0xFF:
                raise Fault(f"{where}: a time division of {division} found, expected one that MIDI has")
            if steps_a_second is None:
                raise Fault(
                    f"{where}: it counts time in frames a second, not in quarter notes: set steps_a_second"
                )
            self._changes = [(0, Fraction(0), Fraction(steps_a_second) / (frames * (division & 0xFF)))]
            return
        if not division:
            raise Fault(f"{where}: 0 ticks a quarter note found, expected at least 1")
        if steps_a_second is None:
            self._changes = [(0, Fraction(0), Fraction(steps_a_quarter, division))]
            return
        pace = Fraction(steps_a_second) / (1_000_000 * division)
        self._changes = [(0, Fraction(0), _TEMPO * pace)]
        for tick, tempo in _tempos(file):
            start, steps, rate = self._changes[-1]
            self._changes.append((tick, steps + (tick - start) * rate, tempo * pace))

    def step(self, tick: int) -> int:
        """The step nearest to a tick, the later one of two."""
        start, steps, rate = next(change for change in reversed(self._changes) if change[0] <= tick)
        return int((steps + (tick - start) * rate + Fraction(1, 2)) // 1)


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    if _is_midi(path) and not path.is_dir():
        yield path.name.removesuffix(".gz"), read_bytes(path)
        return
    yield from tree_files(path, ENDINGS, "a file, a folder or a complete archive of MIDI files")


def _is_midi(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(ENDINGS)


def _parsed(data: bytes, where: str) -> Any:
    try:
        mido = importlib.import_module("mido")
    except ModuleNotFoundError:
        raise Fault(f"{where}: reading MIDI needs mido: install 'recurra[music]'") from None
    if not data.startswith(b"MThd"):
        raise Fault(f"{where}: does not begin as a MIDI file (MThd): it is of another format, or damaged")
    try:
        file = mido.MidiFile(file=io.BytesIO(data))
    except Exception as error:  # an altered file can fail in any part of mido
        reason = str(error)[:200] or "it ends too early"
        raise Fault(f"{where}: not a whole MIDI file: {reason}") from None
    if file.type == 2:
        raise Fault(f"{where}: a file of type 2, whose tracks are pieces by themselves: save each as a file")
    return file


def _notes(file: Any, where: str, drums: bool) -> tuple[list[Note], int]:
    """The notes of all tracks, and the last tick."""
    notes, end = [], 0
    for track in file.tracks:
        tick = 0
        struck: dict[tuple[int, int], list[int]] = {}
        for message in track:
            tick += int(message.time)
            if message.type not in ("note_on", "note_off") or (message.channel == _DRUMS and not drums):
                continue
            sounding = struck.setdefault((message.channel, message.note), [])
            if message.type == "note_on" and message.velocity > 0:
                sounding.append(tick)
            elif sounding:
                notes.append(Note(message.note, sounding.pop(0), tick))
        notes += [
            Note(key, start, tick) for (_, key), starts in struck.items() for start in starts
        ]  # never let go
        end = max(end, tick)
    if not notes:
        raise Fault(f"{where}: no note found{'' if drums else ' but drums, if any: set drums = true'}")
    return notes, end


def _tempos(file: Any) -> list[tuple[int, int]]:
    """Ticks at which tempos begin, and microseconds a quarter note."""
    tempos = {}
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += int(message.time)
            if message.type == "set_tempo":
                tempos[tick] = int(message.tempo)
    return sorted(tempos.items())


def _roll(
    notes: Sequence[Note], end: int, clock: _Clock, where: str, outside: Literal["error", "drop", "fold"]
) -> NDArray[np.uint8]:
    length = max(clock.step(end), 1 + max(clock.step(note.start) for note in notes))
    if length > _MOST_STEPS:
        raise Fault(f"{where}: {length:,} steps found, expected at most {_MOST_STEPS:,}: set fewer steps")
    roll = np.zeros((length, _KEYS), np.uint8)
    for note in notes:
        key = note.key - LOWEST
        if not 0 <= key < _KEYS:
            if outside == "error":
                raise Fault(
                    f"{where}: note {note.key} found, expected {LOWEST} to {LOWEST + _KEYS - 1}, a piano's: "
                    f"set outside = 'drop' to leave such notes out, or 'fold' to move them by octaves"
                )
            if outside == "drop":
                continue
            key = key % 12 if key < 0 else _KEYS - 12 + (key - _KEYS) % 12
        first = clock.step(note.start)
        roll[first : max(first + 1, clock.step(note.end)), key] = 1
    return roll
