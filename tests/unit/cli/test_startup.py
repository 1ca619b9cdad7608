"""Commands that only tell something start without the libraries that training and vectors need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HELPED = (
    "demo, recipes, recipes list, new, check, train, evaluate, predict, encode, sample, stream, explain, "
    "cells, bench, env, lesson, inspect, inspect all, inspect gradient, vectors, vectors train, "
    "vectors nearest, vectors evaluate, vectors plot"
)
COMMANDS = [
    "--help",
    "--version",
    "recipes",
    "recipes list --json",
    "recipes show demo",
    "new demo",
    *(f"{command} --help" for command in HELPED.split(", ")),
]
FAULTS = ["new demmo", "trian", "recipes shwo"]
# pydantic is not among them: newer versions of Typer import it themselves
HEAVY = [
    "torch",
    "numpy",
    "safetensors",
    "matplotlib",
    "lightning_fabric",
    "tensorboard",
    "rich",
    "recurra.tasks",
]
_RUN = """
import contextlib, io, json, sys
from recurra.cli.app import main
commands, heavy = json.loads(sys.argv[1])
imports = {}
for command in commands:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = main(command.split())
    imports[command] = [code, [name for name in heavy if name in sys.modules]]
print(json.dumps(imports))
"""


def test_commands_that_only_tell_import_nothing_heavy(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _RUN, json.dumps([COMMANDS + FAULTS, HEAVY])],
        check=True,
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")},
        text=True,
    )
    light = {command: [0, []] for command in COMMANDS} | {command: [2, []] for command in FAULTS}
    assert json.loads(run.stdout) == light
