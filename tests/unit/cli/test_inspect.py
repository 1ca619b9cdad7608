"""`recurra inspect`: dispatch, output and bad input, with inspections that say what they are told to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from recurra.inspect import inspections
from tests.unit.inspect.said import Said

from .command_line import Command, told


@pytest.fixture
def run(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a run, and inspections that are quick."""
    for name in list(inspections.INSPECTIONS):
        says = Said((name, "note", f"{name} said"), title=name)
        monkeypatch.setitem(inspections.INSPECTIONS, name, lambda opened, says=says: [says, says])
    shutil.copytree(here / "language", tmp_path / "run")
    return tmp_path / "run"


def test_a_run_alone_gives_the_whole_page(call: Command, run: Path) -> None:
    said = call("inspect", run)
    assert said.code == 0
    assert said.out == [*(f"{name} said" for name in inspections.INSPECTIONS), str(run / "inspect.html")]
    assert call("inspect", "all", run).out == said.out
    page = (run / "inspect.html").read_text()
    (run / "inspect.html").unlink()
    other = run / "other.html"
    assert call("inspect", "-o", other, run).out[-1] == str(other)
    assert other.read_text() == page
    assert not (run / "inspect.html").exists()


def test_json_writes_no_page_unless_it_is_asked_for(call: Command, run: Path) -> None:
    (line,) = call("inspect", run, "--json").out
    answer = json.loads(line)
    assert answer["page"] is None
    assert list(answer["inspections"]) == list(inspections.INSPECTIONS)
    assert answer["verdict"][0]["text"] == "gradient said"
    assert not (run / "inspect.html").exists()
    (line,) = call("inspect", run, "--json", "-o", run / "page.html").out
    assert json.loads(line)["page"] == str(run / "page.html")


def test_one_inspection(call: Command, run: Path) -> None:
    assert call("inspect", "gates", run, "--rows", 2).out == ["gates said"]
    picture = run / "a.png"
    said = call("inspect", "gates", run, "--picture", picture)
    assert said.out == ["gates said", str(picture), str(run / "a-2.png")]
    light = picture.read_bytes()
    assert call("inspect", "gates", run, "--picture", picture, "--dark").code == 0
    assert picture.read_bytes() != light
    (line,) = call("inspect", "gates", run, "--json").out
    assert [each["findings"][0]["text"] for each in json.loads(line)["gates"]] == ["gates said"] * 2


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("inspect gradeint run", "did you mean 'gradient'"),
        ("inspect nowhere", "nowhere: not a run folder"),
        ("inspect gates nowhere", "nowhere: not a run folder"),
        ("inspect gates", "Missing argument"),
        ("inspect language --rows 0", "--rows"),
        ("inspect language --rows 99999", "is too short for 99999 streams"),
        ("inspect language --data nix.txt", "nix.txt: no such file"),
        ("inspect gates language --picture a.jpg", "a.jpg: found the ending '.jpg', expected .png"),
        ("inspect language -o .", "is a folder, expected the file of the page"),
        ("inspect language another", "unexpected extra argument"),
        ("inspect surface language --plane round", "--plane"),
    ],
)
def test_bad_input_is_one_line(call: Command, run: Path, arguments: str, line: str) -> None:
    assert line in told(call(*arguments.split()))


def test_the_commands_are_the_inspections() -> None:
    from recurra.cli import inspect

    assert [*inspect._PARTS, "surface"] == list(inspections.INSPECTIONS)
    assert tuple(inspect.Plane) == inspections.PLANES


def test_a_real_run_is_inspected_whole(call: Command, here: Path, tmp_path: Path) -> None:
    shutil.copytree(here / "sentiment", tmp_path / "run")
    (line,) = call("inspect", tmp_path / "run", "--rows", 4, "--json", "-o", tmp_path / "page.html").out
    answer = json.loads(line)
    assert answer["left out"] == {}
    assert all(finding["text"] for finding in answer["verdict"])
    page = (tmp_path / "page.html").read_text()
    assert page.count("<h2>") == sum(len(some) for some in answer["inspections"].values())
