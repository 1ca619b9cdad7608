"""Every law that asks for an engine holds for each one that this installation has."""

from __future__ import annotations

import pytest

from recurra.engines.choice import NAMES, _engine

ENGINES = [name for name in NAMES if not isinstance(_engine(name), str)]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs the test on this engine (or on the next one, where it refuses a step)."""
    if request.param == ENGINES[0]:
        monkeypatch.delenv("RECURRA_ENGINE", raising=False)  # the fastest is what users get unasked
    else:
        monkeypatch.setenv("RECURRA_ENGINE", request.param)
    return str(request.param)
