"""Trees of constituents: the chart finds what trying all trees finds; every output is a tree of its words."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from recurra.data import LabelSet, Tree, parse_trees
from recurra.data.text.constituents import (
    Span,
    brackets,
    chains_of,
    cleaned,
    indented,
    one_tree,
    tags_of,
    trees_of,
)
from recurra.decode.trees import chart_spans, top_down_spans
from recurra.errors import Fault
from recurra.models import SpanPlaces, SpanScores
from recurra.models.parse_encoder import Encoded
from recurra.ragged import Ragged
from recurra.tasks.parse.constituency.decoding import best_labels, decode
from recurra.tasks.parse.constituency.labels import Constituents
from recurra.tasks.parse.constituency.losses import decision_hinge, label_likelihood, tree_hinge

NAMES = ["", "NP", "S", "S VP"]
LENGTHS = (3, 1, 6, 2)
DECODERS = {"chart": chart_spans, "top_down": top_down_spans}


@cache
def binary_trees(start: int, end: int) -> tuple[tuple[Span, ...], ...]:
    """Every binary tree over words, as its spans."""
    if end - start == 1:
        return (((start, end),),)
    return tuple(
        ((start, end), *left, *right)
        for middle in range(start + 1, end)
        for left in binary_trees(start, middle)
        for right in binary_trees(middle, end)
    )


def score(table: NDArray[np.float64], spans: tuple[Span, ...] | list[Span]) -> float:
    return float(sum(table[span] for span in spans))


def scores_of(labels: Tensor, lengths: tuple[int, ...], splits: Tensor | None = None) -> SpanScores:
    """As a model gives them; label 0 has 0."""
    labels = torch.cat([torch.zeros(len(labels), 1), labels[:, 1:]], 1)
    steps = Ragged.from_list([torch.zeros(length, 1) for length in lengths])
    return SpanScores(labels, splits, SpanPlaces.of(lengths), Encoded(steps, {}))


def constituents(root: str | None) -> Constituents:
    return Constituents(LabelSet(NAMES, [1] * len(NAMES)), root)


def random_labels(seed: int, kind: str, lengths: tuple[int, ...] = LENGTHS) -> Tensor:
    count = sum(length * (length + 1) // 2 for length in lengths)
    draw = torch.Generator().manual_seed(seed)
    if kind == "whole":  # many that are equal
        return torch.randint(-1, 2, (count, len(NAMES)), generator=draw).float()
    if kind == "huge":
        return torch.randn(count, len(NAMES), generator=draw) * 5e37
    return (
        torch.zeros(count, len(NAMES)) if kind == "equal" else torch.randn(count, len(NAMES), generator=draw)
    )


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("length", range(1, 7))
def test_chart_is_the_best_of_all_trees(length: int, whole: bool) -> None:
    draw = np.random.default_rng(length)
    size = length + 1
    for _ in range(20):
        table = (
            draw.integers(-2, 3, (1, size, size)).astype(float)
            if whole
            else draw.normal(size=(1, size, size))
        )
        (spans,) = chart_spans(table, [length])
        assert tuple(spans) in binary_trees(0, length)
        best = max(score(table[0], tree) for tree in binary_trees(0, length))
        assert score(table[0], spans) == pytest.approx(best, abs=1e-9)
        (greedy,) = top_down_spans(table, [length])
        assert tuple(greedy) in binary_trees(0, length)
        assert score(table[0], greedy) <= best + 1e-9


def test_top_down_is_worse_somewhere() -> None:
    draw = np.random.default_rng(0)
    table = draw.normal(size=(20, 13, 13))
    pairs = zip(chart_spans(table, [12] * 20), top_down_spans(table, [12] * 20), table, strict=True)
    gaps = [score(own, best) - score(own, greedy) for best, greedy, own in pairs]
    assert min(gaps) >= 0
    assert max(gaps) > 0.1


@pytest.mark.parametrize("find", DECODERS.values())
def test_a_sentence_alone_is_as_in_a_batch(find: object) -> None:
    assert callable(find)
    draw = np.random.default_rng(1)
    table = draw.normal(size=(5, 10, 10))
    lengths = [9, 1, 4, 7, 2]
    table[1, :, 2:] = np.nan  # what lies beyond a sentence is not read
    together = find(table, lengths)
    for row, length in enumerate(lengths):
        alone = find(table[row : row + 1, : length + 1, : length + 1], [length])
        assert together[row] == alone[0]


@settings(max_examples=40)
@given(
    st.integers(0, 10_000),
    st.sampled_from(["random", "whole", "equal", "huge"]),
    st.sampled_from(["chart", "top_down"]),
    st.sampled_from([None, "ROOT"]),
)
def test_every_output_is_a_tree_over_the_words(seed: int, kind: str, decoder: str, root: str | None) -> None:
    labels = constituents(root)
    found = decode(scores_of(random_labels(seed, kind), LENGTHS), decoder, root is not None)  # type: ignore[arg-type]
    for length, spans in zip(LENGTHS, found, strict=True):
        words, tags = [f"w{k}" for k in range(length)], ["X"] * length
        tree = labels.decode(words, tags, spans)
        assert tree.words() == words
        assert tags_of(tree) == tags
        assert root is None or tree.label == root
        assert one_tree(brackets(tree), "output") == tree
        assert len(indented(tree).splitlines()) == len(list(tree.nodes()))


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_score_that_is_no_number_is_told(decoder: str, value: float) -> None:
    labels = random_labels(0, "random")
    labels[SpanPlaces.of(LENGTHS).numbers[2, 1, 4]] = value
    if value < 0:  # no label is better then
        decode(scores_of(labels, LENGTHS), decoder, True)  # type: ignore[arg-type]
        return
    with pytest.raises(Fault, match=r"words 2 to 4 of sentence 3 is (nan|inf), expected a finite number"):
        decode(scores_of(labels, LENGTHS), decoder, True)  # type: ignore[arg-type]


def words() -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=4)


def trees() -> st.SearchStrategy[Tree]:
    names = st.sampled_from(["S", "NP", "VP"])
    leaf = st.builds(lambda tag, word: Tree(tag, word), st.sampled_from(["NN", "-LRB-", ","]), words())
    return st.recursive(
        leaf,
        lambda inner: st.builds(
            lambda n, c: Tree(n, None, tuple(c)), names, st.lists(inner, min_size=1, max_size=3)
        ),
    )


@given(trees())
def test_brackets_out_and_in(tree: Tree) -> None:
    tree = cleaned(tree) or tree  # a word that is -LRB- is a bracket
    assert one_tree(brackets(tree), "tree") == tree
    ((_, again),) = parse_trees(brackets(tree))
    assert cleaned(again) == tree


@given(trees())
def test_spans_out_and_in(tree: Tree) -> None:
    assert trees_of(tree.words(), tags_of(tree), chains_of(tree)) == (tree,)


def golds(seed: int, lengths: tuple[int, ...]) -> Tensor:
    """True labels of every span, of one random tree each."""
    draw = np.random.default_rng(seed)
    parts = []
    for length in lengths:
        options = binary_trees(0, length)
        spans = options[draw.integers(len(options))]
        table = np.zeros((length + 1, length + 1), np.int64)
        for span in spans:
            table[span] = draw.integers(len(NAMES))
        table[0, length] = 2
        parts.append(table[np.triu_indices(length + 1, 1)])
    return torch.from_numpy(np.concatenate(parts))


def labelled(length: int) -> Iterator[tuple[tuple[Span, ...], tuple[int, ...]]]:
    for spans in binary_trees(0, length):
        for numbers in np.ndindex(*[len(NAMES)] * len(spans)):
            yield spans, numbers


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("length", [1, 2, 3])
def test_the_hinge_is_that_of_the_best_of_all_labelled_trees(length: int, seed: int) -> None:
    scores = scores_of(random_labels(seed, "random", (length,)), (length,))
    gold = golds(seed, (length,))
    table, true = scores.places.numbers[0], gold.tolist()
    best = -np.inf
    for spans, numbers in labelled(length):
        places = [table[span] for span in spans]
        total = sum(float(scores.labels[p, n]) + (n != true[p]) for p, n in zip(places, numbers, strict=True))
        best = max(best, total)
    expected = best - sum(float(scores.labels[p, n]) for p, n in enumerate(true))
    assert float(tree_hinge(scores, gold, True)) == pytest.approx(expected, abs=1e-5)
    assert expected >= 0


def sure(gold: Tensor) -> SpanScores:
    """Scores by which the true trees win, and their longest parts the splits."""
    labels = torch.full((len(gold), len(NAMES)), -5.0).scatter(1, gold.unsqueeze(1), 5.0)
    places = SpanPlaces.of(LENGTHS)
    return scores_of(labels, LENGTHS, 5.0 * (gold > 0) * (places.ends - places.starts))


@pytest.mark.parametrize("loss", [tree_hinge, decision_hinge])
@pytest.mark.parametrize("seed", range(5))
def test_a_true_tree_with_a_margin_costs_nothing(loss: object, seed: int) -> None:
    assert callable(loss)
    gold = golds(seed, LENGTHS)
    assert float(loss(sure(gold), gold, True)) == 0
    unsure = scores_of(random_labels(seed, "random"), LENGTHS)
    assert float(loss(unsure, gold, True)) > 0
    assert float(label_likelihood(unsure, gold)) > 0


@pytest.mark.parametrize(("loss", "decoder"), [(tree_hinge, "chart"), (decision_hinge, "top_down")])
def test_descent_of_a_loss_finds_the_true_tree(loss: object, decoder: str) -> None:
    assert callable(loss)
    gold = golds(3, LENGTHS)
    labels = random_labels(1, "random").requires_grad_()
    splits = torch.zeros(len(gold), requires_grad=True) if decoder == "top_down" else None
    optimiser = torch.optim.SGD([labels] if splits is None else [labels, splits], lr=0.2)
    for _ in range(200):
        optimiser.zero_grad()
        loss(scores_of(labels, LENGTHS, splits), gold, True).backward()
        optimiser.step()
    scores = scores_of(labels.detach(), LENGTHS, None if splits is None else splits.detach())
    assert float(loss(scores, gold, True)) == pytest.approx(0, abs=1e-3)
    places = zip(*scores.places[:3], gold, strict=True)
    true: list[dict[Span, int]] = [{} for _ in LENGTHS]
    for row, start, end, number in places:
        if number:
            true[row][int(start), int(end)] = int(number)
    assert decode(scores, decoder, True) == true  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(5))
def test_a_tree_by_splits_scores_no_more_than_the_chart(seed: int) -> None:
    labels = random_labels(seed, "random")
    splits = torch.randn(len(labels), generator=torch.Generator().manual_seed(seed))
    scores = scores_of(labels, LENGTHS, splits)
    numbers = scores.places.numbers
    totals = [
        [
            sum(float(scores.labels[numbers[row][span], n]) for span, n in tree.items())
            for row, tree in enumerate(found)
        ]
        for found in (decode(scores, "chart", True), decode(scores, "top_down", True))
    ]
    assert all(best >= greedy - 1e-5 for best, greedy in zip(*totals, strict=True))


def test_a_label_for_the_whole_sentence_where_no_root_stands_above() -> None:
    places = SpanPlaces.of((3, 1))
    labels = torch.full((len(places.rows), 3), -1.0)
    labels[:, 0] = 0
    best, numbers = best_labels(labels, places, False)
    whole = places.numbers[0, 0, 3]
    assert numbers[whole] == 1
    assert best[whole] == -1
    assert numbers.sum() == 1
    assert best_labels(labels, places, True)[1].sum() == 0
