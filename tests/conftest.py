"""What every test stands on: seeds, one thread, NaN in fresh memory, and the folder of real data."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

# Before torch is imported, so that processes which a test starts have one thread as well.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pytest
import torch
from hypothesis import settings

# a deadline would be a timed assertion
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"


def _poisoned(make: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    @wraps(make)
    def fresh(*args: Any, **kwargs: Any) -> torch.Tensor:
        made = make(*args, **kwargs)
        plain = type(made) is torch.Tensor and made.layout is torch.strided  # not a compiler's stand-in
        if plain and (made.is_floating_point() or made.is_complex()):
            with torch.no_grad():
                made.fill_(float("nan"))
        return made

    return fresh


# A value read before it is written shows as NaN. torch's own switch for this comes only with its
# deterministic algorithms, which would hide from the tests what an ordinary run does.
for _owner, _names in (
    (torch, ("empty", "empty_like", "empty_strided")),
    (torch.Tensor, ("new_empty", "new_empty_strided")),
):
    for _name in _names:
        setattr(_owner, _name, _poisoned(getattr(_owner, _name)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs an NVIDIA GPU"))


@pytest.fixture(autouse=True)
def _repeatable() -> Iterator[None]:
    """The same seeds, threads and defaults for every test, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    torch.use_deterministic_algorithms(False)
    with torch.enable_grad():
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_trace_log() -> None:
    """pytest keeps every record of every logger; torch writes thousands for each step that is traced."""
    logging.getLogger("torch.__trace").disabled = True


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout."""
    if not DATA.is_dir():
        pytest.skip("the folder of real data, ../shared/data from the project root, is not there")
    return DATA
