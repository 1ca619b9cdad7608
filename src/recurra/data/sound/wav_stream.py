"""Sound out of bytes that come piece by piece."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recurra.data.sound.wav_header import FLOAT, PCM, WavHeader, read_wav_header
from recurra.errors import Fault
from recurra.storage.kinds import kind_of, may_become_known

_WIDTHS = {PCM: (8, 16, 24, 32), FLOAT: (32, 64)}
_KNOWN = (b"RIFF", b"RIFX", b"RF64", b"BW64")


class WavStream:
    """A WAV file as it comes (RIFF, RIFX, RF64 or BW64; PCM of 8 to 32 bits, or floating point), or samples
    without a header: 16 bits, little-endian, one channel. Pieces may be cut anywhere. What begins as another
    kind of file is refused, not heard as samples.

    Args:
        rate: in Hz; a header that says another is a Fault. mix: several channels are averaged, else a Fault.
    """

    def __init__(self, rate: int, mix: bool = False) -> None:
        self.rate, self.mix = rate, mix
        self._bytes = b""
        self._header: WavHeader | None = None
        self._left: int | None = None

    def feed(self, piece: bytes) -> Tensor:
        """The samples `[N]` that this piece completes, full scale 1."""
        self._bytes += piece
        if self._header is None and self._bytes and not self._read_header(whole=False):
            return torch.zeros(0)
        return self._ready()

    def rest(self) -> Tensor:
        """The samples `[N]` still waiting at the end of the input, where it is too short to tell its kind.
        Fault where it ends within the header.
        """
        if self._header is None and self._bytes and not self._read_header(whole=True):
            raise Fault("the sound ends within the header of a WAV file: it was cut short")
        return self._ready()

    def finish(self) -> None:
        """The input is over. Fault where it ends within the header or a sample, or earlier than stated."""
        self.rest()
        if self._bytes:
            raise Fault("the sound ends within a sample: it was cut short")
        if self._header is not None and self._left:
            missing = self._left / (self._header.rate * self._header.channels * self._header.bits / 8)
            raise Fault(f"the sound ends {missing:.3g} s before the length in its header: it was cut short")

    def _ready(self) -> Tensor:
        """The whole samples that have come."""
        if self._header is None:
            return torch.zeros(0)
        size = self._header.channels * self._header.bits // 8
        ready = len(self._bytes) if self._left is None else min(len(self._bytes), self._left)
        ready -= ready % size
        data, self._bytes = self._bytes[:ready], self._bytes[ready:]
        if self._left is not None:
            self._left -= ready
            self._bytes = self._bytes if self._left else b""  # what follows the sound is no sound
        samples = _samples(data, self._header)
        if not np.isfinite(samples).all():
            raise Fault("samples that are not finite numbers: record or convert it again")
        return torch.from_numpy(samples).mean(1)

    def _read_header(self, whole: bool) -> bool:
        """Whether the sound has begun."""
        kind = kind_of(self._bytes, text=False)
        if not self._bytes.startswith(_KNOWN) or (kind is not None and not kind.sound):
            if kind is not None:
                raise Fault(
                    f"{kind.name} found, expected a WAV file or samples without a header: decode it on its "
                    f"way here (ffmpeg -i FILE -f s16le -ac 1 -ar {self.rate} -)"
                )
            if not whole and may_become_known(self._bytes):
                return False
            self._header = WavHeader("<", PCM, 1, self.rate, 16, 0, None)
            return True
        header = read_wav_header(self._bytes)
        if header is None:
            return False
        self._check(header)
        self._header, self._left = header, header.size
        self._bytes = self._bytes[header.start :]
        return True

    def _check(self, header: WavHeader) -> None:
        if header.bits not in _WIDTHS.get(header.kind, ()):
            raise Fault(
                f"a WAV file of kind {header.kind}, {header.bits} bits found, expected PCM or floating point"
            )
        if header.size is not None and header.size % (header.channels * header.bits // 8):
            raise Fault(f"a WAV file of {header.size:,} bytes, no whole number of samples: it is damaged")
        if header.rate != self.rate:
            raise Fault(
                f"sound at {header.rate:,} Hz found, expected {self.rate:,}: convert it on its way here"
            )
        if header.channels != 1 and not self.mix:
            raise Fault(f"{header.channels} channels found, expected 1: send one of them")


def _samples(data: bytes, header: WavHeader) -> NDArray[np.float32]:
    """`[N, channels]`, full scale 1."""
    raw: NDArray[np.float64]
    if header.kind == FLOAT:
        raw = np.frombuffer(data, f"{header.order}f{header.bits // 8}").astype(np.float64)
    elif header.bits == 8:
        raw = (np.frombuffer(data, np.uint8).astype(np.float64) - 128) / 128
    elif header.bits == 24:
        places = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int64).T
        low, middle, high = places if header.order == "<" else places[::-1]
        raw = ((low | middle << 8 | high << 16) ^ 0x800000).astype(np.float64) / 0x800000 - 1
    else:
        raw = np.frombuffer(data, f"{header.order}i{header.bits // 8}").astype(np.float64)
        raw /= 2.0 ** (header.bits - 1)
    return raw.reshape(-1, header.channels).astype(np.float32)
