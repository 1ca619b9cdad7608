"""Recordings and what is said in them, as a recipe describes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from recurra.data import Examples, Place, columns
from recurra.data.lengths import check_lengths
from recurra.data.sound.log_mel import LogMel
from recurra.data.sound.recording import Recording, is_clipped, one_channel, read_recording
from recurra.data.sound.resample import resample
from recurra.data.sound.strings import SpokenTexts, join_recordings
from recurra.errors import Fault
from recurra.tasks.base import Options
from recurra.tasks.parts.sources import TestedOptions


class SoundOptions(Options):
    """What is read of a recording; see `recurra.data.sound.log_mel.LogMel`.

    Attributes:
        rate: samples a second, in Hz.
        resample: recordings of another rate are converted; else they are a fault.
        mix: channels are averaged; else a recording of several is a fault.
        margin: seconds of silence before and after each recording, so that one cut close has steps enough.
        bands, window, hop, low, high: of the features; window and hop in seconds, low and high in Hz.
    """

    rate: int = Field(default=16_000, ge=1)
    resample: bool = False
    mix: bool = False
    margin: float = Field(default=0.0, ge=0, le=10)
    bands: int = Field(default=40, ge=1)
    window: float = Field(default=0.025, gt=0)
    hop: float = Field(default=0.01, gt=0)
    low: float = Field(default=20.0, ge=0)
    high: float | None = Field(default=None, gt=0)

    @property
    def silence(self) -> Tensor:
        """The margin."""
        return torch.zeros(round(self.margin * self.rate))

    def within(self, samples: Tensor) -> Tensor:
        """The same sound with its margins."""
        return torch.cat([self.silence, samples, self.silence])

    def features(self) -> LogMel:
        """Sound -> frames."""
        return LogMel(self.rate, self.bands, self.window, self.hop, self.low, self.high)


class StringOptions(Options):
    """Longer recordings made of short ones, in each part of the data from its own alone; see
    `recurra.data.sound.strings.join_recordings`.

    Attributes:
        count: how many are made of the training part.
        held_out: of any other part; 0: its recordings stay as they are.
        shortest, longest: recordings in each.
        pause: the shortest and the longest silence between two, in seconds.
    """

    count: int = Field(default=1000, ge=1)
    held_out: int = Field(default=300, ge=0)
    shortest: int = Field(default=3, ge=1)
    longest: int = Field(default=7, ge=1)
    pause: tuple[float, float] = (0.05, 0.3)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.shortest > self.longest or not 0 <= self.pause[0] <= self.pause[1]:
            raise ValueError("expected shortest <= longest, and a pause from 0 up, the shorter one first")
        return self


class TranscribeDataOptions(TestedOptions):
    """Recordings with transcripts.

    Attributes:
        audio: the column of recordings: paths, which start from the folder of the file that names them, or
            what the format `audio` reads.
        text: the column of transcripts.
        tokens: what transcripts are cut into.
        sound: see there.
        speaker: a column, for `leave_out` and `strings`.
        leave_out: speakers who are not trained or validated on, and who alone are tested.
        strings: see there; each of one speaker. None: recordings as they are.
        speeds: each epoch reads a training recording at one of these speeds, drawn from the seed, its pitch
            changed with it (Ko et al., 2015).
        batch_size: recordings a batch.
        empty: what to do with a recording without sound or transcript: "fault" names it, "drop" leaves it
            out.
        too_long: the same for a transcript that needs more steps than its recording has.
        longest: seconds; a longer recording is a fault.
    """

    audio: str = "audio"
    text: str = "text"
    tokens: Literal["character", "word"] = "character"
    sound: SoundOptions = SoundOptions()
    speaker: str | None = None
    leave_out: str | list[str] = Field(default_factory=list)
    strings: StringOptions | None = None
    speeds: list[float] = Field(default_factory=lambda: [1.0], min_length=1)
    batch_size: int = Field(default=32, ge=1)
    empty: Literal["fault", "drop"] = "fault"
    too_long: Literal["fault", "drop"] = "fault"
    longest: float = Field(default=60.0, gt=0)

    @field_validator("speeds")
    @classmethod
    def _near_one(cls, speeds: list[float]) -> list[float]:
        if not all(0.5 <= speed <= 2 for speed in speeds):
            raise ValueError("expected speeds from 0.5 to 2")
        return speeds

    @model_validator(mode="after")
    def _speakers_are_known(self) -> Self:
        if self.leave_out and self.speaker is None:
            raise ValueError("leave_out names speakers: set speaker to their column")
        return self


class Utterances(NamedTuple):
    """Recordings in features, with their transcripts.

    Attributes:
        features: `[T, bands]` each, one for each speed that was asked for. texts, places: what is said, and
            where it stands.
    """

    features: list[list[Tensor]]
    texts: list[str]
    places: list[Place]


def without(examples: Examples, options: TranscribeDataOptions) -> Examples:
    """The examples to train or validate on."""
    return _by_speaker(examples, options, False)


def left_out(examples: Examples, options: TranscribeDataOptions) -> Examples:
    """The examples to test on."""
    return _by_speaker(examples, options, True)


def read_utterances(
    examples: Examples,
    options: TranscribeDataOptions,
    *,
    count: int,
    seed: int,
    speeds: Sequence[float] = (1.0,),
) -> tuple[Utterances, list[str]]:
    """Recordings read, checked and, where the options say so, joined to `count` strings (0: left as they
    are), drawn from `seed`; and notes on what is odd.
    """
    sound = options.sound
    texts = columns.text(examples, options.text)
    samples = samples_of(examples, options)
    full = [len(row) if text.strip() else 0 for row, text in zip(samples, texts, strict=True)]
    kept, dropped = check_lengths(full, examples.places, empty=options.empty, longest=None)
    notes = [str(note) for note in dropped]
    loud = [examples.places[i] for i in kept if is_clipped(samples[i])]
    if loud:
        notes.append(f"{loud[0].file}: clipped (at full scale), as are {len(loud) - 1} more of {len(kept)}")
    parts = SpokenTexts(
        [samples[i] for i in kept], [texts[i] for i in kept], [examples.places[i] for i in kept]
    )
    if options.strings is not None and count:
        strings = options.strings
        said_by = [""] * len(kept) if options.speaker is None else columns.labels(examples, options.speaker)
        parts = join_recordings(
            parts,
            said_by if options.speaker is None else [said_by[i] for i in kept],
            count=count,
            shortest=strings.shortest,
            longest=strings.longest,
            pauses=(round(strings.pause[0] * sound.rate), round(strings.pause[1] * sound.rate)),
            seed=seed,
        )
    for row, place in zip(parts.samples, parts.places, strict=True):
        if len(row) > options.longest * sound.rate:
            raise Fault(
                f"{place}: {len(row) / sound.rate:.1f} seconds found, expected at most {options.longest:g}: "
                f"cut it into pieces, or raise the limit (longest)"
            )
    features = sound.features()
    rows = [
        [features(sound.within(resample(row, round(speed * sound.rate), sound.rate))) for speed in speeds]
        for row in parts.samples
    ]
    return Utterances(rows, parts.texts, parts.places), notes


def samples_of(examples: Examples, options: TranscribeDataOptions) -> list[Tensor]:
    """The sound `[N]` of each example."""
    sound, found = options.sound, []
    for cell, place in zip(examples[options.audio], examples.places, strict=True):
        where = str(place)
        if isinstance(cell, str):
            path = Path(place.file).parent / Path(cell).expanduser()
            where, cell = f"{place}: {path}", _recording(path, where)
        if not isinstance(cell, Recording):
            raise Fault(
                f"{place}: column {options.audio!r}: {cell!r} found, expected the path of a recording"
            )
        found.append(one_channel(cell, where, sound.rate, sound.resample, sound.mix))
    return found


def sound_of(item: Any, options: TranscribeDataOptions) -> Tensor:
    """The sound of one thing to predict: a path, a table with `audio`, or a `Recording`."""
    cell = item.get("audio") if isinstance(item, dict) else item
    where = "the recording"
    if isinstance(cell, (str, Path)):
        where, cell = str(cell), read_recording(Path(cell).expanduser())
    if not isinstance(cell, Recording):
        raise Fault(f"{item!r} found, expected the path of a recording, or a table with the key 'audio'")
    if not len(cell.samples):
        raise Fault(f"{where}: an empty recording: no sound found")
    sound = options.sound
    return one_channel(cell, where, sound.rate, sound.resample, sound.mix)


def _recording(path: Path, where: str) -> Recording:
    try:
        return read_recording(path)
    except Fault as fault:
        raise Fault(f"{where}: {fault}") from None


def _by_speaker(examples: Examples, options: TranscribeDataOptions, inside: bool) -> Examples:
    names = [options.leave_out] if isinstance(options.leave_out, str) else options.leave_out
    if not names or options.speaker is None:
        return examples
    found = columns.labels(examples, options.speaker)
    kept = examples.take(i for i, name in enumerate(found) if (name in names) == inside)
    if not len(kept):
        raise Fault(
            f"{examples.source}: leave_out = {names} leaves nothing to {'test' if inside else 'train'} on; "
            f"its speakers are: {', '.join(sorted(set(found)))}"
        )
    return kept
