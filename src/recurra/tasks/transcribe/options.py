"""Recordings with transcripts, as a recipe describes them."""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from recurra.data.sound.log_mel import LogMel
from recurra.tasks.base import Options
from recurra.tasks.parts.sources import SourceOptions


class SoundOptions(Options):
    """What is read of a recording; see `recurra.data.sound.log_mel.LogMel`.

    Attributes:
        rate: samples a second, in Hz.
        resample: recordings of another rate are converted; else they are a fault.
        mix: channels are averaged; else a recording of several is a fault.
        margin: seconds of silence before and after each recording, so that one cut close has steps enough.
        bands: features of a frame (mel bands). window: seconds that a frame hears. hop: seconds from one
            frame to the next. low: the lowest frequency, in Hz. high: the highest one; None: half the rate.
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
        held_out: how many are made of any other part; 0: its recordings stay as they are.
        min_items, max_items: recordings in each.
        pause: the shortest and the longest silence between two, in seconds.
    """

    count: int = Field(default=1000, ge=1)
    held_out: int = Field(default=300, ge=0)
    min_items: int = Field(default=3, ge=1)
    max_items: int = Field(default=7, ge=1)
    pause: tuple[float, float] = (0.05, 0.3)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_items > self.max_items or not 0 <= self.pause[0] <= self.pause[1]:
            raise ValueError("expected min_items <= max_items, and a pause from 0 up, the shorter one first")
        return self


class TranscribeDataOptions(SourceOptions):
    """Recordings with transcripts.

    Attributes:
        audio: the column of recordings: paths, which start from the folder of the file that names them, or
            what the format `audio` reads.
        text: the column of transcripts.
        unit: what transcripts are cut into.
        sound: see there.
        speaker: a column, for `leave_out` and `strings`.
        leave_out: speakers who are not trained or validated on, and who alone are tested.
        strings: see there; each of one speaker. None: recordings as they are.
        speeds: each epoch reads a training recording at one of these speeds, drawn from the seed, its pitch
            changed with it (Ko et al., 2015).
        batch_size: recordings a batch.
        empty: what to do with a recording without sound or transcript: "error" names it, "skip" leaves it
            out.
        too_long: what to do with a transcript that needs more steps than its recording has: "error" names it,
            "skip" leaves it out.
        max_seconds: a longer recording is an error.
    """

    audio: str = "audio"
    text: str = "text"
    unit: Literal["character", "word"] = "character"
    sound: SoundOptions = SoundOptions()
    speaker: str | None = None
    leave_out: str | list[str] = Field(default_factory=list)
    strings: StringOptions | None = None
    speeds: list[float] = Field(default_factory=lambda: [1.0], min_length=1)
    batch_size: int = Field(default=32, ge=1)
    empty: Literal["error", "skip"] = "error"
    too_long: Literal["error", "skip"] = "error"
    max_seconds: float = Field(default=60.0, gt=0)

    @field_validator("speeds")
    @classmethod
    def _near_one(cls, speeds: list[float]) -> list[float]:
        if not all(0.5 <= speed <= 2 for speed in speeds):
            raise ValueError("expected speeds from 0.5 to 2")
        return speeds

    @model_validator(mode="after")
    def _leaves_out_speakers(self) -> Self:
        if self.leave_out and self.speaker is None:
            raise ValueError("leave_out names speakers: set speaker to their column")
        return self
