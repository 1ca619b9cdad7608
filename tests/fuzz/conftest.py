"""Fuzz tests: each takes `rounds` and goes on with fresh random inputs until its time is spent.

`RECURRA_FUZZ_SECONDS` is that time, for each test (6 unless set); `RECURRA_FUZZ_SEED` is the first round's
seed (0 unless set), which `make fuzz` draws anew. What a failing test prints last is the seed of its round:
with it as `RECURRA_FUZZ_SEED` that round runs first.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import pytest

_FEWEST = 3


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> Iterator[random.Random]:
    """Random numbers for one round after the other, each from its own seed."""
    name = request.node.name
    seconds = float(os.environ.get("RECURRA_FUZZ_SECONDS", "6"))
    first = int(os.environ.get("RECURRA_FUZZ_SEED", "0"))

    def numbers() -> Iterator[random.Random]:
        end = time.monotonic() + seconds
        seed = first
        while seed < first + _FEWEST or time.monotonic() < end:
            print(f"{name}: round {seed}")  # pytest shows it, as the last line, where a round fails
            yield random.Random(f"{name} {seed}")
            seed += 1

    return numbers()
