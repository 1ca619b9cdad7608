"""Readers give back the table that was written."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recurra.data import READERS, Tree, columns, guess_format, parse_trees, read
from recurra.data.readers import ENDINGS
from recurra.errors import Fault

in_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
anything = st.text(st.characters(codec="utf-8"), max_size=8)
# what a line-based cell can hold: no line end, no tab, no blank, no byte order mark, which may begin a line
word = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\t \ufeff"), min_size=1, max_size=6)


@st.composite
def tables(draw: st.DrawFn, cell: st.SearchStrategy[str]) -> tuple[list[str], list[list[str]]]:
    names = draw(st.lists(word, min_size=1, max_size=4, unique=True))
    rows = draw(st.lists(st.lists(cell, min_size=len(names), max_size=len(names)), min_size=1, max_size=6))
    return names, rows


@in_folder
@given(tables(anything))
def test_csv_round_trip(tmp_path: Path, table: tuple[list[str], list[list[str]]]) -> None:
    names, rows = table
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    path = tmp_path / "t.csv"
    path.write_bytes(written.getvalue().encode())
    found = read(path)
    assert found.columns == {name: [row[k] for row in rows] for k, name in enumerate(names)}


@in_folder
@given(tables(word))
def test_tsv_round_trip(tmp_path: Path, table: tuple[list[str], list[list[str]]]) -> None:
    names, rows = table
    path = tmp_path / "t.tsv"
    path.write_bytes("".join("\t".join(row) + "\n" for row in [["a" + names[0], *names[1:]], *rows]).encode())
    if "a" + names[0] in names[1:]:
        with pytest.raises(Fault, match="twice"):
            read(path)
        return
    found = read(path)
    assert list(found.columns.values()) == [[row[k] for row in rows] for k in range(len(names))]
    assert [p.number for p in found.places] == list(range(2, len(rows) + 2))


json_values = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.floats(-9, 9), max_size=3)
)


@in_folder
@given(
    st.lists(
        st.dictionaries(st.text(max_size=4), json_values, min_size=1, max_size=3), min_size=1, max_size=5
    )
)
def test_jsonl_round_trip(tmp_path: Path, rows: list[dict[str, object]]) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = read(path)
    for name, cells in found.columns.items():
        assert cells == [row.get(name) for row in rows]
    assert set(found.columns) == {name for row in rows for name in row}


@in_folder
@given(
    st.integers(1, 3).flatmap(
        lambda width: st.lists(
            st.lists(st.lists(word, min_size=width, max_size=width), min_size=1, max_size=4),
            min_size=1,
            max_size=4,
        )
    ),
    st.sampled_from(["\t", " ", "   "]),
    st.integers(1, 3),
)
def test_conll_round_trip(
    tmp_path: Path, sentences: list[list[list[str]]], between: str, blank_lines: int
) -> None:
    width = len(sentences[0][0])
    text = ("\n" * blank_lines).join("".join(between.join(row) + "\n" for row in rows) for rows in sentences)
    path = tmp_path / "t.conll"
    path.write_bytes(text.encode())
    names = [f"c{k}" for k in range(width)]
    found = read(path, names=names)
    for k, name in enumerate(names):
        assert found[name] == [[row[k] for row in rows] for rows in sentences]
    lines = text.split("\n")
    for place, rows in zip(found.places, sentences, strict=True):
        assert [lines[n - 1] for n in place.lines] == [between.join(row) for row in rows]


@in_folder
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n")), min_size=1, max_size=5))
def test_lines_round_trip_gzipped(tmp_path: Path, lines: list[str]) -> None:
    lines = [*lines, "end"]
    path = tmp_path / "t.txt.gz"
    path.write_bytes(gzip.compress("\r\n".join(lines).encode()))
    lines = [line.removeprefix("\ufeff") for line in lines]  # a byte order mark is not text
    assert read(path)["text"] == lines
    assert read(path, document=True)["text"] == ["\n".join(lines) + "\n"]


def test_a_line_is_ended_by_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes("a\u2028b\x0cc\x85d \r f\n\ne\n".encode())
    assert read(path)["text"] == ["a\u2028b\x0cc\x85d \r f", "", "e"]


def test_csv_places_count_lines_inside_cells(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a;b\n1;"x\ny"\n\n2;z\n')
    found = read(path, delimiter=";")
    assert [str(p) for p in found.places] == [f"{path}:2", f"{path}:5"]


def test_csv_without_header(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("1,2\n3,4\n")
    assert read(path, names=["a", "b"]).columns == {"a": ["1", "3"], "b": ["2", "4"]}


def test_csv_cell_of_a_megabyte(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    before = csv.field_size_limit()
    path.write_text("a,b\n" + "1 " * 500_000 + ",x\n")
    assert columns.vectors(read(path), "a")[0].shape == (500_000, 1)
    assert csv.field_size_limit() == before


def test_conll_comments_and_left_out_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.conll"
    path.write_text("-DOCSTART- X O\n\n#a NN O\nb  JJ O \n\n")
    found = read(path, names=["token", "_", "tag"], comment="-DOCSTART-")
    assert found.columns == {"token": [["#a", "b"]], "tag": [["O", "O"]]}
    assert found.places[0].item(1) == f"{path}:4"


CONLLU = """# text = vámonos al mar
1-2\tvámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tvamos\tir\tVERB\t_\tMood=Imp\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_
2.1\tgone\t_\t_\t_\t_\t_\t_\t_\t_
3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\ta\tADP\t_\t_\t5\tcase\t_\t_
4\tel\tel\tDET\t_\t_\t5\tdet\t_\t_
5\tmar\tmar\tNOUN\t_\t_\t1\tobl\t_\t_

1\tSí\tsí\tINTJ\t_\t_\t_\t_\t_\t_
"""


def test_conllu(tmp_path: Path) -> None:
    path = tmp_path / "t.conllu"
    path.write_text(CONLLU, encoding="utf-8")
    found = read(path)
    assert found["form"] == [["vamos", "nos", "a", "el", "mar"], ["Sí"]]
    assert found["head"] == [[0, 1, 5, 5, 1], [-1]]
    assert found["deprel"][0] == ["root", "obj", "case", "det", "obl"]
    assert found["feats"][0][0] == "Mood=Imp"
    assert found.places[0].item(2) == f"{path}:7"


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    atom = st.text(st.characters(codec="utf-8", exclude_characters="() \t\r\n"), min_size=1, max_size=4)
    return draw(
        st.recursive(
            st.builds(Tree, atom, atom),
            lambda kids: st.builds(
                lambda label, children: Tree(label, None, tuple(children)),
                atom,
                st.lists(kids, min_size=1, max_size=3),
            ),
            max_leaves=8,
        )
    )


@in_folder
@given(st.lists(trees(), min_size=1, max_size=4))
def test_trees_round_trip(tmp_path: Path, written: list[Tree]) -> None:
    path = tmp_path / "t.trees"
    path.write_bytes("".join(f"{tree}\n" for tree in written).encode())
    if str(written[0]).startswith("\ufeff"):
        return
    found = read(path)
    assert found["tree"] == written
    assert found["label"] == [tree.label for tree in written]
    assert found["tokens"] == [tree.words() for tree in written]
    phrases = read(path, phrases=True)
    assert len(phrases) == sum(len(list(tree.nodes())) for tree in written)
    assert phrases["tree"] == [node for tree in written for node in tree.nodes()]


def test_trees_over_several_lines_and_without_top_label() -> None:
    text = "( (S\n (NP I)\n (VP go)))\n(X y)"
    found = list(parse_trees(text))
    assert [line for line, _ in found] == [1, 4]
    assert str(found[0][1]) == "(S (NP I) (VP go))"
    assert [node.label for node in found[0][1].nodes()] == ["NP", "VP", "S"]


def test_a_tree_as_deep_as_you_like() -> None:
    depth = 20_000
    ((_, tree),) = parse_trees("(a " * depth + "(b c)" + ")" * depth)
    assert tree.words() == ["c"]
    assert sum(1 for _ in tree.nodes()) == depth + 1


def test_parquet(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    path = tmp_path / "t.parquet"
    parquet.write_table(arrow.table({"x": [[1.0, 2.0], [3.0]], "label": ["a", None]}), path)
    found = read(path)
    assert found["x"] == [[1.0, 2.0], [3.0]]
    with pytest.raises(Fault, match=r"t\.parquet: row 2: column 'label': no value"):
        columns.labels(found, "label")


def test_numpy(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.int16)
    np.save(tmp_path / "a.npy", values.reshape(2, 4, 3))
    assert [v.shape for v in columns.vectors(read(tmp_path / "a.npy"), "vectors")] == [(4, 3), (4, 3)]
    np.save(tmp_path / "b.npy", values.reshape(8, 3))
    assert [v.shape for v in columns.vectors(read(tmp_path / "b.npy"), "vectors")] == [(8, 3)]
    np.savez(
        tmp_path / "c.npz",
        train=values.reshape(8, 3),
        train_lengths=np.array([5, 0, 3]),
        y=np.array([7, 8, 9]),
    )
    found = read(tmp_path / "c.npz", sequences="train", targets="y")
    rows = columns.vectors(found, "vectors")
    assert [row.shape for row in rows] == [(5, 3), (0, 3), (3, 3)]
    assert rows[2][0].tolist() == [15.0, 16.0, 17.0]
    assert columns.numbers(found, "target").tolist() == [[7.0], [8.0], [9.0]]
    assert str(found.places[1]).endswith("c.npz: train sequence 2")


def test_formats_by_ending() -> None:
    named = {
        "idx",
        "numbers",
        "easy_vqa",
        "prop_logic",
        "labelled",
        "qamr",
        "spoken_digits",
        "babi",
        "squad",
        "reading_frames",
    }  # files of these have no ending of their own: a recipe names the format
    assert {*ENDINGS.values(), guess_format("a.{en,de}.gz")} == set(READERS) - named
    assert guess_format("A.CSV.GZ") == "csv"


def test_several_files_and_edits(tmp_path: Path) -> None:
    (tmp_path / "a.pos").write_text("good\nfine\n")
    (tmp_path / "a.neg").write_text("bad\nso\n")
    found = read(
        [{"path": "a.pos", "add": {"label": "4"}}, {"path": "a.neg", "add": {"label": "0"}}],
        base=tmp_path,
        format="text",
        relabel={"label": {"4": "yes"}},
    )
    assert found.columns == {"text": ["good", "fine", "bad", "so"], "label": ["yes", "yes", "0", "0"]}
    left = read({"path": ["a.pos", "a.neg"], "format": "text", "drop": {"text": ["so"]}}, base=tmp_path)
    assert left["text"] == ["good", "fine", "bad"]
    assert left.with_column("k", [1, 1, 2]).distinct("k")["text"] == ["good", "bad"]


def test_trees_of_the_penn_treebank() -> None:
    text = "( (S\n  (NP (NN x))\n  (VP (VBZ is)))\n)\n( (S (UH no)) (. .) )\n"
    (first, one), (second, two) = parse_trees(text)
    assert (first, one.label, one.words()) == (1, "S", ["x", "is"])
    assert (second, two.label, two.words()) == (5, "", ["no", "."])
    assert list(parse_trees(str(two))) == [(1, two)]
    assert [(node.label, two.words()[start:end]) for node, start, end in two.spans()] == [
        ("UH", ["no"]),
        ("S", ["no"]),
        (".", ["."]),
        ("", ["no", "."]),
    ]


def test_trees_nested_deep(tmp_path: Path) -> None:
    depth = 100_000
    path = tmp_path / "deep.trees"
    path.write_text("(1 " * depth + "(2 x)" + ")" * depth)
    assert read(path)["tokens"] == [["x"]]
    assert len(read(path, phrases=True)) == depth + 1
    path.write_text("(1 (2 x) " * 20_000 + "(2 x)" + ")" * 20_000)
    with pytest.raises(Fault, match="deep.trees:1: more than .* words in all phrases"):
        read(path, phrases=True)
