"""The README's code runs, and prints what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import transcripts

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.S)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_of_code_runs(number: int, tmp_path: Path) -> None:
    code = "import torch\nfrom torch import nn\nimport recurra\n" + BLOCKS[number]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    (tmp_path / "block.py").write_text(code)  # a cell's source is read from its file
    run = subprocess.run([sys.executable, "block.py"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    if "class MyLightGRU" in code:
        assert run.stdout.strip() in TEXT


def test_every_command_that_it_names_exists() -> None:
    from recurra.cli.commands import app

    names = {command.name for command in app.registered_commands}
    names |= {group.name for group in app.registered_groups}
    assert set(re.findall(r"(?:^|\| |\$ |`)recurra ([a-z]+)", TEXT, flags=re.M)) <= names


def test_what_its_commands_print_stands_in_a_transcript_that_is_run() -> None:
    page = (ROOT / "docs" / "tutorials" / "classify.md").read_text(encoding="utf-8")
    lines = iter(transcripts.without_figures(page))
    (block,) = re.findall(r"```console\n(.*?)```", TEXT, flags=re.S)
    for line in transcripts.without_figures(re.sub(r" +# .*", "", block)):
        assert line == "..." or line in lines, line
