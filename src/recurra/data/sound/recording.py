"""Recorded sound: one file decoded, with what is wrong in it told by its place."""

from __future__ import annotations

import importlib
import io
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.data.sound.resample import resample
from recurra.data.sound.stated_size import missing
from recurra.errors import Fault
from recurra.storage.files import read_bytes
from recurra.storage.kinds import kind_of

_FULL = 0.9999
_IN_A_ROW = 3


class Recording(NamedTuple):
    """Sound of one or more channels.

    Attributes:
        samples: `[N, channels]` float32, full scale 1. rate: samples a second and channel.
    """

    samples: Tensor
    rate: int


def read_recording(path: str | Path) -> Recording:
    """A file of any kind that libsndfile reads: WAV, FLAC, Ogg, ..."""
    return decode_recording(read_bytes(path), str(path))


def decode_recording(data: bytes, where: str) -> Recording:
    """The bytes of such a file; `where` they come from, for messages.

    Raises:
        Fault: empty, not audio, cut short, or numbers that are not finite.
    """
    library = _soundfile()
    if not data:
        raise Fault(f"{where}: an empty file, expected a recording (WAV, FLAC, ...)")
    kind = kind_of(data)
    if kind is not None and not kind.sound:
        advice = f": {kind.advice}" if kind.advice else ""
        raise Fault(f"{where}: {kind.name} found, expected a recording (WAV, FLAC, ...){advice}")
    try:
        with library.SoundFile(io.BytesIO(data)) as file:
            frames, rate = file.frames, file.samplerate
            samples = file.read(dtype="float32", always_2d=True)
    except library.LibsndfileError as error:
        reason = f"{kind.name if kind else 'no known sound'}, {error.error_string.rstrip('.') or 'broken'}"
        raise Fault(
            f"{where}: not a recording that can be read ({reason}): expected WAV, FLAC, ..."
        ) from None
    gap = missing(data) or (
        f"{frames - len(samples):,} of {frames:,} samples" if len(samples) < frames else ""
    )
    if gap:
        raise Fault(f"{where}: {gap} missing: it was cut short; copy or record it again")
    tensor = torch.from_numpy(samples)
    if not bool(torch.isfinite(tensor).all()):
        raise Fault(f"{where}: samples that are not finite numbers: record or convert it again")
    return Recording(tensor, int(rate))


def one_channel(recording: Recording, where: str, rate: int, convert: bool, mix: bool) -> Tensor:
    """The samples `[N]` at this rate.

    Args:
        convert: another rate is resampled, else a Fault. mix: channels are averaged, else a Fault.
    """
    samples, own_rate = recording
    if samples.shape[1] != 1 and not mix:
        raise Fault(
            f"{where}: {samples.shape[1]} channels found, expected 1: keep one of them, or set mix = true, "
            f"which averages them"
        )
    if own_rate != rate and not convert:
        raise Fault(
            f"{where}: recorded at {own_rate:,} Hz, expected {rate:,}: convert it, set resample = true, or "
            f"set rate = {own_rate}"
        )
    mixed = samples.mean(1)
    return mixed if own_rate == rate else resample(mixed, own_rate, rate)


def is_clipped(samples: Tensor) -> bool:
    """Whether three samples `[N, ...]` in a row stand at full scale, as where a recording was too loud."""
    full = samples.abs() >= _FULL
    return len(full) >= _IN_A_ROW and bool(full.unfold(0, _IN_A_ROW, 1).all(-1).any())


def _soundfile() -> Any:
    try:
        return importlib.import_module("soundfile")
    except ModuleNotFoundError:
        raise Fault("recordings need soundfile: install recurra[audio]") from None
    except OSError as error:
        raise Fault(f"soundfile finds no libsndfile ({error}): install that library") from None
