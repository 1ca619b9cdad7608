"""Ctrl-C and SIGTERM as a wish that the loop grants at the end of a step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """A signal came, at a place where the state of the training is whole."""


class Interrupts:
    """While it is entered, a signal sets `stop`; a second one ends the process at once.

    Attributes:
        stop: whether a signal came.
    """

    def __init__(self) -> None:
        self.stop = False
        self._at_once = False
        self._old: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        # only the main thread may set handlers; in another one the signal stays with the program
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._old[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Within it a signal raises Interrupted instead of waiting."""
        self._at_once = True
        try:
            if self.stop:
                raise Interrupted
            yield
        finally:
            self._at_once = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.stop:
            raise KeyboardInterrupt
        self.stop = True
        if self._at_once:
            raise Interrupted
