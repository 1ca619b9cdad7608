"""Norms of gradients by the states of steps that no one wrote are those of retained gradients."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
import torch

from recurra.engines.choice import NAMES
from tests.laws.generated import Generated
from tests.laws.loops import random_state
from tests.laws.table import features
from tests.laws.watched import assert_norms, retained, watched


def test_norms(rounds: Iterator[Random], monkeypatch: pytest.MonkeyPatch) -> None:
    for random in rounds:
        seed = random.randrange(2**31)
        torch.manual_seed(seed)
        cell = Generated(seed).double()
        lengths = [random.choice([0, 1, 1, 2, 3, 5]) for _ in range(random.randint(1, 4))]
        rows = [row.requires_grad_() for row in features(*lengths, size=cell.input_size)]
        state = random_state(cell, len(rows))
        reverse = random.random() < 0.4
        flags = [torch.rand(length) < 0.3 for length in lengths] if random.random() < 0.4 else None
        engine, every = random.choice(NAMES), random.choice([None, None, 1, 2, 3])
        monkeypatch.setenv("RECURRA_ENGINE", engine)
        expected = retained(cell, rows, state, reverse, flags)
        try:
            (run,) = watched(cell, rows, state, reverse, flags, every).runs
            assert_norms(run, expected, 1e-7)
        except BaseException as error:
            error.add_note(f"{cell.text}\nlengths {lengths}, {reverse=}, {flags=}, {engine=}, {every=}")
            raise
