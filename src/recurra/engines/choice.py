"""Which engine runs a loop: the fastest that does not refuse, or the one that `RECURRA_ENGINE` names."""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

from torch import Tensor

from recurra.engines.base import Engine
from recurra.engines.eager import EagerEngine
from recurra.errors import Fault
from recurra.program import Loop

NAMES = ("native", "eager")
"""Fastest first."""


class Choice(NamedTuple):
    """The engine, and why each faster one was passed over, in words."""

    engine: Engine
    refusals: dict[str, str]


def engine_setting() -> str:
    """What `RECURRA_ENGINE` holds, the name of an engine or not; empty: the fastest may be chosen."""
    return os.environ.get("RECURRA_ENGINE", "")


@cache
def _engine(name: str) -> Engine | str:
    """The engine of that name, or why this installation lacks it."""
    if name == "eager":
        return EagerEngine()
    try:
        from recurra.engines.native.engine import NativeEngine
    except ImportError as error:
        return f"the native library is not installed ({error})"
    return NativeEngine()


def choose(loop: Loop, like: Tensor) -> Choice:
    """The engine for a loop on tensors of `like`'s type and device.

    Raises:
        Fault: `RECURRA_ENGINE` names no engine, or one that can't run this loop.
    """
    setting = engine_setting()
    if setting and setting not in NAMES:
        raise Fault(f"RECURRA_ENGINE is {setting!r}: expected one of {', '.join(NAMES)}, or nothing")
    refusals: dict[str, str] = {}
    for name in (setting,) if setting else NAMES:
        engine = _engine(name)
        reason = engine if isinstance(engine, str) else engine.refusal(loop, like)
        if reason is None:
            assert not isinstance(engine, str)
            return Choice(engine, refusals)
        refusals[name] = reason
    raise Fault(f"RECURRA_ENGINE is {setting!r}, but that engine can't run this step: {refusals[setting]}")
