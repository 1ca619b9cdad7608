"""Steps that no one wrote, in runs that no one planned: the numbers and every gradient of the plain loop."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
import torch

from recurra import scan
from recurra.engines.choice import NAMES
from recurra.ragged import Ragged
from recurra.state import named_leaves
from tests.laws.generated import Generated, choose_gradients
from tests.laws.loops import assert_same, by_hand, random_state
from tests.laws.table import features


def test_values_and_gradients(rounds: Iterator[Random], monkeypatch: pytest.MonkeyPatch) -> None:
    for random in rounds:
        check(random, monkeypatch)


def check(random: Random, monkeypatch: pytest.MonkeyPatch) -> None:
    """One step in a few runs, each on an engine of its own choice, gradients of other tensors in each."""
    seed = random.randrange(2**31)
    torch.manual_seed(seed)
    single = random.random() < 0.3
    dtype = torch.float32 if single else torch.float64
    cell = Generated(seed, smooth=single).to(dtype)  # at a kink float32 may stand on the other side
    lengths = [random.choice([0, 1, 1, 2, 3, 5]) for _ in range(random.randint(1, 4))]
    rows = features(*lengths, dtype=dtype, size=cell.input_size)
    state = random_state(cell, len(rows))
    inputs = [*rows, *named_leaves(state).values(), *cell.parameters()]
    reverse = random.random() < 0.4
    flags = [torch.rand(length) < 0.3 for length in lengths] if random.random() < 0.4 else None
    resets = None if flags is None else Ragged.from_list(flags)
    accuracy = {"rtol": 2e-4, "atol": 2e-5} if single else {}
    for _ in range(3):
        choose_gradients(inputs, random)
        engine, every = random.choice(NAMES), random.choice([None, None, 1, 2, 3])
        monkeypatch.setenv("RECURRA_ENGINE", engine)
        expected = by_hand(cell, rows, state, reverse, flags)
        try:
            y, final = scan(
                cell, Ragged.from_list(rows), state, reverse=reverse, resets=resets, checkpoint_every=every
            )
            assert_same((y.to_list(), final), expected, inputs, **accuracy)
        except Exception as error:
            error.add_note(
                f"{cell.text}\nlengths {lengths}, {reverse=}, {flags=}, {engine=}, {every=}, {dtype}, "
                f"gradients of {[k for k, t in enumerate(inputs) if t.requires_grad]}"
            )
            raise
