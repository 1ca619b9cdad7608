"""Which engine runs a loop: the fastest that does not refuse, or the one that `RECURRA_ENGINE` names."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import NamedTuple, Protocol, TypeVar

from torch import Tensor

from recurra.engines.base import Engine
from recurra.engines.eager import EagerEngine
from recurra.engines.levels import FoldLoop
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


class FoldChoice(NamedTuple):
    """As `Choice`, of a loop over the levels of trees."""

    engine: Engine
    loop: FoldLoop
    refusals: dict[str, str]


class FoldLoops(Protocol):
    """A fold's loops as engines take them: see `Program.loop` and `Program.merged`."""

    @property
    def loop(self) -> FoldLoop: ...
    @property
    def merged(self) -> FoldLoop: ...


LoopKind = TypeVar("LoopKind", Loop, FoldLoop)
ChoiceKind = TypeVar("ChoiceKind", Choice, FoldChoice)


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
    return _first(
        lambda engine: program.merged if engine.merges else program.loop,
        lambda engine, loop: engine.refusal(loop, like),
        Choice,
    )


def choose_fold(loops: FoldLoops, like: Tensor) -> FoldChoice:
    """As `choose`, of a loop over the levels of trees."""
    return _first(
        lambda engine: loops.merged if engine.merges else loops.loop,
        lambda engine, loop: engine.fold_refusal(loop, like),
        FoldChoice,
    )


def _first(
    loop_of: Callable[[Engine], LoopKind],
    refusal: Callable[[Engine, LoopKind], str | None],
    choice: Callable[[Engine, LoopKind, dict[str, str]], ChoiceKind],
) -> ChoiceKind:
    """The first engine that does not refuse."""
    setting = required_engine()
    refusals: dict[str, str] = {}
    for name in (setting,) if setting else NAMES:
        engine = _engine(name)
        if isinstance(engine, str):
            refusals[name] = engine
            continue
        loop = loop_of(engine)
        reason = refusal(engine, loop)
        if reason is None:
            return choice(engine, loop, refusals)
        refusals[name] = reason
    raise Fault(f"RECURRA_ENGINE is {setting!r}, but that engine can't run this step: {refusals[setting]}")
