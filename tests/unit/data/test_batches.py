"""Batches, streams and splits: everything once, on any number of processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from recurra.data import Batches, Streams, hold_out, hold_out_indices, next_token
from recurra.errors import Fault

lengths = st.lists(st.integers(0, 40), min_size=1, max_size=120)
sizes = st.one_of(
    st.fixed_dictionaries({"batch_size": st.integers(1, 12)}),
    st.fixed_dictionaries({"tokens": st.integers(1, 200)}),
)


@given(lengths, sizes, st.booleans(), st.integers(0, 3))
def test_each_example_exactly_once(rows: list[int], size: dict[str, int], shuffle: bool, epoch: int) -> None:
    batches = Batches(rows, **size, shuffle=shuffle, seed=5)
    plan = batches.plan(epoch)
    assert sorted(index for batch in plan for index in batch) == list(range(len(rows)))
    for batch in plan:
        if "batch_size" in size:
            assert len(batch) <= size["batch_size"]
        else:
            assert len(batch) == 1 or sum(rows[i] for i in batch) <= size["tokens"]
    assert Batches(rows, **size, shuffle=shuffle, seed=5).plan(epoch) == plan
    if not shuffle:
        flat = [rows[i] for batch in plan for i in batch]
        assert flat == sorted(rows, reverse=True)


@given(lengths, sizes, st.integers(1, 4))
def test_shards_partition_the_same_batches(rows: list[int], size: dict[str, int], world: int) -> None:
    assume(len(rows) >= world)
    assume(size.get("batch_size", world) >= world)
    ranks = [Batches(rows, **size, rank=rank, world=world) for rank in range(world)]
    for epoch in range(2):
        shares = [[ranks[r].item(epoch, k) for k in range(ranks[r].count(epoch))] for r in range(world)]
        assert len({len(share) for share in shares}) == 1
        assert all(batch for share in shares for batch in share)
        assert sorted(i for share in shares for batch in share for i in batch) == list(range(len(rows)))
    if "batch_size" in size and len(rows) % size["batch_size"] == 0:
        alone = Batches(rows, **size)
        assert [sorted(i for share in shares for i in share[k]) for k in range(len(shares[0]))] == [
            sorted(batch) for batch in alone.plan(1)
        ]


def test_epochs_and_seeds_differ() -> None:
    rows = list(range(60))
    one, two = Batches(rows, batch_size=4), Batches(rows, batch_size=4, seed=1)
    assert one.plan(0) != one.plan(1)
    assert one.plan(0) != two.plan(0)


def test_batches_hold_similar_lengths() -> None:
    rows = torch.randint(1, 100, (2000,)).tolist()
    spread = [max(rows[i] for i in b) - min(rows[i] for i in b) for b in Batches(rows, batch_size=20).plan(0)]
    assert sum(spread) / len(spread) < 10


@given(st.integers(2, 120), st.integers(1, 6), st.integers(1, 9), st.integers(1, 3))
def test_streams_predict_every_token_once(tokens: int, batch_size: int, steps: int, world: int) -> None:
    assume(batch_size < tokens)
    assume(world <= batch_size)
    ids = torch.arange(tokens) * 3
    counts = set()
    predicted = []
    for rank in range(world):
        streams = Streams(ids, batch_size=batch_size, steps=steps, rank=rank, world=world)
        counts.add(streams.count(0))
        rows: list[list[int]] | None = None
        for index in range(streams.count(0)):
            window = streams.item(0, index)
            assert window.fresh == (index == 0)
            assert window.inputs.order is None
            assert window.targets.batch_sizes == window.inputs.batch_sizes
            assert int(window.inputs.lengths.min()) >= 1
            assert window.inputs.steps <= steps + 1
            assert torch.equal(window.targets.data, window.inputs.data + 3)
            pieces = [row.tolist() for row in window.inputs.to_list()]
            if rows is None:
                rows = pieces
            else:
                # a row goes on where it stopped
                assert all(piece[0] == row[-1] + 3 for piece, row in zip(pieces, rows, strict=True))
                rows = [[*row, *piece] for row, piece in zip(rows, pieces, strict=True)]
            predicted.extend(window.targets.data.tolist())
    assert len(counts) == 1
    assert sorted(predicted) == ids[1:].tolist()


def test_next_token() -> None:
    inputs, targets = next_token([5, 6], begin=1, end=0)
    assert (inputs.tolist(), targets.tolist()) == ([1, 5, 6], [5, 6, 0])
    inputs, targets = next_token([], begin=1, end=0)
    assert (inputs.tolist(), targets.tolist()) == ([1], [0])


@given(
    st.integers(2, 300),
    st.floats(0.01, 0.99),
    st.sampled_from(["last", "first", "random"]),
    st.integers(0, 3),
)
def test_hold_out(count: int, fraction: float, where: Any, seed: int) -> None:
    assume(0 < int(count * (1 - fraction)) < count)
    split = hold_out(count, fraction, where=where, seed=seed)
    assert sorted([*split.train, *split.held_out]) == list(range(count))
    assert len(split.train) == int(count * (1 - fraction))
    assert split == hold_out(count, fraction, where=where, seed=seed)
    if where == "last":
        assert max(split.train) < min(split.held_out)
    if where == "first":
        assert max(split.held_out) < min(split.train)


def test_hold_out_of_the_shakespeare_text_is_the_usual_one() -> None:
    assert len(hold_out(1_115_394, 0.1).train) == 1_003_854


def test_hold_out_indices() -> None:
    assert hold_out_indices(4, [2, 0]) == ([1, 3], [0, 2])


def test_faults() -> None:
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: Batches([1], batch_size=1, tokens=1), "expected exactly one of the two"),
        (lambda: Batches([1]), "expected exactly one of the two"),
        (lambda: Batches([1, 1], batch_size=1, world=2), "expected at least 2, one a process"),
        (lambda: Batches([1], batch_size=2, world=2), "1 examples are too few for 2 processes"),
        (lambda: Batches([1], tokens=0), "expected at least 1"),
        (lambda: Batches([1], batch_size=1, rank=1), "rank 1 of 1"),
        (
            lambda: Streams([1, 2], batch_size=2, steps=1),
            "too short for 2 streams: expected at least 3 tokens",
        ),
        (lambda: Streams([1, 2], batch_size=1, steps=0), "expected at least 1 and 1"),
        (lambda: hold_out(10, 1.5), "fraction = 1.5"),
        (lambda: hold_out(1, 0.5), "leaves one part empty"),
        (lambda: hold_out(10, 0.5, where="middle"), "expected 'last', 'first' or 'random'"),  # type: ignore[arg-type]
        (lambda: hold_out_indices(3, [3]), "index 3 found, expected 0 to 2"),
        (lambda: hold_out_indices(2, [0, 1]), "holding out 2 of 2"),
    ]
    for call, line in calls:
        with pytest.raises(Fault) as caught:
            call()
        assert line in str(caught.value)
