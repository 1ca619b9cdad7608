"""`recurra plot` draws items, or examples of the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.train import train
from recurra.train.recipe import recipe_of
from tests.laws.table_tasks import TASKS, table_of
from tests.unit.cli.command_line import Command, told

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    TASKS["tag"].write(tmp_path)
    monkeypatch.chdir(tmp_path)
    train(recipe_of(table_of("tag"), "tag"), "run", quiet=True)
    return "run"


def test_items_or_examples_are_drawn(run: str, call: Command) -> None:
    assert call("plot", run, "Ann sees Rome", "-o", "items.png").code == 0
    assert call("plot", run, "-o", "examples.svg", "--count", "2", "--dark").code == 0
    assert Path("items.png").read_bytes()[:4] == b"\x89PNG"
    assert "#0d1117" in Path("examples.svg").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("-o a.bmp", "a.bmp: found the ending '.bmp', expected one of .png, .svg, .pdf"),
        ("Ann --data train.conll -o a.png", "give items to draw, or --data, not both"),
        ("--data nothing.conll -o a.png", "nothing.conll: no such file"),
        ("-o nowhere/a.png --count 0", "--count"),
    ],
)
def test_what_can_t_be_drawn_is_told(run: str, call: Command, arguments: str, why: str) -> None:
    assert why in told(call("plot", run, *arguments.split()))
    assert not Path("a.png").exists()
