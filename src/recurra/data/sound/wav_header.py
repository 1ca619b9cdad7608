"""The header of a WAV file: RIFF (Microsoft and IBM, 1991), RIFX, and RF64 and BW64 (EBU Tech 3306)."""

from __future__ import annotations

import struct
from typing import Literal, NamedTuple

from recurra.errors import Fault

PCM, FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_ENDLESS = 0x7FFF0000  # what writes to a pipe does not know its length, and says about this or more
_LONGEST = 1 << 24  # bytes; what a header holds beside the format is text and pictures
_KINDS = {b"RIFF": "<", b"RIFX": ">", b"RF64": "<", b"BW64": "<"}
_FIRST = 12


class WavHeader(NamedTuple):
    """What stands before the sound.

    Attributes:
        order: of bytes, as `struct` writes it. kind: `PCM`, `FLOAT` or another. channels, rate, bits: of the
            samples. start: where the sound begins. size: its bytes; None where the header does not know.
    """

    order: Literal["<", ">"]
    kind: int
    channels: int
    rate: int
    bits: int
    start: int
    size: int | None


def read_wav_header(data: bytes) -> WavHeader | None:
    """The header of a WAV file from its beginning; None where there is more to come of it.

    Raises:
        Fault: it is of no WAV file, or was altered.
    """
    order = _KINDS.get(data[:4])
    if len(data) < _FIRST and (order or any(kind.startswith(data[:4]) for kind in _KINDS)):
        return None
    if order is None or data[8:12] != b"WAVE":
        raise Fault("a RIFF file of another kind found, expected a WAV file or samples without a header")
    form: tuple[int, int, int, int] | None = None
    long_size = None
    at = _FIRST
    while len(data) >= at + 8:
        name, size = struct.unpack_from(f"{order}4sI", data, at)
        if name == b"data":
            if form is None:
                raise Fault("a WAV file whose sound comes before its format: it is damaged")
            if long_size is None:
                long_size = size if 0 < size < _ENDLESS else None
            return WavHeader("<" if order == "<" else ">", *form, at + 8, long_size)
        if size > _LONGEST:
            raise Fault(f"a WAV file whose header holds {size:,} bytes of {name!r}: it is damaged")
        if len(data) < at + 8 + size:
            return None
        part = data[at + 8 : at + 8 + size]
        if name == b"fmt ":
            form = _form(part, order)
        elif name == b"ds64" and len(part) >= 16 and data[:4] in (b"RF64", b"BW64"):
            (stated,) = struct.unpack_from("<Q", part, 8)
            long_size = stated if 0 < stated < 1 << 62 else None
        at += 8 + size + size % 2
    return None


def _form(data: bytes, order: str) -> tuple[int, int, int, int]:
    if len(data) < 16:
        raise Fault("a WAV file with a broken format: it is damaged")
    kind, channels, rate, _, block, bits = struct.unpack_from(f"{order}HHIIHH", data)
    if kind == _EXTENSIBLE and len(data) >= 26:
        (kind,) = struct.unpack_from(f"{order}H", data, 24)
    if channels < 1 or rate < 1 or (kind in (PCM, FLOAT) and block != channels * ((bits + 7) // 8)):
        raise Fault(
            f"a WAV file of {channels} channels, {rate:,} Hz, {bits} bits and {block} bytes a moment: its "
            f"header is damaged"
        )
    return kind, channels, rate, bits
