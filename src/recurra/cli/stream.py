"""`recurra stream`."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterator
from itertools import chain
from typing import Any

from recurra.cli.arguments import Device, Run
from recurra.cli.output import emit
from recurra.errors import Fault


def stream(run: Run, device: Device = "cpu") -> None:
    """Read stdin as it comes and answer at once: a line of JSON for each token or step. Sound comes as WAV or
    as bare samples of 16 bits.
    """
    from recurra.cli.loading import load_run
    from recurra.tasks import ByteStream

    session = load_run(run, device).open_stream()
    if isinstance(session, ByteStream):
        for sound in _pieces():
            _emit_all(session.feed(sound))
    else:
        for piece in _texts():
            _emit_all(session.feed(piece))
    _emit_all(session.finish())


def _emit_all(answers: Iterator[dict[str, Any]]) -> None:
    """A line for each."""
    for answer in answers:
        emit(answer)


def _pieces() -> Iterator[bytes]:
    """What has arrived on stdin, without waiting for a line or a block to fill up."""
    while block := os.read(sys.stdin.fileno(), 65536):
        yield block


def _texts() -> Iterator[str]:
    """The same as text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = 0
    for block in chain(_pieces(), [b""]):
        try:
            piece = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise Fault(f"stdin: byte {offset + error.start} is not UTF-8: expected text in UTF-8") from None
        offset += len(block)
        if piece:
            yield piece
