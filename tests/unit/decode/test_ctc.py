"""Scores with blanks: the best path, prefix beams against every path there is, and where symbols stand."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from recurra.decode import LanguageScores, Transcript, ctc_align, ctc_beam_search, ctc_greedy
from recurra.decode.ctc_greedy import collapse
from recurra.errors import Fault

BLANK = 2


def rows(*lengths: int, seed: int = 0, size: int = BLANK + 1) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [
        (3 * torch.randn(n, size, generator=generator, dtype=torch.float64)).log_softmax(-1) for n in lengths
    ]


def symbols_of(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != blank)


def every(row: Tensor) -> dict[tuple[int, ...], float]:
    """The probability of all symbols that a row can say, path by path."""
    shares: dict[tuple[int, ...], float] = defaultdict(float)
    blank = row.shape[1] - 1
    for path in itertools.product(range(row.shape[1]), repeat=len(row)):
        shares[symbols_of(path, blank)] += float(row[range(len(row)), list(path)].sum().exp())
    return shares


@pytest.mark.parametrize("seed", range(5))
def test_a_beam_as_wide_as_all_prefixes_is_exact(seed: int) -> None:
    batch = rows(4, 0, 5, 1, seed=seed)
    width = max(len(every(row)) for row in batch)
    for row, transcripts in zip(batch, ctc_beam_search(batch, BLANK, width=width), strict=True):
        expected = sorted(every(row).items(), key=lambda pair: -pair[1])
        assert [tuple(one.ids) for one in transcripts] == [ids for ids, _ in expected]
        probabilities = torch.tensor([one.log_probability for one in transcripts], dtype=torch.float64).exp()
        torch.testing.assert_close(probabilities, torch.tensor([p for _, p in expected], dtype=torch.float64))
        assert float(probabilities.sum()) == pytest.approx(1.0)


def test_many_rows_are_each_alone() -> None:
    batch = rows(9, 0, 12, 3, seed=7, size=5)
    for row, transcripts in zip(batch, ctc_beam_search(batch, 4, width=3), strict=True):
        (alone,) = ctc_beam_search([row], 4, width=3)
        assert [one.ids for one in alone] == [one.ids for one in transcripts]
        assert [one.score for one in alone] == pytest.approx([one.score for one in transcripts])


def test_a_narrow_beam_never_says_more_than_there_is() -> None:
    for row in rows(5, 5, 5, seed=3):
        exact = every(row)
        (transcripts,) = ctc_beam_search([row], BLANK, width=2)
        assert len({tuple(one.ids) for one in transcripts}) == len(transcripts) == 2
        for one in transcripts:
            assert one.log_probability <= torch.tensor(exact[tuple(one.ids)]).log() + 1e-9


class Bigrams:
    """A language model over ids 1 and 2 (symbols 0 and 1), and the end, 0: its state is the last id."""

    def __init__(self) -> None:
        self.table = rows(3, seed=11, size=3)[0]

    def step(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.table[ids], {"last": ids.unsqueeze(1), "count": state["count"] + 1}

    def scores(self, weight: float, bonus: float) -> LanguageScores:
        logits, state = self.step(torch.tensor([0]), {"count": torch.zeros(1, 1)})
        return LanguageScores(self.step, logits, state, torch.tensor([1, 2]), 0, weight, bonus)

    def of(self, ids: tuple[int, ...]) -> float:
        path = [0, *(i + 1 for i in ids), 0]
        return sum(float(self.table[a, b]) for a, b in itertools.pairwise(path))


def test_a_language_model_adds_its_own_score() -> None:
    model, batch = Bigrams(), rows(5, 2, 0, 4, seed=5)
    width = max(len(every(row)) for row in batch)
    beams = ctc_beam_search(batch, BLANK, width=width, scores=model.scores(0.7, 0.3))
    plain = ctc_beam_search(batch, BLANK, width=width)
    assert [r[0].ids for r in beams] != [r[0].ids for r in plain]
    for row, transcripts in zip(batch, beams, strict=True):
        exact = {
            ids: float(torch.tensor(p).log()) + 0.7 * model.of(ids) + 0.3 * len(ids)
            for ids, p in every(row).items()
        }
        expected = sorted(exact, key=lambda ids: -exact[ids])
        assert [tuple(one.ids) for one in transcripts] == expected
        assert [one.score for one in transcripts] == pytest.approx([exact[ids] for ids in expected], rel=1e-5)


@given(st.lists(st.integers(0, 3), max_size=12))
def test_a_path_collapses_to_its_symbols(path: list[int]) -> None:
    symbols = collapse(path, 3)
    assert tuple(i for i, _ in symbols) == symbols_of(tuple(path), 3)
    for symbol, (begin, end) in symbols:
        assert set(path[begin:end]) == {symbol}
        assert path[begin - 1 : begin] != [symbol]
        assert path[end : end + 1] != [symbol]


def test_greedy_says_what_the_likeliest_path_says() -> None:
    batch = rows(9, 0, 4, seed=1)
    for row, transcript in zip(batch, ctc_greedy(batch, BLANK), strict=True):
        best = row.max(-1)
        assert tuple(transcript.ids) == symbols_of(tuple(best.indices.tolist()), BLANK)
        assert transcript.log_probability == pytest.approx(float(best.values.sum()))


@settings(max_examples=40)
@given(st.integers(0, 6), st.lists(st.integers(0, 1), max_size=4), st.integers(0, 10**6))
def test_an_alignment_is_the_likeliest_path_that_says_the_symbols(
    steps: int, ids: list[int], seed: int
) -> None:
    (row,) = rows(steps, seed=seed)
    paths = [
        path for path in itertools.product(range(3), repeat=steps) if symbols_of(path, BLANK) == tuple(ids)
    ]
    if not paths:
        with pytest.raises(Fault, match=f"{steps} steps can't say {len(ids)} symbols"):
            ctc_align(row, ids, BLANK)
        return
    best = max(paths, key=lambda path: float(row[range(steps), list(path)].sum()))
    assert ctc_align(row, ids, BLANK) == [span for _, span in collapse(best, BLANK)]


def test_symbols_stand_one_after_another() -> None:
    transcripts: list[Transcript] = [
        one for row in ctc_beam_search(rows(12, 20, seed=2, size=4), 3, width=6) for one in row
    ]
    for one in transcripts:
        places = [place for span in one.spans for place in span]
        assert len(one.spans) == len(one.ids)
        assert places == sorted(places)
        assert all(begin < end for begin, end in one.spans)


def test_what_can_not_be_searched_is_told() -> None:
    with pytest.raises(Fault, match="width = 0"):
        ctc_beam_search(rows(3), BLANK, width=0)
    with pytest.raises(Fault, match="expected the last index, 2"):
        ctc_beam_search(rows(3), 0, width=2)
    assert ctc_beam_search([], BLANK, width=2) == ctc_greedy([], BLANK) == []
