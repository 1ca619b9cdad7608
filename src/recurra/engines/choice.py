"""Which engine runs a loop: the fastest that does not refuse, or the one that `RECURRA_ENGINE` names."""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

from torch import Tensor

from recurra.engines.base import Engine
from recurra.engines.eager import EagerEngine
from recurra.errors import Fault
from recurra.program import Loop, Program

NAMES = ("native", "eager")
"""Fastest first."""


class Choice(NamedTuple):
    """The engine, the loop as it takes it, and why each faster one was passed over, in words."""

    engine: Engine
    loop: Loop
    refusals: dict[str, str]


def required_engine() -> str:
    """What `RECURRA_ENGINE` names; empty: the fastest may be chosen.

    Raises:
        Fault: it names no engine.
    """
    setting = os.environ.get("RECURRA_ENGINE", "")
    if setting and setting not in NAMES:
        raise Fault(f"RECURRA_ENGINE is {setting[:200]!r}: expected one of {', '.join(NAMES)}, or nothing")
    return setting


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


def choose(program: Program, like: Tensor) -> Choice:
    """The engine for a program's loop on tensors of `like`'s type and device.

    Raises:
        Fault: `RECURRA_ENGINE` names no engine, or one that can't run this loop.
    """
    setting = required_engine()
    refusals: dict[str, str] = {}
    for name in (setting,) if setting else NAMES:
        engine = _engine(name)
        if isinstance(engine, str):
            refusals[name] = engine
            continue
        loop = program.merged if engine.merges else program.loop
        reason = engine.refusal(loop, like)
        if reason is None:
            return Choice(engine, loop, refusals)
        refusals[name] = reason
    raise Fault(f"RECURRA_ENGINE is {setting!r}, but that engine can't run this step: {refusals[setting]}")
