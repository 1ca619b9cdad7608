"""Beam search finds what going through all sequences finds."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor

from recurra.decode import Hypothesis, beam_search
from recurra.errors import Fault

SIZE, END = 4, 3


class Table:
    """A model whose next probabilities depend on row and last two tokens."""

    def __init__(self, rows: int) -> None:
        draws = torch.Generator().manual_seed(5)
        self.table = torch.randn(rows, SIZE + 1, SIZE + 1, SIZE, generator=draws) * 2
        self.first = self.table[:, SIZE, SIZE]
        self.start = torch.tensor([[row, SIZE] for row in range(rows)])

    def step(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.table[state[:, 0], state[:, 1], ids], torch.stack([state[:, 0], ids], 1)

    def all(self, row: int, length: int, penalty: float, end: int | None) -> list[Hypothesis]:
        best: dict[tuple[int, ...], Hypothesis] = {}
        for ids in product(range(SIZE), repeat=length):
            path = ids if end is None or end not in ids else ids[: ids.index(end) + 1]
            earlier, last, total = SIZE, SIZE, 0.0
            for token in path:
                total += float(self.table[row, earlier, last].log_softmax(-1)[token])
                earlier, last = last, token
            ended = end is not None and path[-1] == end
            tokens = list(path[:-1]) if ended else list(path)
            best[path] = Hypothesis(tokens, total, total / ((5 + len(path)) / 6) ** penalty, ended)
        return sorted(best.values(), key=lambda one: -one.score)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("end", [None, END])
def test_a_wide_beam_is_a_search_through_everything(penalty: float, end: int | None) -> None:
    model = Table(3)
    beams = beam_search(
        model.step, model.first, model.start, width=SIZE**4, length=4, end=end, length_penalty=penalty
    )
    for row, beam in enumerate(beams):
        expected = model.all(row, 4, penalty, end)
        assert [one.ids for one in beam] == [one.ids for one in expected]
        assert [one.score for one in beam] == pytest.approx([one.score for one in expected], abs=1e-5)
        assert [one.ended for one in beam] == [one.ended for one in expected]


def test_rows_of_a_batch_do_not_meet() -> None:
    model = Table(3)
    together = beam_search(model.step, model.first, model.start, width=3, length=6, end=END)
    for row in range(3):
        alone = beam_search(
            model.step, model.first[row : row + 1], model.start[row : row + 1], width=3, length=6, end=END
        )[0]
        assert [one.ids for one in alone] == [one.ids for one in together[row]]


def test_a_beam_of_one_is_greedy() -> None:
    model = Table(1)
    beam = beam_search(model.step, model.first, model.start, width=1, length=5)[0]
    ids, logits, state = [], model.first, model.start
    for _ in range(5):
        ids.append(int(logits.argmax()))
        logits, state = model.step(logits.argmax(-1), state)
    assert beam[0].ids == ids


def test_a_length_penalty_favours_longer_sequences() -> None:
    def step(ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return torch.tensor([[0.55, 0.45]]).log().expand(len(ids), 2), state

    def best(penalty: float) -> Hypothesis:
        logits, state = step(torch.zeros(1, dtype=torch.int64), torch.zeros(1, 1))
        return beam_search(step, logits, state, width=4, length=8, end=1, length_penalty=penalty)[0][0]

    assert len(best(0.0).ids) == 0
    assert len(best(10.0).ids) > 3


def test_bad_settings_are_told() -> None:
    model = Table(1)
    with pytest.raises(Fault, match="width = 0"):
        beam_search(model.step, model.first, model.start, width=0, length=3)
    with pytest.raises(Fault, match="length_penalty = -1"):
        beam_search(model.step, model.first, model.start, width=1, length=3, length_penalty=-1)


def test_each_row_may_have_a_limit_of_its_own() -> None:
    logits = torch.randn(3, 4)

    def step(ids: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return state, state

    limits = [2, 5, 1]
    together = beam_search(step, logits, logits, width=3, length=limits, end=0)
    for row, limit in enumerate(limits):
        (alone,) = beam_search(
            step, logits[row : row + 1], logits[row : row + 1], width=3, length=limit, end=0
        )
        assert [one.ids for one in together[row]] == [one.ids for one in alone]
        assert max(len(one.ids) for one in together[row]) <= limit
    with pytest.raises(Fault, match="length names 2 rows, expected 3"):
        beam_search(step, logits, logits, width=3, length=[1, 2])


def test_a_row_whose_best_are_found_leaves_the_batch() -> None:
    sure, unsure = torch.tensor([9.0, 0.0]).log_softmax(-1), torch.tensor([0.0, 9.0]).log_softmax(-1)
    searched: list[int] = []

    def step(ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        searched.append(len(ids))
        return state, state

    logits = torch.stack([sure, unsure])
    short, long = beam_search(step, logits, logits, width=1, length=6, end=0)
    assert (len(short[0].ids), len(long[0].ids)) == (0, 6)
    assert searched == [1] * 5
