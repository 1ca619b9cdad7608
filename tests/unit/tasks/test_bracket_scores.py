"""Labelled brackets counted by hand, rule by rule, as EVALB counts them."""

from __future__ import annotations

import pytest

from recurra.data import Tree, parse_trees
from recurra.errors import Fault
from recurra.tasks.parse.constituency.scores import BracketCounts, bracket_counts, bracket_scores


def tree(text: str) -> Tree:
    ((_, only),) = parse_trees(text)
    return only


def counts(gold: str, predicted: str) -> BracketCounts:
    return bracket_counts(tree(gold), tree(predicted))


def test_brackets_of_label_and_words() -> None:
    found = counts(
        "(S (NP (DT a) (NN b)) (VP (V c) (NP (N d))))",  # S, NP 0-2, VP 2-4, NP 3-4
        "(S (NP (DT a) (NN b)) (NP (V c) (ADJP (N e))))".replace("e", "d"),  # S, NP 0-2, NP 2-4, ADJP 3-4
    )
    assert found == BracketCounts(2, 4, 4, 0, 1, 4, 4)


@pytest.mark.parametrize(
    ("gold", "predicted", "matched", "golds", "predictions"),
    [
        # function tags are cut at the first "-" or "="
        ("(S (NP-SBJ-1 (N a)) (VP=2 (V b)))", "(S (NP (N a)) (VP-X (V b)))", 3, 3, 3),
        # neither TOP nor ROOT nor a bracket without label counts
        ("(ROOT (S (N a) (V b)))", "(TOP (S (N a) (V b)))", 1, 1, 1),
        ("(ROOT (S (N a) (V b)))", "( (S (N a) (V b)) )", 1, 1, 1),
        # punctuation is left out, so that it may hang anywhere
        ("(S (NP (N a)) (, ,) (VP (V b)) (. .))", "(S (NP (N a) (, ,)) (VP (V b) (. .)))", 3, 3, 3),
        ("(S (`` x) (NP (N a)) ('' y) (: z))", "(S (NP (`` x) (N a) ('' y) (: z)))", 2, 2, 2),
        # by its true tag, whatever is predicted: -LRB- is none of it
        ("(S (NP (N a) (, b)))", "(S (NP (N a)) (X (N b)))", 2, 2, 2),
        ("(S (NP (N a) (-LRB- b)))", "(S (NP (N a)) (X (, b)))", 1, 2, 3),
        # what holds no other word counts nowhere
        ("(S (PRN (, a)) (N b))", "(S (, a) (N b))", 1, 1, 1),
        # ADVP and PRT are the same
        ("(S (ADVP (R a)) (V b))", "(S (PRT (R a)) (V b))", 2, 2, 2),
        # as often as they occur: 1 of 2, and 2 of 3
        ("(NP (NP (N a) (N b)))", "(NP (N a) (N b))", 1, 2, 1),
        ("(NP (NP (N a) (N b)))", "(NP (NP (NP (N a) (N b))))", 2, 2, 3),
        # PRT and ADVP over the same words, once each and twice
        ("(ADVP (PRT (N a)))", "(PRT (PRT (N a)))", 2, 2, 2),
        # tags of words are no brackets
        ("(N a)", "(NP (N a))", 0, 0, 1),
    ],
)
def test_each_rule(gold: str, predicted: str, matched: int, golds: int, predictions: int) -> None:
    assert counts(gold, predicted)[:3] == (matched, golds, predictions)


def test_a_sentence_is_complete_where_everything_matches() -> None:
    assert counts("(S (N a) (. .))", "(ROOT (S (N a)) (X .))").complete == 1
    assert counts("(S (N a) (V b))", "(S (NP (N a)) (V b))").complete == 0
    assert counts("(S (NP (N a)) (V b))", "(S (N a) (V b))").complete == 0


def test_tags_count_apart_and_without_punctuation() -> None:
    found = counts("(S (N a) (V b) (. .))", "(S (N a) (N b) (, .))")
    assert (found.tags, found.words) == (1, 2)


def test_a_sentence_of_punctuation_is_none() -> None:
    assert counts("(S (. .))", "(S (. .))") == BracketCounts()


def test_scores_are_of_all_brackets_together() -> None:
    # 1 of 1 and 1, then 2 of 4 and 3
    gold = [tree("(S (N a))"), tree("(S (NP (DT a) (NN b)) (VP (V c) (NP (N d))))")]
    guess = [tree("(S (N a))"), tree("(S (NP (DT a) (NN b)) (X (V c) (N d)))")]
    scores = bracket_scores(gold, guess)
    assert scores["precision"] == pytest.approx(3 / 4)
    assert scores["recall"] == pytest.approx(3 / 5)
    assert scores["f1"] == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    assert (scores["complete"], scores["tag_accuracy"]) == (0.5, 1.0)
    assert bracket_scores([], [])["f1"] == 0


def test_other_words_are_refused() -> None:
    with pytest.raises(Fault, match="over 1 words found where the true one is over 2"):
        counts("(S (N a) (N b))", "(S (N a))")
