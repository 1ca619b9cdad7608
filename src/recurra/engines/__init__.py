"""Engines run programs; nothing above them knows which one does."""

import recurra.program  # noqa: F401
from recurra.engines.base import Engine, LoopResult, StateNorms
from recurra.engines.choice import Choice, choose, choose_fold, required_engine
from recurra.engines.eager import EagerEngine, run_opaque
from recurra.engines.levels import FoldLoop, run_edges, run_slots
from recurra.engines.strict import strict, strictly
from recurra.engines.transforms import is_wrapper, transformed

__all__ = [
    "Choice",
    "EagerEngine",
    "Engine",
    "FoldLoop",
    "LoopResult",
    "StateNorms",
    "choose",
    "choose_fold",
    "is_wrapper",
    "required_engine",
    "run_edges",
    "run_opaque",
    "run_slots",
    "strict",
    "strictly",
    "transformed",
]
