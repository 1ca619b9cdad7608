"""Trees as rows of symbols, and trees from any symbols."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.data import Tree, parse_trees
from recurra.data.text.linearised import linearised, tree_of_symbols

TEXT = "(S (NP (DT the) (NN cat)) (VP (VBZ sleeps)))"
SYMBOLS = "(S (NP DT NN )NP (VP VBZ )VP )S"


def test_there_and_back() -> None:
    ((_, tree),) = parse_trees(TEXT)
    assert linearised(tree) == SYMBOLS
    assert tree_of_symbols(tree.words(), SYMBOLS.split()) == (tree, True)
    assert tree_of_symbols(["no"], ["UH"]) == (Tree("UH", "no"), True)


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        # any bracket closes the innermost one
        ("(S (NP DT NN )VP (VP VBZ )S )X", TEXT),
        # one too many is left out
        (")NP (S (NP DT NN )NP (VP VBZ )VP )S )S", TEXT),
        # what is open is closed at the end
        ("(S (NP DT NN )NP (VP VBZ", TEXT),
        # brackets without a word, and tags beyond the words, are left out
        ("(S (NP DT NN )NP (PP )PP (VP VBZ NN )VP )S", TEXT),
        # words that are left come to the end of the outermost constituent
        ("(S (NP DT NN )NP )S", "(S (NP (DT the) (NN cat)) (XX sleeps))"),
        ("(S )S", "(ROOT (XX the) (XX cat) (XX sleeps))"),
        ("", "(ROOT (XX the) (XX cat) (XX sleeps))"),
        ("DT", "(ROOT (DT the) (XX cat) (XX sleeps))"),
        # several trees get a root
        ("(NP DT NN )NP (VP VBZ )VP", "(ROOT (NP (DT the) (NN cat)) (VP (VBZ sleeps)))"),
    ],
)
def test_each_rule_of_repair(symbols: str, expected: str) -> None:
    tree, sound = tree_of_symbols(["the", "cat", "sleeps"], symbols.split())
    assert str(tree) == expected
    assert not sound


@given(st.lists(st.sampled_from(["(S", "(NP", ")S", ")NP", "NN", "("])), st.integers(1, 4))
def test_any_symbols_become_a_tree(symbols: list[str], count: int) -> None:
    words = [f"w{k}" for k in range(count)]
    tree, sound = tree_of_symbols(words, symbols)
    assert tree.words() == words
    if sound:
        assert linearised(tree) == " ".join(symbols)


def test_as_deep_as_you_like() -> None:
    depth = 100_000
    tree, sound = tree_of_symbols(["a"], ["(S"] * depth + ["NN"] + [")S"] * depth)
    assert sound
    assert len(linearised(tree).split()) == 2 * depth + 1
