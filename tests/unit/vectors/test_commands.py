"""`recurra vectors`, end to end in a temporary folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from recurra.cli.vectors import app
from recurra.errors import Fault

pytest.importorskip("recurra.vectors._vectors", reason="the word-vector trainer is not built here")

runner = CliRunner()


def call(*arguments: str | Path) -> str:
    result = runner.invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_commands(tmp_path: Path) -> None:
    text, run = tmp_path / "text", tmp_path / "run"
    text.write_text("a cat drinks milk now\na bee makes honey now\n" * 500)
    common = ("--threads", "1", "--dimensions", "8", "--algorithm", "cbow", "--sample", "0")
    told = call("train", text, "-o", run, *common)
    assert "5,000 words, 8 in the vocabulary, 1 threads, " in told
    assert "100%" in told
    found = json.loads(call("nearest", run, "cat", "-n", "3", "--json"))
    assert len(found) == 3
    assert set(found[0]) == {"word", "cosine"}
    assert call("nearest", run, "cat", "milk", "-n", "3").count("\t") == 4
    assert call("analogy", run, "cat", "milk", "bee", "-n", "1").splitlines()[0] == "word\tcosine"
    assert -1 <= float(call("similarity", run, "cat", "bee")) <= 1
    assert json.loads(call("suggest", run, "a cat _ milk", "-n", "2", "--json"))[0]["probability"] > 0
    (tmp_path / "pairs").write_text("cat\tbee\t5\ncat\tnow\t2\ncat\tdog\t9\n")
    (tmp_path / "questions").write_text(": some\ncat milk bee honey\ncat milk dog bone\n")
    asked = ("evaluate", run, "--analogies", tmp_path / "questions", "--similarity", tmp_path / "pairs")
    got = json.loads(call(*asked, "--json"))
    assert got["analogies"]["all"]["asked"] == got["analogies"]["all"]["unknown"] == 1
    assert got["similarity"][str(tmp_path / "pairs")]["unknown"] == 1
    assert "some" in call(*asked)
    report = json.loads(call("train", text, "-o", tmp_path / "other", *common, "--json"))
    assert report["vocabulary"] == 8
    with pytest.raises(Fault, match="nothing to test with"):
        call("evaluate", run)
    with pytest.raises(Fault, match="expected either a CORPUS, or --resume"):
        call("train")
    with pytest.raises(Fault, match="training is complete"):
        call("train", "--resume", "-o", run)
