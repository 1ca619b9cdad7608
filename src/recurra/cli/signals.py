"""Ctrl-C and SIGTERM end any command by one line, from its first moment on."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

INTERRUPTED = 130
"""The exit code of a command that a signal ended."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Within it both signals raise KeyboardInterrupt; while a module is being imported they end the process.

    An import that is broken off leaves half a library behind, whose end may print tracebacks of its own. A
    signal that whoever started the process ignores, as `nohup` does, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in handlers.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if handler is not None:  # one that was not set from Python can't be set again
                signal.signal(number, handler)


def say(line: str) -> None:
    """One line on stderr, if anybody still listens."""
    with suppress(OSError, ValueError):
        print(f"recurra: {line}", file=sys.stderr, flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if not _imports(frame):
        raise KeyboardInterrupt
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    say("interrupted")
    os._exit(INTERRUPTED)


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported where the signal came."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
