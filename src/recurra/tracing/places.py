"""Where in a user's source a recorded call, or an error, comes from: for the words of a refusal."""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import torch

import recurra.errors

_LIBRARIES = tuple(f"{Path(str(module.__file__)).parent}/" for module in (torch, recurra.errors))
_PYTHON = str(Path(linecache.__file__).parent) + "/"
_OUTERMOST = str(Path(__file__).with_name("side_effects.py"))
"""Calls a step that is being read."""
_LONGEST = 80


class Place(NamedTuple):
    """A line of source."""

    file: str
    line: int

    def __str__(self) -> str:
        text = linecache.getline(self.file, self.line).strip()
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}..."
        where = f"{Path(self.file).name}, line {self.line}"
        return f"{where}: {text}" if text else where


def current_place() -> Place | None:
    """The innermost line of a step that is being read, which is neither torch's nor Recurra's own."""
    frame: FrameType | None = sys._getframe(1)
    place: Place | None = None
    while frame is not None:
        if frame.f_code.co_filename == _OUTERMOST:
            return place
        if place is None and _foreign(frame):
            place = Place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None  # called by torch, as the step is over


def place_of(error: BaseException) -> Place | None:
    """The innermost such line that an error was raised at or passed through."""
    place, trace = None, error.__traceback__
    while trace is not None:
        if _foreign(trace.tb_frame):
            place = Place(trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    return place


def raised_by_step(error: BaseException) -> bool:
    """Whether a step's own line raises it, and no call that it makes."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and _foreign(trace.tb_frame)


def _foreign(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    if file.startswith(_PYTHON) and "site-packages" not in file:
        return False
    return not file.startswith((*_LIBRARIES, "<frozen"))
