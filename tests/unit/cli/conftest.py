"""The ground of the command line's tests: two trained runs, and a way to call the program."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from recurra.cli import app as program

from .command_line import LANGUAGE, ROWS, SENTIMENT, TEXT, TRAIN, Command, Said


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: Any) -> Said:
        capfd.readouterr()
        code = program.main([str(argument) for argument in arguments])
        told = capfd.readouterr()
        return Said(code, told.out.splitlines(), told.err.splitlines())

    return run


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, recipes and two trained runs."""
    folder = tmp_path_factory.mktemp("cli")
    before = Path.cwd()
    os.chdir(folder)
    try:
        Path("text.txt").write_text(TEXT)
        Path("rows.csv").write_text(ROWS)
        Path("language.toml").write_text(LANGUAGE + TRAIN)
        Path("sentiment.toml").write_text(SENTIMENT + TRAIN)
        for name in ("language", "sentiment"):
            assert program.main(["train", f"{name}.toml", "-o", name, "--quiet"]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`place` as the working directory."""
    monkeypatch.chdir(place)
    return place
