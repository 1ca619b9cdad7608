"""Trees without labels, labels renamed within trees, and pairs of formulas."""

from __future__ import annotations

import io
import random
import tarfile
from pathlib import Path

import pytest

from recurra.data import Tree, parse_trees, read
from recurra.data.text.bare_trees import nested_tree, parse_bare_trees, plain_word
from recurra.errors import Fault


def leaf(word: str) -> Tree:
    return Tree("", word)


def node(*children: Tree) -> Tree:
    return Tree("", None, children)


def drawn(rng: random.Random, depth: int) -> object:
    """Nested lists of words."""
    if depth == 0 or rng.random() < 0.3:
        return rng.choice("abc")
    return [drawn(rng, depth - 1) for _ in range(rng.randint(2, 3))]


def text_of(nested: object) -> str:
    return nested if isinstance(nested, str) else f"( {' '.join(map(text_of, nested))} )"  # type: ignore[call-overload]


def test_a_formula() -> None:
    expected = node(leaf("not"), node(leaf("b"), node(leaf("or"), leaf("b"))))
    assert list(parse_bare_trees("( not ( b ( or b ) ) )")) == [(1, expected)]
    assert list(parse_bare_trees("a\n((b)\n c)")) == [(1, leaf("a")), (2, node(leaf("b"), leaf("c")))]


def test_text_and_lists_mean_the_same_tree() -> None:
    rng = random.Random(0)
    for _ in range(50):
        nested = drawn(rng, 4)
        assert [tree for _, tree in parse_bare_trees(text_of(nested))] == [nested_tree(nested)]


def test_deep_lists_and_brackets() -> None:
    depth = 100_000
    ((_, tree),) = parse_bare_trees("(a " * depth + "a" + ")" * depth)
    assert len(tree.words()) == depth + 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("( a b", ":1: a bracket opened here is not closed"),
        ("a\n( a\n( b )", ":2: a bracket opened here is not closed"),
        ("( a ) )", ":1: '\\)' found, expected"),
        ("( a\n () )", ":2: an empty bracket"),
    ],
)
def test_wrong_brackets_are_told_by_line(text: str, message: str) -> None:
    with pytest.raises(Fault, match=message):
        list(parse_bare_trees(text))


def test_wrong_lists() -> None:
    wrong = (["a", 3], "3 found, expected a word"), (["a", []], "an empty list"), ([" "], "leaf")
    for nested, message in wrong:
        with pytest.raises(Fault, match=message):
            nested_tree(nested)


def test_words_of_brackets() -> None:
    words = {"-LRB-": "(", "-RCB-": "}", "and\\/or": "and/or", "a-LRB-": "a-LRB-"}
    assert [plain_word(word) for word in words] == list(words.values())
    tree = Tree("2", None, (Tree("3", "(x"), Tree("1", "y")))
    ((_, again),) = parse_trees(str(tree))
    assert str(tree) == "(2 (3 -LRB-x) (1 y))"
    assert again.words() == ["-LRB-x", "y"]


def test_labels_are_renamed_in_every_node(tmp_path: Path) -> None:
    path = tmp_path / "a.trees"
    path.write_text("(3 (2 -LRB-) (1 b))\n(2 (2 c) (2 d))\n")
    found = read(path, drop={"label": ["2"]}, relabel={"tree": {"3": "yes", "1": "no", "2": ""}}, plain=True)
    (tree,) = found["tree"]
    assert [each.label for each in tree.nodes()] == ["", "no", "yes"]
    assert found["label"] == ["3"]
    assert found["tokens"] == [["(", "b"]]
    bare = read({"path": path, "node_labels": False})
    assert [each.label for each in bare["tree"][0].nodes()] == [""] * 8


def archive(path: Path, **files: str) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return path


def test_formulas_of_some_operators(tmp_path: Path) -> None:
    first, second = "#\ta\tb\n", "=\t( not a )\ta\n<\ta\tb\n"
    path = archive(tmp_path / "p.tar.gz", train0=first, train1=second, test0=first)
    found = read({"path": path, "format": "prop_logic", "operators": [0, 1]})
    assert found["relation"] == ["#", "=", "<"]
    assert found["operators"] == ["0", "1", "1"]
    assert str(found.places[2]).endswith("p.tar.gz: train1:2")
    for options, message in (
        ({"operators": [2]}, "no train2 in the archive: it holds test0, train0"),
        ({"operators": 2}, "operators = 2 found, expected a list"),
        ({"part": "dev"}, "no dev0"),
    ):
        with pytest.raises(Fault, match=message):
            read({"path": path, "format": "prop_logic", **options})
    with pytest.raises(Fault, match="train0:1: 2 columns found, expected relation"):
        read({"path": archive(tmp_path / "q.tar", train0="#\ta\n"), "format": "prop_logic", "operators": [0]})
