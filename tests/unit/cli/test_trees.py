"""Sentences in, trees out: in their own formats, as pictures, one error a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.train import train
from recurra.train.recipe import recipe_of
from tests.laws.table_tasks import TASKS, table_of

from .command_line import Command, told

FILE = "trees.conllu"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    TASKS["parse"].write(tmp_path)
    monkeypatch.chdir(tmp_path)
    table = table_of("parse")
    table["data"]["max_length"] = 6
    return train(recipe_of(table, "parse"), "run", quiet=True).folder


def test_trees_are_written_in_other_formats(run: Path, call: Command) -> None:
    said = call("predict", run, "Ann runs", "", "a a a a a a a", "--as", "conllu")
    assert said.code == 2
    assert [line.split("\t")[1] for line in said.out if "\t" in line] == ["Ann", "runs"]
    assert said.out[-1].startswith("# argument 3: a sentence of 7 words found")
    assert "1 of 3 items have no answer" in said.error[0]
    said = call("predict", run, "Ann", "--as", "tree")
    assert said.out[0].startswith("Ann (")
    assert "a parse model writes --as conllu, tree, jsonl, csv, tsv or text" in told(
        call("predict", run, "Ann", "--as", "brackets")
    )


def test_what_is_written_of_a_file_is_measured_as_the_file_is(run: Path, call: Command) -> None:
    said = call("predict", run, "--file", FILE, "--format", "conllu", "--as", "conllu")
    assert said.code == 0
    Path("own.conllu").write_text("".join(f"{line}\n" for line in said.out))
    assert '"uas": 1.0, "las": 1.0' in call("evaluate", run, "--data", "own.conllu", "--json").out[0]
    assert "--format conllu reads a file: give --file" in told(
        call("predict", run, "Ann", "--format", "conllu")
    )


def test_pictures_are_dark_where_the_task_draws_so(run: Path, call: Command) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    assert call("predict", run, "Ann runs", "--picture", "tree.svg", "--dark").code == 0
    assert "0d1117" in Path("tree.svg").read_text()
    assert "found the ending '.txt'" in told(call("predict", run, "Ann runs", "--picture", "tree.txt"))
