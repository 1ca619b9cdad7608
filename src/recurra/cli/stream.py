"""`recurra stream`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from recurra.cli.arguments import Device, Run
from recurra.cli.output import emit


def stream(run: Run, device: Device = "cpu") -> None:
    """Read stdin as it comes and answer at once: a line of JSON for each token or step. Sound comes as WAV or
    as bare samples of 16 bits.
    """
    from recurra.cli.items import stdin_blocks
    from recurra.cli.loading import load_run
    from recurra.storage.text import text_pieces
    from recurra.tasks import ByteStream

    session = load_run(run, device).open_stream()
    if isinstance(session, ByteStream):
        for sound in stdin_blocks():
            _emit_all(session.feed(sound))
    else:
        for piece in text_pieces(stdin_blocks(), "stdin"):
            _emit_all(session.feed(piece))
    _emit_all(session.finish())


def _emit_all(answers: Iterator[dict[str, Any]]) -> None:
    """A line for each."""
    for answer in answers:
        emit(answer)
