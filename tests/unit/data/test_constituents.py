"""Trees of constituents: what is read of treebanks, and what is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.data import Tree, parse_trees, read
from recurra.data.text.constituents import brackets, chains_of, cleaned, indented, tags_of, trees_of
from recurra.errors import Fault

PENN = """( (S
    (NP-SBJ-1 (NNP Ms.) (NNP Haag) )
    (VP (VBZ plays)
      (NP=2 (NNP Elianti) (-LRB- -LRB-) (NN x-RRB-) )
      (SBAR (-NONE- 0)
        (S (-NONE- *T*-1) )))
    (. .) ))
"""


def one(text: str) -> Tree:
    ((_, tree),) = parse_trees(text)
    return tree


def test_a_tree_of_the_penn_treebank(tmp_path: Path) -> None:
    path = tmp_path / "a.mrg"
    path.write_text(PENN)
    found = read(path, format="brackets")
    assert found["tokens"] == [["Ms.", "Haag", "plays", "Elianti", "(", "x)", "."]]
    assert found["tags"] == [["NNP", "NNP", "VBZ", "NNP", "-LRB-", "NN", "."]]
    text = "(S (NP (NNP Ms.) (NNP Haag)) (VP (VBZ plays) (NP (NNP Elianti) (-LRB- -LRB-) (NN x-RRB-))) (. .))"
    assert found["brackets"] == [text]
    assert str(found.places[0]).endswith("a.mrg:1")
    with_functions = read(path, format="brackets", functions=True)["brackets"]
    assert with_functions == [text.replace("(NP (NNP Ms", "(NP-SBJ-1 (NNP Ms").replace("(NP (", "(NP=2 (")]


def test_what_is_read_is_written_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.brackets"
    path.write_text(PENN + "(ROOT (X (Y a)))\n(NN b)\n")
    found = read(path)
    path.write_text("".join(f"{line}\n" for line in found["brackets"]))
    assert read(path).columns == found.columns


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(S (NP a)\n(S (NP b))\n", r":1: a bracket opened here is not closed"),
        ("(S (NP a))\n(S (NP b)))\n", r":2: '\)' found, expected '\('"),
        ("(S (NP a))\n(S ())\n", r":2: a bracket without label, word or tree"),
        ("(S (NP a))\n(S (NP ))\n", r":2: a bracket with 'NP' alone"),
        ("(S a b)\n", r":1: 'b' found, expected '\)' or a tree"),
        ("(S (NP a))\n( (S (NP a)) (S (NP b)) )\n", r":2: 2 trees found in a bracket without label"),
        ("(ROOT (S (NP a))\n(ROOT (S (NP b))))\n", r":1: a tree labelled 'ROOT' found within the tree"),
        ("(S (NP a))\n\n(S (NP (-NONE- *)))\n", r":3: a tree of empty elements alone"),
    ],
)
def test_brackets_that_are_no_trees_are_told_by_their_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.brackets"
    path.write_text(text)
    with pytest.raises(Fault, match=message):
        read(path)


def test_constituents_of_the_same_words_are_one() -> None:
    tree = one("(ROOT (SBAR (S (NP (PRP I)) (VP (VBP go)))))")
    chains = {(0, 2): "ROOT SBAR S", (0, 1): "NP", (1, 2): "VP"}
    assert chains_of(tree) == chains
    assert trees_of(tree.words(), tags_of(tree), chains) == (tree,)
    pair = one("(NP (NN a) (NN b))"), one("(NN c)")
    assert chains_of(*pair) == {(0, 2): "NP"}
    assert trees_of(["a", "b", "c"], ["NN"] * 3, {(0, 2): "NP"}) == pair


@pytest.mark.parametrize("spans", [[(0, 2), (1, 3)], [(1, 1)], [(0, 4)], [(-1, 2)]])
def test_spans_that_make_no_tree(spans: list[tuple[int, int]]) -> None:
    with pytest.raises(Fault, match="cross|found over 3 words"):
        trees_of(["a", "b", "c"], ["X"] * 3, dict.fromkeys(spans, "NP"))


def test_a_tree_as_lines() -> None:
    assert indented(one("(S (NP (NN a)) (VP (V b) (NN c)))")) == (
        "S\n├─ NP\n│  └─ NN a\n└─ VP\n   ├─ V b\n   └─ NN c"
    )


def test_a_tree_as_deep_as_you_like(tmp_path: Path) -> None:
    depth = 100_000
    path = tmp_path / "deep.brackets"
    path.write_text("(a-b " * depth + "(b c)" + ")" * depth)
    (tree,) = read(path)["tree"]
    chains = chains_of(cleaned(tree) or tree)
    assert chains[0, 1].count("a") == depth
    (again,) = trees_of(["c"], ["b"], chains)
    assert brackets(again) == "(a " * depth + "(b c)" + ")" * depth
