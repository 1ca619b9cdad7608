"""Whatever the scores, what comes out is a tree with one root, and the best one; alone as in a batch."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from recurra.decode.trees import (
    arc_hybrid,
    best_trees,
    eisner,
    fault_of,
    maximum_arborescence,
    projective,
    transitions,
    trees,
)
from recurra.errors import Fault
from recurra.tasks.base import Task
from recurra.train.recipe import recipe_of
from tests.laws.table_tasks import TASKS, table_of

DECODERS = ("eisner", "chu_liu_edmonds")
MOST = 5
KINDS = ("normal", "equal", "few", "huge", "largest", "tiny", "falling")


@cache
def all_trees(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Every tree with one root over so many words `[M, count]`, and which of them are projective."""
    lists = np.array(list(itertools.product(range(count + 1), repeat=count)))
    good = lists[trees(lists, np.full(len(lists), count))]
    return good, np.array([projective(heads) for heads in good])


def scores_of(kind: str, count: int, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    shape = (count, count + 1)
    if kind == "equal":
        return np.full(shape, 0.5)
    if kind == "few":
        return draw.integers(0, 3, shape).astype(float)
    if kind == "falling":  # the root first, then the words in order: as many cycles and roots as there can be
        return -np.broadcast_to(np.arange(count + 1.0), shape)
    if kind == "largest":
        return draw.uniform(-1.0, 1.0, shape) * np.finfo(float).max
    return draw.normal(size=shape) * {"normal": 1.0, "huge": 1e30, "tiny": 1e-30}[kind]


def total(scores: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """The mean of the arcs' scores of each tree `[..., n]`."""
    return (scores[np.arange(len(scores)), heads] / len(scores)).sum(-1)


def is_tree(heads: np.ndarray) -> bool:
    return bool(trees(heads[None], np.array([len(heads)]))[0])


def test_there_are_as_many_trees_as_there_should_be() -> None:
    """n^(n-1) by Cayley; the projective ones are the sequence A006013."""
    counts = [(len(good), int(flat.sum())) for good, flat in map(all_trees, range(1, MOST + 1))]
    assert counts == [(1, 1), (2, 2), (9, 7), (64, 30), (625, 143)]


@pytest.mark.parametrize("count", range(1, MOST + 1))
def test_a_fault_is_told_for_all_other_lists(count: int) -> None:
    lists = np.array(list(itertools.product(range(count + 1), repeat=count)))
    told = np.array([fault_of(heads) is None for heads in lists])
    assert (told == trees(lists, np.full(len(lists), count))).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", range(1, MOST + 1))
def test_the_best_of_all_trees_is_found(count: int, kind: str) -> None:
    good, flat = all_trees(count)
    for seed in range(20):
        scores = scores_of(kind, count, seed)
        sums = total(scores, good)
        heads = maximum_arborescence(scores)
        assert is_tree(heads)
        assert total(scores, heads) == pytest.approx(sums.max(), rel=1e-12)
        (heads,) = eisner(scores[None], np.array([count]))
        assert is_tree(heads)
        assert projective(heads)
        assert total(scores, heads) == pytest.approx(sums[flat].max(), rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decoder", DECODERS)
def test_long_sentences_have_trees_alone_and_together(decoder: Any, kind: str) -> None:
    lengths = np.array([17, 1, 30, 2, 23])
    scores = np.full((5, 30, 31), np.nan)  # nothing past the end of a sentence is looked at
    for row, length in enumerate(lengths):
        scores[row, :length, : length + 1] = scores_of(kind, length, row)
        scores[row, np.arange(length), np.arange(length) + 1] = np.nan  # nor a word as its own head
    together = best_trees(scores, lengths, decoder)
    for row, heads in enumerate(together):
        length = lengths[row]
        table = scores[row : row + 1, :length, : length + 1]
        assert is_tree(heads)
        assert decoder != "eisner" or projective(heads)
        assert heads.tolist() == best_trees(table, lengths[row : row + 1], decoder)[0].tolist()
        searched = eisner(table, lengths[row : row + 1])[0] if decoder == "eisner" else maximum_arborescence(
            table[0]
        )  # fmt: skip
        assert total(table[0], heads) == pytest.approx(total(table[0], searched), rel=1e-9)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_told(wrong: float) -> None:
    scores = scores_of("normal", 4, 0)
    scores[2, 1] = wrong
    for decoder in DECODERS:
        with pytest.raises(Fault, match="score of head 1 for word 3"):
            best_trees(scores[None], np.array([4]), decoder)  # type: ignore[arg-type]
    with pytest.raises(Fault, match="score of a transition"):
        arc_hybrid([4], lambda slots, rows: np.full((len(rows), 3), wrong))


@pytest.mark.parametrize("count", range(1, MOST + 1))
def test_transitions_build_every_projective_tree(count: int) -> None:
    good, flat = all_trees(count)
    for heads in good[flat]:
        path = transitions(heads.tolist())
        steps = iter(zip(path.slots, path.actions, strict=True))

        def follow(slots: np.ndarray, rows: np.ndarray, steps: Any = steps) -> np.ndarray:
            expected, action = next(steps)
            assert slots.tolist() == [expected.tolist()]
            return np.eye(3)[[action]]

        assert arc_hybrid([count], follow)[0].tolist() == heads.tolist()


@pytest.mark.parametrize("kind", ["normal", "equal", "huge"])
def test_transitions_build_nothing_but_trees(kind: str) -> None:
    draw = np.random.default_rng(0)

    def score(slots: np.ndarray, rows: np.ndarray) -> np.ndarray:
        drawn = draw.normal(size=(len(rows), 3))
        return np.zeros_like(drawn) if kind == "equal" else drawn * (1e300 if kind == "huge" else 1)

    for heads in arc_hybrid([*range(1, 12), 40, 1], score):
        assert is_tree(heads)
        assert projective(heads)


@pytest.fixture(params=["parse", "parse by transitions"])
def task(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    """One whose weights are drawn so that it is sure of nothing and wrong in everything."""
    TASKS[request.param].write(tmp_path)
    monkeypatch.chdir(tmp_path)
    prepared = recipe_of(table_of(request.param), request.param).prepare()
    torch.manual_seed(1)
    for weight in prepared.model.parameters():
        nn.init.normal_(weight)
    return prepared


SENTENCES = [["Ann"], [], ["a", "dog", "sees", "a", "dog", "."], ["Rome", "runs"], ["never", "seen"] * 9]


def test_a_sentence_is_parsed_alone_as_in_a_batch(task: Task) -> None:
    together = list(task.predict(SENTENCES))
    assert together == [next(iter(task.predict([sentence]))) for sentence in SENTENCES]
    for answer in together:
        heads = np.array(answer["heads"], np.int64)
        assert not len(heads) or is_tree(heads)


def test_broken_weights_are_told(task: Task) -> None:
    with torch.no_grad():
        for weight in task.model.parameters():
            weight.fill_(torch.nan)
    with pytest.raises(Fault, match="expected a finite number"):
        list(task.predict(SENTENCES))
