"""Special numbers mean what they mean in torch: in every operation, forward and backward, at every width."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import torch

from recurra.cells import Cell
from recurra.loop.plan import plan_of
from recurra.program.ops import OPS, SOURCES, TRACED
from tests.laws.special_values import FUNCTIONS, Applied, differences

WIDTH = 5
ROOT = Path(__file__).resolve().parents[2]
STRUCTURE = {"product", "matmul", "slice", "cat", "to_float", "detach"}
"""What computes nothing of one number, or is met in every cell."""


@cache
def applied(name: str, dtype: torch.dtype) -> Cell:
    return Applied(FUNCTIONS[name], WIDTH).to(dtype)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_functions(name: str, dtype: torch.dtype, engine: str) -> None:
    cell = applied(name, dtype)
    if plan_of(cell).program is not None:
        assert not list(differences(name, cell, WIDTH, dtype))


def test_every_operation_is_met() -> None:
    """By name, in a step that has a program."""
    operations: set[str] = set()
    for name in FUNCTIONS:
        program = plan_of(applied(name, torch.float32)).program
        if program is not None:
            operations |= {value.op for value in program.values}
    assert {op for op in TRACED - SOURCES if OPS[op].kind != "structure"} - STRUCTURE <= operations


@pytest.mark.parametrize("level", ["v2", "v3", "v4"])
def test_instructions_of_every_level(level: str) -> None:
    """In a process of its own: a process stays on one level."""
    pytest.importorskip("recurra.engines.native._engine", reason="the native library is not built")
    environment = {**os.environ, "RECURRA_LEVEL": level, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, "-m", "tests.laws.special_values"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[1:] == []
