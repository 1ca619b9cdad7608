"""`recurra report` and `recurra runs`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.cli.command_line import Command, told


def test_a_report_is_written(here: Path, call: Command, tmp_path: Path) -> None:
    said = call("report", "sentiment", "-o", tmp_path / "page.html")
    assert said.code == 0
    assert said.out == [str(tmp_path / "page.html")]
    assert "<h2>Each label</h2>" in (tmp_path / "page.html").read_text("utf-8")
    assert "not a run folder" in told(call("report", tmp_path))


def test_runs_are_listed(here: Path, call: Command, tmp_path: Path) -> None:
    said = call("runs", ".", "--sort", "task")
    assert said.code == 0
    assert said.out[0].split("\t")[:3] == ["name", "task", "score"]
    assert [line.split("\t")[:2] for line in said.out[1:]] == [
        ["sentiment", "classify"],
        ["language", "language_model"],
    ]
    (rows,) = (json.loads(line) for line in call("runs", ".", "--json").out)
    assert [row["name"] for row in rows] == ["language", "sentiment"]
    assert rows[1]["score"] == "accuracy"
    picture = tmp_path / "curves.png"
    assert call("runs", ".", "--picture", picture, "--dark").code == 0
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert "expected one of .png" in told(call("runs", ".", "--picture", tmp_path / "curves.gif"))
    assert "no run in it" in told(call("runs", tmp_path))
