"""Sound out of bytes that come piece by piece."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recurra.errors import Fault

_ENDLESS = 0x7FFF0000  # what writes to a pipe does not know its length, and says about this or more
_HEADER = 12
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


class _Form(NamedTuple):
    """How samples are written."""

    kind: int
    channels: int
    rate: int
    bits: int


class WavStream:
    """A WAV file as it comes (PCM of 8 to 32 bits, or floating point), or samples without a header: 16 bits,
    little-endian, one channel. Pieces may be cut anywhere.

    Args:
        rate: in Hz; a header that says another is a Fault. mix: several channels are averaged, else a Fault.
    """

    def __init__(self, rate: int, mix: bool = False) -> None:
        self.rate, self.mix = rate, mix
        self._bytes = b""
        self._form: _Form | None = None
        self._left: int | None = None
        self._in_sound = False

    def feed(self, piece: bytes) -> Tensor:
        """The samples `[N]` that this piece completes, full scale 1."""
        self._bytes += piece
        if not self._in_sound:
            self._read_header()
        if not self._in_sound:
            return torch.zeros(0)
        assert self._form is not None
        size = self._form.channels * self._form.bits // 8
        ready = len(self._bytes) if self._left is None else min(len(self._bytes), self._left)
        ready -= ready % size
        data, self._bytes = self._bytes[:ready], self._bytes[ready:]
        if self._left is not None:
            self._left -= ready
            self._bytes = self._bytes if self._left else b""  # what follows the sound is no sound
        return torch.from_numpy(_samples(data, self._form)).mean(1)

    def finish(self) -> None:
        """The input is over. Fault where it ends within the header or within a sample."""
        if self._bytes:
            where = "a sample" if self._in_sound else "the header of a WAV file"
            raise Fault(f"the sound ends within {where}: it was cut short")

    def _read_header(self) -> None:
        start = self._bytes[:4]
        if not b"RIFF".startswith(start):
            self._form, self._in_sound = _Form(_PCM, 1, self.rate, 16), True
            return
        if len(self._bytes) < _HEADER:
            return
        if self._bytes[8:12] != b"WAVE":
            raise Fault("a RIFF file of another kind found, expected a WAV file or samples without a header")
        at = _HEADER
        while len(self._bytes) >= at + 8:
            name, size = struct.unpack_from("<4sI", self._bytes, at)
            if name == b"data":
                if self._form is None:
                    raise Fault("a WAV file whose sound comes before its format: it was altered")
                self._left = size if 0 < size < _ENDLESS else None
                self._bytes, self._in_sound = self._bytes[at + 8 :], True
                return
            if len(self._bytes) < at + 8 + size:
                return
            if name == b"fmt ":
                self._form = self._read_form(self._bytes[at + 8 : at + 8 + size])
            at += 8 + size + size % 2

    def _read_form(self, data: bytes) -> _Form:
        if len(data) < 16:
            raise Fault("a WAV file with a broken format: it was altered")
        kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data)
        if kind == _EXTENSIBLE and len(data) >= 26:
            (kind,) = struct.unpack_from("<H", data, 24)
        form = _Form(kind, channels, rate, bits)
        sizes = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
        if bits not in sizes.get(kind, ()) or channels < 1:
            raise Fault(f"a WAV file of kind {kind}, {bits} bits found, expected PCM or floating point")
        if rate != self.rate:
            raise Fault(f"sound at {rate:,} Hz found, expected {self.rate:,}: convert it on its way here")
        if channels != 1 and not self.mix:
            raise Fault(f"{channels} channels found, expected 1: send one of them")
        return form


def _samples(data: bytes, form: _Form) -> NDArray[np.float32]:
    """`[N, channels]`, full scale 1."""
    raw: NDArray[np.float64]
    if form.kind == _FLOAT:
        raw = np.frombuffer(data, f"<f{form.bits // 8}").astype(np.float64)
    elif form.bits == 8:
        raw = (np.frombuffer(data, np.uint8).astype(np.float64) - 128) / 128
    elif form.bits == 24:
        low, middle, high = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int64).T
        raw = ((low | middle << 8 | high << 16) ^ 0x800000).astype(np.float64) / 0x800000 - 1
    else:
        raw = np.frombuffer(data, f"<i{form.bits // 8}").astype(np.float64) / 2.0 ** (form.bits - 1)
    return raw.reshape(-1, form.channels).astype(np.float32)
