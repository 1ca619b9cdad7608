"""The command line from end to end, in a temporary folder on tiny data: every command."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import recurra
from recurra.cells import CELLS
from recurra.recipes import recipe_names, recipe_text

from .command_line import OWN_CELL, Command, Said, told


def test_version_and_help(call: Command) -> None:
    assert call("--version") == Said(0, [recurra.__version__], [])
    helped = call("--help")
    assert helped.code == 0
    commands = (
        "demo",
        "recipes",
        "new",
        "check",
        "train",
        "evaluate",
        "predict",
        "sample",
        "stream",
        "explain",
        "cells",
        "bench",
        "vectors",
    )
    assert all(any(re.match(rf"  {name} ", line) for line in helped.out) for name in commands)
    assert call().out == helped.out
    for name in commands:
        assert call(name, "--help").code == 0


def test_recipes_and_new(call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = call("recipes")
    assert [line.split("\t")[0] for line in listed.out[1:]] == recipe_names()
    assert call("recipes", "list").out == listed.out
    assert list(json.loads(call("recipes", "list", "--json").out[0])) == recipe_names()
    assert call("recipes", "show", "demo").out == recipe_text("demo").splitlines()
    monkeypatch.chdir(tmp_path)
    assert call("new", "demo").out == ["demo.toml"]
    assert Path("demo.toml").read_text() == recipe_text("demo")
    assert "demo.toml: already exists" in told(call("new", "demo"))
    assert "no recipe is called 'demmo': did you mean 'demo'?" in told(call("new", "demmo"))
    assert "no recipe is called" in told(call("recipes", "show", "nothing"))


def test_check(call: Command, here: Path) -> None:
    said = call("check", "language.toml", "--json")
    found = json.loads(said.out[-1])
    assert said.code == 0
    assert found["numbers"]["parameters"] > 0
    assert found["notes"]
    assert call("check", "language.toml").out[: len(found["notes"])] == found["notes"]
    assert sorted(path.name for path in here.iterdir()) == sorted(
        ["text.txt", "rows.csv", "language.toml", "sentiment.toml", "language", "sentiment"]
    )


def test_train_resume_and_change(call: Command, here: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    said = call("train", "language.toml", "-o", run, "--set", "train.epochs=1", "--json")
    assert said.code == 0
    assert json.loads(said.out[0])["steps"] == 12
    assert any("validation: nats_per_token" in line for line in said.error)
    more = call("train", "language.toml", "-o", run, "--resume", "--set", "train.epochs=2", "--quiet")
    assert more.code == 0
    assert not more.error
    assert "steps\t24" in more.out
    again = call("train", "--resume", "-o", run, "--json")
    assert json.loads(again.out[0])["steps"] == 24
    named = call(
        "train",
        "demo",
        "-o",
        tmp_path / "named",
        "--set",
        "train.steps=1",
        "--set",
        "model.hidden=4",
        "--json",
    )
    assert json.loads(named.out[0])["steps"] == 1


def test_evaluate(call: Command, here: Path) -> None:
    said = json.loads(call("evaluate", "language", "--json").out[0])
    metrics = {name: said[name] for name in said["units"]}
    best = json.loads((here / "language" / "metrics.json").read_text())["best"]["metrics"]
    assert metrics == pytest.approx(best, abs=1e-6)
    other = json.loads(call("evaluate", "language", "--data", "text.txt", "--json").out[0])
    assert other.keys() == said.keys()
    assert other["data"]["split"] is None
    assert other["data"]["source"].endswith("text.txt")
    lines = call("evaluate", "language").out
    from_here = said["data"]["described"].replace(f"{Path.cwd()}/", "")
    assert lines[:2] == [from_here, "name\tvalue\tunit\tbetter"]
    assert lines[0].startswith("validation, one text of ")
    assert lines[0].endswith("text.txt")
    assert lines[2].startswith("nats_per_token\t")
    assert lines[2].endswith("\tnats a token\tlower")


def test_evaluate_tells_parts_and_intervals(call: Command, here: Path) -> None:
    said = json.loads(call("evaluate", "sentiment", "--bootstrap", 50, "--json").out[0])
    low, high = said["intervals"]["accuracy"]
    assert 0 <= low <= said["accuracy"] <= high <= 1
    assert said["data"]["split"] == "validation"
    assert said["data"]["count"] > 1
    lines = call("evaluate", "sentiment", "--bootstrap", 50, "--split", "train").out
    assert lines[0].startswith("train, ")
    assert lines[1] == "name\tvalue\tunit\tbetter\tfrom\tto"
    assert lines == call("evaluate", "sentiment", "--bootstrap", 50, "--split", "train").out


def test_predict_from_everywhere(
    call: Command, here: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    by_argument = call("predict", "sentiment", "so good", "very bad")
    answers = [json.loads(line) for line in by_argument.out]
    assert [set(answer) >= {"label", "probability"} for answer in answers] == [True, True]
    (tmp_path / "items.txt").write_text("so good\nvery bad\n")
    assert call("predict", "sentiment", "--file", tmp_path / "items.txt").out == by_argument.out
    with (tmp_path / "items.txt").open() as opened:
        monkeypatch.setattr(sys, "stdin", opened)
        assert call("predict", "sentiment").out == by_argument.out
    (tmp_path / "items.jsonl").write_text('{"text": "so good"}\n')
    with (tmp_path / "items.jsonl").open() as opened:
        monkeypatch.setattr(sys, "stdin", opened)
        as_json = call("predict", "sentiment", "--file", "-", "--format", "json")
    assert [json.loads(line)["label"] for line in as_json.out] == [answers[0]["label"]]


def test_sample(call: Command, here: Path) -> None:
    def drawn(*more: Any) -> list[str]:
        said = call("sample", "language", "--prompt", "the ", "--length", 20, "--json", *more)
        assert said.code == 0
        return [json.loads(line)["text"] for line in said.out]

    assert drawn("--seed", 1) == drawn("--seed", 1)
    assert drawn("--seed", 1) != drawn("--seed", 2)
    assert len(drawn("-n", 3)) == 3
    assert all(
        len(text) == 24 and text.startswith("the ") for text in drawn("--temperature", 0.5, "--top-k", 3)
    )
    assert drawn("--beam", 2, "--seed", 1) == drawn("--beam", 2, "--seed", 2)
    plain = call("sample", "language", "--prompt", "the ", "--length", 20, "--seed", 1)
    assert "\n".join(plain.out) == drawn("--seed", 1)[0].rstrip("\n")


def test_stream(call: Command, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").write_text("the cät")
    with (tmp_path / "in").open() as opened:
        monkeypatch.setattr(sys, "stdin", opened)
        said = call("stream", "language")
    answers = [json.loads(line) for line in said.out]
    assert said.code == 0
    assert len(answers) == 7
    assert [answer["token"] for answer in answers][:4] == ["t", "h", "e", " "]


def test_explain(call: Command, here: Path) -> None:
    told = call("explain", "language").out
    assert "LSTM 8 -> 12" in told[0]
    assert told[-1].startswith(
        "streams: native: "
        if importlib.util.find_spec("recurra.engines.native._engine")
        else "streams: torch"
    )
    found = json.loads(call("explain", "language", "--json").out[0])
    assert found["layers"][0]["cell"] == "LSTM 8 -> 12"
    assert f"streams: {found['streams']}" == told[-1]


def test_explain_tells_where_the_time_of_training_goes(call: Command, here: Path) -> None:
    parts = json.loads(call("explain", "language", "--profile", "--json").out[0])["profile"]
    assert sum(part["share"] for part in parts) == pytest.approx(1)
    native = {"backward: loop"} if importlib.util.find_spec("recurra.engines.native._engine") else set()
    assert {"data", "optimiser", "loop"} | native <= {part["part"] for part in parts}
    assert any("of torch.mm" in line for line in call("explain", "language", "--profile").out)


def test_cells(call: Command) -> None:
    found = {each["name"]: each for each in json.loads(call("cells", "--json").out[0])}
    assert set(found) >= set(CELLS)
    assert found["gru"]["parameters"] == sum(w.numel() for w in CELLS["gru"](128, 128).parameters())
    assert found["gru"]["state"] == "h [128]"
    assert found["gru"]["source"].startswith("Cho et al.")
    assert "tanh" in found["gru"]["equation"]
    assert [line.split("\t")[0] for line in call("cells").out[1:]] == list(found)
    small = json.loads(call("cells", "lstm", "--json", "--input-size", 2, "--hidden-size", 3).out[0])
    assert small["parameters"] == 4 * 3 * (2 + 3 + 2)
    assert call("cells", "lstm").out[0].startswith("lstm: ")
    assert call("cells", "rnn").out == call("cells", "vanilla").out  # an alias
    assert "did you mean 'lstm'?" in told(call("cells", "lstmm"))


def test_demo(call: Command, tmp_path: Path) -> None:
    run = tmp_path / "demo"
    small = ["--set", "train.steps=3", "--set", "model.hidden=8", "--set", "train.tensorboard=false"]
    said = call("demo", "-o", run, *small)
    assert said.code == 0, said.error
    assert said.out[-2] == f"Report: {run / 'report.html'}"
    page = (run / "report.html").read_text()
    assert page.count("data:image/png;base64,") >= 4
    assert call("demo", "-o", run, *small).code == 0  # a run is replaced
    (tmp_path / "mine").mkdir()
    assert "already there and no run folder" in told(call("demo", "-o", tmp_path / "mine", *small))


def test_own_cells(call: Command, here: Path, tmp_path: Path) -> None:
    mine = tmp_path / "my_cells.py"
    mine.write_text(OWN_CELL)
    change = ["--set", "model.cell=my_own_cell", "--set", "train.epochs=1", "--quiet"]
    assert call("--import", mine, "train", "language.toml", "-o", tmp_path / "own", *change).code == 0
    assert call("--import", mine, "evaluate", tmp_path / "own").code == 0
    assert "no such file" in told(call("--import", tmp_path / "no.py", "cells"))
    assert "no such module" in told(call("--import", "no_such_module_here", "cells"))


def test_answers_as_tables_and_text_into_files(call: Command, here: Path, tmp_path: Path) -> None:
    said = call("predict", "sentiment", "so good", "very bad", "--as", "csv")
    assert said.out[0] == "item,label,probability,probabilities.no,probabilities.yes"
    assert [line.split(",")[:2] for line in said.out[1:]] == [["1", "yes"], ["2", "no"]]
    tabs = call("predict", "sentiment", "so good", "--as", "tsv").out
    assert tabs == [line.replace(",", "\t") for line in said.out[:2]]
    assert call("predict", "sentiment", "so good", "very bad", "--as", "text").out == ["yes", "no"]
    file = tmp_path / "answers.csv"
    assert call("predict", "sentiment", "so good", "very bad", "--as", "csv", "-o", file).out == []
    assert file.read_text().splitlines() == said.out
    wrong = call("predict", "sentiment", "", "so good", "", "--as", "csv", "-o", file)
    assert wrong.code == 2
    assert "2 of 3 items have no answer" in wrong.error[0]
    assert [line.split(",")[0] for line in file.read_text().splitlines()] == ["item", "1", "2", "3"]
    jsonl = call("predict", "sentiment", "so good", "--as", "jsonl").out
    assert jsonl == call("predict", "sentiment", "so good").out


def test_what_can_not_be_written_is_told_and_no_file_is_left(
    call: Command, here: Path, tmp_path: Path
) -> None:
    file = tmp_path / "answers.csv"
    assert "a classify model writes --as jsonl, csv, tsv or text" in told(
        call("predict", "sentiment", "so good", "--as", "xml", "-o", file)
    )
    assert "a language_model model answers with no text" in told(
        call("predict", "language", "the cat", "--as", "text", "-o", file)
    )
    assert not file.exists()


def test_a_threshold_makes_answers_unsure(call: Command, here: Path) -> None:
    assert call("predict", "sentiment", "so good", "--threshold", 1, "--as", "text").out == ["unsure"]
    assert call("predict", "sentiment", "so good", "--threshold", "no=0", "--as", "text").out == ["no"]
