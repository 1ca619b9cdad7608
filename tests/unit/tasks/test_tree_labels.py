"""Labels at the nodes of trees: what is learnt, scored, written and drawn, and bad input."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from recurra.data import Tree, parse_trees
from recurra.errors import Fault
from recurra.runs.folder import task_class
from recurra.tasks import ClassifyTask, TreeClassifyTask
from recurra.tasks.readers.trees import TreeRow
from recurra.tasks.tree_labels.plot import Paint, scale_of

from .fitting import fit, reloaded

Data, Model = TreeClassifyTask.DataOptions, TreeClassifyTask.ModelOptions


def negations(rng: random.Random, depth: int) -> Tree:
    """Good or bad words, which "not" at the left of a node turns round."""
    if depth == 0 or rng.random() < 0.3:
        word = rng.choice(("good", "bad"))
        return Tree("1" if word == "good" else "0", word)
    inner = negations(rng, depth - 1)
    if rng.random() < 0.5:
        return Tree("10"[int(inner.label)], None, (Tree("0", "not"), inner))
    return Tree(inner.label, None, (Tree("0", "the"), inner))


def write(path: Path, trees: list[Tree]) -> str:
    path.write_text("".join(f"{tree}\n" for tree in trees))
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    rng = random.Random(3)
    train = [negations(rng, 4) for _ in range(50)]
    return {
        "train": write(tmp_path / "train.trees", train),
        "validation": write(tmp_path / "dev.trees", [negations(rng, 6) for _ in range(30)]),
    }


def prepared(files: dict[str, str], model: dict[str, Any] | None = None, **data: Any) -> TreeClassifyTask:
    options = {"tree": "tree", "batch_size": 10, **files, **data}
    return TreeClassifyTask.prepare(
        Data(**options), Model(**{"hidden": 12, "embedding": 8, **(model or {})}), seed=1
    )


def test_the_column_of_a_recipe_says_which_task_it_is() -> None:
    assert task_class({"task": "classify", "data": {"tree": "tree"}}, "x") is TreeClassifyTask
    assert task_class({"task": "classify", "data": {"tokens": "text"}}, "x") is ClassifyTask
    assert task_class({"task": "classify", "data": 3}, "x") is ClassifyTask


@pytest.mark.parametrize("cell", ["tree_gru", "rntn"])
def test_negation_is_learnt_at_every_node(files: dict[str, str], cell: str, tmp_path: Path) -> None:
    task = prepared(files, {"cell": cell, "hidden": 16})
    fit(task, 20, lr=0.03)
    scores = task.evaluate()
    assert scores["node_accuracy"] > 0.97
    assert scores["accuracy"] > 0.9
    (answer,) = task.predict(["(0 (0 not) (1 (0 not) (0 (0 not) (1 good))))"])
    assert answer["tree"] == "(0 (0 not) (1 (0 not) (0 (0 not) (1 good))))"
    again = reloaded(task, task.options, Model(hidden=16), tmp_path / "run") if cell == "rntn" else task
    assert again.evaluate() == scores


def test_nodes_without_a_label_count_nowhere(tmp_path: Path) -> None:
    trees = "(1 (0 a) (1 b))\n(0 (0 a) (0 (1 b) (0 a)))\n(1 b)\n"
    (tmp_path / "a.trees").write_text(trees)
    source = {"path": str(tmp_path / "a.trees"), "relabel": {"tree": {"0": "", "1": "yes", "2": "no"}}}
    (tmp_path / "b.trees").write_text(trees + "(2 a)\n")
    task = prepared({"train": {**source, "path": str(tmp_path / "b.trees")}, "validation": source})  # type: ignore[dict-item]
    assert task.labels.names == ("no", "yes")
    assert task.data.validation.answers == [[-1, 1, 1], [-1, 1, -1, -1, -1], [1]]
    scores = [scores.log_softmax(-1) for scores in task.answer(task.data.validation.rows)]
    nodes = [-float(scores[tree][node, 1]) for tree, node in ((0, 1), (0, 2), (1, 1), (2, 0))]
    assert task.evaluate()["node_nats"] == pytest.approx(sum(nodes) / 4, rel=1e-5)
    assert task.evaluate()["nats"] == pytest.approx((nodes[1] + nodes[3]) / 2, rel=1e-5)
    loss = task.loss(task.batches(0)[0], None)
    assert loss.items == 5


def test_a_tree_alone_is_as_it_is_among_others(files: dict[str, str]) -> None:
    task = prepared(files, {"input_dropout": 0.5})
    rows = task.data.validation.rows
    together = [answer["nodes"] for answer in task.answers(rows)]
    for row, nodes in zip(rows[:5], together, strict=False):
        ((alone),) = (answer["nodes"] for answer in task.answers([row]))
        for one, other in zip(alone, nodes, strict=True):
            assert one["probability"] == pytest.approx(other["probability"], abs=1e-6)
            assert (one["start"], one["end"]) == (other["start"], other["end"])


def test_an_answer_as_brackets_and_as_lines(files: dict[str, str]) -> None:
    task = prepared(files)
    (answer,) = task.predict([["(", ["the", "good"]]])
    (tree,) = (tree for _, tree in parse_trees(task.formats["brackets"](answer)))
    assert tree.words() == ["-LRB-", "the", "good"]
    lines = task.formats["outline"](answer).splitlines()
    assert [line.split()[2:] for line in lines if line] == [
        ["(", "the", "good"],
        ["("],
        ["the", "good"],
        ["the"],
        ["good"],
    ]
    assert [len(line) - len(line.lstrip()) for line in lines if line] == [0, 2, 2, 4, 4]


def test_brackets_within_words_are_read_as_themselves() -> None:
    ((_, tree),) = parse_trees("(1 (0 -LRB-) (0 (1 a\\/b) (0 -RRB-)))")
    row = TreeRow.of(tree)
    assert row.words == ["(", "a/b", ")"]
    assert (row.parents, row.height) == ([4, 3, 3, 4, -1], 2)
    assert list(row.spans()) == [(0, 1), (1, 2), (2, 3), (1, 3), (0, 3)]
    assert str(row.tree(row.labels)) == "(1 (0 -LRB-) (0 (1 a/b) (0 -RRB-)))"


def test_a_deep_tree_has_an_answer(files: dict[str, str]) -> None:
    task = prepared(files, {"cell": "recursive"})
    depth = 3_000
    (answer,) = task.predict(["(0 (0 not) " * depth + "(1 good)" + ")" * depth])
    assert len(answer["nodes"]) == 2 * depth + 1
    assert f"[{depth}] " in task.formats["outline"](answer)


@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_pictures_on_light_and_dark_ground(files: dict[str, str], tmp_path: Path, ending: str) -> None:
    task = prepared(files)
    sizes = set()
    for dark in (False, True):
        path = tmp_path / f"{dark}{ending}"
        task.picture(["(0 (0 not) (1 $good$))", ["bad"]], path, dark=dark)
        sizes.add(path.read_bytes())
    assert len(sizes) == 2
    with pytest.raises(Fault, match="nothing to draw"):
        task.picture([], tmp_path / "a.png")
    with pytest.raises(Fault, match="a tree of 201 words found, a picture has at most 200"):
        task.picture(["(1 (0 a) " * 200 + "(1 b)" + ")" * 200], tmp_path / "b.png")


def test_a_scale_has_red_at_its_low_end_and_kinds_have_a_colour_each() -> None:
    assert scale_of(["-1", "0", "3"]) == [0, 0.25, 1]
    assert scale_of(["no", "yes"]) == [0, 1]
    assert scale_of(["a", "b", "c"]) is None
    for dark in (False, True):
        low, high = (Paint(["1", "2", "3"], dark).of(shares) for shares in ((1, 0, 0), (0, 0, 1)))
        assert low[0] > low[2]
        assert high[2] > high[0]
        kinds = Paint(["a", "b", "c"], dark)
        assert kinds.of((1, 0, 0)) != kinds.of((0, 1, 0))


def test_bad_input_is_told_by_its_place(files: dict[str, str], tmp_path: Path) -> None:
    task = prepared(files)
    wrong = {
        "(1 (0 a)\n": "bad.trees:1: a bracket opened here is not closed",
        "(1 (0 a) (1 b))\n(1 () (0 a))\n": "bad.trees:2: a bracket without label, word or tree",
        "(0 a)\n\n(1 (7 a) (1 b))\n": "bad.trees:3: label '7' was not seen in training",
        "(1 (0 a) (0 b) (1 c))\n": "bad.trees:1: column 'tree': a node of 3 children, the cell takes 2: set",
    }
    for text, message in wrong.items():
        (tmp_path / "bad.trees").write_text(text)
        with pytest.raises(Fault, match=message):
            task.evaluate(tmp_path / "bad.trees")
    (tmp_path / "bad.trees").write_text("(1 a)\n")
    assert set(task.evaluate(tmp_path / "bad.trees")) >= {"accuracy", "node_accuracy"}
    with pytest.raises(
        Fault, match=r"train.trees:\d+: column 'tree': a tree of \d+ nodes, expected at most 2:"
    ):
        prepared(files, max_nodes=2)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("(0 (1 a)", "a bracket opened here is not closed$"),
        ("(0 a) (1 b)", "2 trees found, expected one"),
        ("", "0 trees found, expected one"),
        (
            "(It (really works))",
            "label 'really' was not seen in training: write a tree without labels as",
        ),
        (["a", []], "an empty list found"),
        ({"text": "a"}, "expected a tree: brackets as text, or nested lists"),
        (3, "3 found, expected a tree"),
    ],
)
def test_items_that_are_no_tree(files: dict[str, str], item: Any, message: str) -> None:
    with pytest.raises(Fault, match=f"item 1: .*{message}"):
        list(prepared(files).predict([item]))


def test_labels_that_the_recipe_renames_may_stand_in_items(tmp_path: Path) -> None:
    path = tmp_path / "a.trees"
    path.write_text("(3 (2 a) (1 b))\n(1 (2 a) (1 b))\n")
    source = {"path": str(path), "relabel": {"tree": {"3": "yes", "1": "no", "2": ""}}}
    task = prepared({"train": source, "validation": source})  # type: ignore[dict-item]
    assert len(list(task.predict(["(3 (2 a) (1 c))", "(yes (no a) (1 b))"]))) == 2
    with pytest.raises(Fault, match="label '4' was not seen"):
        list(task.predict(["(4 (2 a) (1 c))"]))


def test_roots_without_a_label_can_not_be_scored(tmp_path: Path, files: dict[str, str]) -> None:
    path = tmp_path / "a.trees"
    path.write_text("(2 (0 a) (1 b))\n")
    source = {"path": str(path), "relabel": {"tree": {"2": ""}}}
    task = prepared({"train": files["train"], "validation": source})  # type: ignore[dict-item]
    with pytest.raises(Fault, match="none of 1 roots has a label: nothing to score"):
        task.evaluate()


def test_settings_that_can_not_be(files: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="expected label, a column"):
        Data(train="a.trees", tree="tree", node_labels=False)
    with pytest.raises(Fault, match="no tree cell is called 'lstm'"):
        prepared(files, {"cell": "lstm"})
    with pytest.raises(Fault, match="cell_options: 'rntn' has no argument 'order'"):
        prepared(files, {"cell": "rntn", "cell_options": {"order": 2}})
