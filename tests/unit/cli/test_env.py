"""What the installation says of itself, its module, and completion in a shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recurra.cli.app import main
from recurra.cli.env import environment
from recurra.version import __version__

SOURCE = str(Path(__file__).parents[3] / "src")


def run(*arguments: str, **variables: str) -> str:
    env = {**os.environ, "PYTHONPATH": SOURCE, **variables}
    result = subprocess.run(
        [sys.executable, "-m", "recurra", *arguments], env=env, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_package_is_a_program() -> None:
    assert run("--version").strip() == __version__


@pytest.mark.parametrize(
    ("line", "expected"), [("recurra trai", ["train"]), ("recurra train --resu", ["--resume"])]
)
def test_a_shell_may_complete_commands_and_options(line: str, expected: list[str]) -> None:
    words = str(len(line.split()) - 1)
    answer = run(_RECURRA_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=words)
    assert answer.split() == expected


def test_env_tells_versions_native_code_and_extras(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["env", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["recurra"] == __version__
    assert facts["native engine"] == "built"
    assert facts["instructions"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    without = environment()
    assert "NOT built" in without["native engine"]
    assert without["instructions"] is None


def test_env_is_a_table_of_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "what\tvalue"
    assert f"recurra\t{__version__}" in lines
