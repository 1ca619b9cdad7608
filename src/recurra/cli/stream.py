"""`recurra stream`."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterator

from recurra.cli.arguments import Device, Run
from recurra.cli.output import emit
from recurra.errors import Fault


def stream(run: Run, device: Device = "cpu") -> None:
    """Read stdin as it comes and answer at once: a line of JSON for each token or step."""
    from recurra.cli.loading import load_run

    opened = load_run(run, device).open_stream()
    for piece in _pieces():
        for answer in opened.feed(piece):
            emit(answer)
    for answer in opened.finish():
        emit(answer)


def _pieces() -> Iterator[str]:
    """What has arrived on stdin, without waiting for a line or a block to fill up."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    done = 0
    while True:
        read = os.read(sys.stdin.fileno(), 65536)
        try:
            piece = decoder.decode(read, final=not read)
        except UnicodeDecodeError as error:
            raise Fault(f"stdin: byte {done + error.start} is not UTF-8: expected text in UTF-8") from None
        done += len(read)
        if piece:
            yield piece
        if not read:
            return
