"""Bad input on the command line: one line on stderr, exit code 2, nothing half-written."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from recurra.cli import app as program
from recurra.errors import Fault

from .command_line import Command, told

TRAIN = "train language.toml -o x"
FAULTS: dict[str, tuple[str, str]] = {
    "no such command": ("trian", "No such command 'trian'"),
    "no such option": (f"{TRAIN} --epochs 3", "No such option"),
    "resumed nowhere": ("train --resume", "give it with -o"),
    "no recipe named": ("train -o x", "give a recipe"),
    "nothing to resume": ("train --resume -o x", "x: nothing to resume"),
    "no recipe": ("train nix.toml -o x", "nix.toml: no such file"),
    "misspelt key": (f"{TRAIN} --set train.epoch=3", "did you mean 'epochs'?"),
    "misspelt data key": ("check language.toml --set data.batchsize=3", "did you mean 'batch_size'?"),
    "folder taken": ("train language.toml -o run", "run: already holds a run"),
    "no data": ("check language.toml --set data.train=txet.txt", "txet.txt: no such file"),
    "empty file": (f"{TRAIN} --set data.train=empty.txt", "empty.txt: empty file"),
    "wrong encoding": (f"{TRAIN} --set data.train=latin.txt", "latin.txt:1: byte 3 (0xe9) is not utf-8"),
    "vocabulary of one": (
        "check language.toml --set data.train=same.txt --set data.unit=word",
        "leaves nothing to learn",
    ),
    "missing column": ("train sentiment.toml -o x --set data.tokens=txt", "rows.csv: no column 'txt'"),
    "no run": ("evaluate nowhere", "nowhere: not a run folder"),
    "no file": ("evaluate run --data nix.csv", "nix.csv: no such file"),
    "unknown label": ("evaluate run --data maybe.csv", "maybe.csv:2"),
    "threshold": ("evaluate run --threshold 1.5", "1.5 found, expected a probability from 0 to 1"),
    "threshold of no label": ("predict run so --threshold maybe=0.5", "no label is called 'maybe'"),
    "no labels": ("evaluate language --by-label", "a language_model model gives no labels"),
    "no threshold": ("predict language x --threshold 0.5", "gives no labels with one"),
    "chosen on other data": ("evaluate run --best-threshold --split train", "chosen on validation data"),
    "unknown split": ("evaluate run --split dev", "'dev' is not one of 'train', 'validation', 'test'"),
    "no test data": ("evaluate run --split test", "the recipe names no test data: set data.test"),
    "test by --data": ("evaluate run --data test", "the recipe names no test data: set data.test"),
    "both": ("evaluate run --split test --data maybe.csv", "not both"),
    "a text by itself": ("evaluate language --bootstrap 10", "there are no two here (one text of"),
    "no items": ("predict run --file nix.txt", "nix.txt: no such file"),
    "two kinds of items": ("predict run x --file y", "not both"),
    "no sampling": ("sample run", "a classify model makes no new data"),
    "another task's option": ("sample language -o x.mid", "unexpected keyword argument 'output'"),
    "no such device": ("evaluate run --device gpu", "--device gpu"),
    "wrong temperature": ("sample language --temperature -1", "temperature"),
    "wrong length": ("sample language --length 0", "--length"),
    "truncated model": ("evaluate cut-weights", "model.safetensors: not a complete safetensors file"),
    "truncated description": ("evaluate cut-config", "model.json: not a complete JSON file"),
    "newer run": ("evaluate newer-run", "recipe.toml: format 99 found"),
    "newer model": ("explain newer-model", "model.json: format 99 found"),
    "newer checkpoint": ("train --resume -o newer-checkpoint", "state.json: format 99 found"),
}


@pytest.fixture(scope="module")
def faulty(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`place`, and beside what is right there everything that is wrong."""
    folder = tmp_path_factory.mktemp("faulty")
    shutil.copytree(place, folder, dirs_exist_ok=True)
    (folder / "empty.txt").write_text("")
    (folder / "latin.txt").write_bytes(b"caf\xe9\n" * 40)
    (folder / "same.txt").write_text("same\n" * 200)
    (folder / "maybe.csv").write_text("text,label\nso good,maybe\n")
    for name in ("run", "cut-weights", "cut-config", "newer-run", "newer-model", "newer-checkpoint"):
        shutil.copytree(folder / "sentiment", folder / name)
    for name in ("cut-weights/model.safetensors", "cut-config/model.json"):
        os.truncate(folder / name, (folder / name).stat().st_size // 2)
    for name in ("newer-run/recipe.toml", "newer-model/model.json", "newer-checkpoint/last/state.json"):
        text = (folder / name).read_text()
        (folder / name).write_text(re.sub(r'("?format"?\s*[=:]\s*)\d', r"\g<1>99", text, count=1))
    return folder


@pytest.mark.parametrize("name", list(FAULTS))
def test_bad_input_is_one_line_and_code_2(
    call: Command,
    faulty: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    command, said = FAULTS[name]
    monkeypatch.chdir(faulty)
    before = sorted(faulty.rglob("*"))
    assert said in told(call(*command.split()))
    assert sorted(faulty.rglob("*")) == before  # nothing half-written


def test_full_disk_is_one_line(
    call: Command, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    line = told(call("train", "language.toml", "-o", tmp_path / "run", "--quiet"))
    assert "can't be written: No space left on device" in line
    assert not any(path.is_file() for path in (tmp_path / "run").rglob("*"))


def test_missing_extra_is_named(call: Command, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(arguments: list[str]) -> int:
        raise ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow.parquet")

    monkeypatch.setattr("recurra.cli.commands.run", gone)
    assert (
        told(call("check", "language.toml")) == "recurra: pyarrow is not installed: install 'recurra[data]'"
    )


def test_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(arguments: list[str]) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("recurra.cli.commands.run", defect)
    with pytest.raises(ZeroDivisionError):
        program.main(["cells"])


def test_interruption_is_130(call: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("recurra.recipes.recipe_text", interrupted)
    said = call("recipes", "show", "demo")
    assert said.code == 130
    assert said.error[-1].startswith("recurra: interrupted")


def test_a_benchmark_told_as_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    def benchmark() -> None:
        raise Fault("x.csv: no such file")

    assert program.exit_code(benchmark) == 2
    assert capsys.readouterr().err == "recurra: x.csv: no such file\n"
    assert program.exit_code(lambda: None) == 0
