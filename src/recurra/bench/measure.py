"""Times of several callables, taken in turn, so that whatever slows the machine slows them alike."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROUNDS = 7
SHORTEST = 0.04
"""Seconds that one sample lasts at least: short calls are repeated within it."""
SETTLING = 0.01
"""Seconds before each sample: threads of the peer before it may still spin, and would hold a core."""


def medians(calls: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Name -> median seconds a call. Each round runs every callable once, in turn."""
    repeats = {name: _repeats(call) for name, call in calls.items()}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            time.sleep(SETTLING)
            samples[name].append(_sample(call, repeats[name]))
    return {name: statistics.median(times) for name, times in samples.items()}


def _repeats(call: Callable[[], object]) -> int:
    """How many calls make a sample long enough; also warms up."""
    once = _sample(call, 1)
    if once < 20 * SHORTEST:  # the first call of a short one tells little
        once = _sample(call, 1)
    return 1 if once >= SHORTEST else min(10_000, int(SHORTEST / max(once, 1e-7)) + 1)


def _sample(call: Callable[[], object], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def processor() -> str:
    """The processor's name and its number of cores, as the system gives them."""
    name = platform.processor() or platform.machine()
    described = Path("/proc/cpuinfo")
    if described.exists():
        lines = described.read_text(encoding="utf-8").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores"


def level() -> str:
    """The instructions that the native library chose for this processor, as `x86-64-v3`."""
    try:
        from recurra.engines.native import library
    except ImportError:
        return "no native library"
    return library.level()


def load() -> float:
    """Processes that wanted a core over the last minute; above about 0.3 the machine is not quiet."""
    return os.getloadavg()[0]
