"""How long a file of sound says it is, which tells one that was cut short."""

from __future__ import annotations

import re
import struct

from recurra.data.sound.wav_header import read_wav_header
from recurra.errors import Fault

_UNKNOWN = 0x7FFF0000  # bytes; what writes to a pipe states this or more
_LAST_PAGE = 4
_NIST = re.compile(rb"^(sample_count|sample_n_bytes|channel_count) -i (\d{1,15})\s*$", re.MULTILINE)


def missing(data: bytes) -> str:
    """What is missing at the end of a file of sound, in words; empty where nothing is, or no one can tell."""
    if data.startswith(b"OggS"):
        page = data[data.rfind(b"OggS") :]
        whole = len(page) > 26 and len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])
        return "" if whole and page[5] & _LAST_PAGE else "its last page"
    stated = _stated(data)
    return f"{stated - len(data):,} of {stated:,} bytes" if stated is not None and stated > len(data) else ""


def _stated(data: bytes) -> int | None:
    """Bytes of the whole file, or of it to the end of the sound; None: unknown."""
    try:
        if data.startswith((b"RIFF", b"RIFX", b"RF64", b"BW64")):
            header = read_wav_header(data)
            return None if header is None or header.size is None else header.start + header.size
        if data.startswith(b"FORM"):
            return _unless_endless(8 + struct.unpack_from(">I", data, 4)[0])
        if data.startswith(b".snd"):
            start, size = struct.unpack_from(">II", data, 4)
            return _unless_endless(start + size)
        if data.startswith(b"riff"):
            return int(struct.unpack_from("<Q", data, 16)[0])
        if data.startswith(b"NIST_1A"):
            numbers = {name: int(number) for name, number in _NIST.findall(data[:1024])}
            return 1024 + numbers[b"sample_count"] * numbers[b"sample_n_bytes"] * numbers[b"channel_count"]
    except (struct.error, KeyError, Fault):
        pass
    return None


def _unless_endless(size: int) -> int | None:
    return size if size < _UNKNOWN else None
