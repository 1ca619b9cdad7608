"""What the tests of training share: recipes of the tiny task, runs in this process and in others."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from recurra.storage.tensors import read_tensors
from recurra.train import Trained, read_recipe
from recurra.train import train as train_recipe

HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "tiny_task.py"


def tiny() -> ModuleType:
    """The module of the tiny task, imported once under one name."""
    if "tiny_task" not in sys.modules:
        spec = importlib.util.spec_from_file_location("tiny_task", PROGRAM)
        assert spec is not None
        assert spec.loader is not None
        sys.modules["tiny_task"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["tiny_task"])
    return sys.modules["tiny_task"]


EVERYTHING = (
    "train.epochs=4",
    "train.optimiser={name = 'AdamW', lr = 0.02}",
    "train.schedule={name = 'OneCycleLR', max_lr = 0.05, every = 'step'}",
    "train.warmup=4",
    "train.clip_norm=1.0",
    "train.validate_every=4",
    "train.checkpoint_every=3",
    "train.log_every=2",
)
"""Changes of a recipe, so that every state of a training is in use."""


def write_recipe(folder: Path, text: str = "") -> Path:
    """A recipe of the tiny task; `text` is the rest of its [train] section and what comes after it."""
    tiny()
    path = folder / "tiny.toml"
    path.write_text(f'task = "tiny"\n[train]\ntensorboard = false\n{text}\n')
    return path


def run_tiny(folder: Path, *changes: str, name: str = "run", resume: bool = False) -> Trained:
    """Trains the tiny task in this process."""
    recipe = read_recipe(write_recipe(folder), changes)
    return train_recipe(recipe, folder / name, resume=resume, quiet=True)


class Killed(BaseException):
    """What no code catches: in its place a process would be gone."""


def kill_tiny(folder: Path, *changes: str, name: str = "run") -> None:
    """Trains the tiny task in this process until `data.kill_at`, where nothing more is saved."""

    def die(*numbers: int) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.kill", die)
        with pytest.raises(Killed):
            run_tiny(folder, *changes, name=name)


def resume_tiny(folder: Path, *changes: str, name: str = "run") -> Trained:
    """Goes on to the end, past what broke the run off."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINY_RESUMED", "1")
        return run_tiny(folder, *changes, name=name, resume=True)


def program(
    *arguments: Any, resumed: bool = False, before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """`recurra` with the tiny task, as a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    if resumed:
        environment["TINY_RESUMED"] = "1"
    command = [sys.executable, *before, str(PROGRAM), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


def assert_same_run(one: Path, other: Path) -> None:
    """Best weights, the whole last checkpoint and the log agree bit for bit."""
    for name in ("model.safetensors", "last"):
        files = [
            [folder / name] if name != "last" else sorted((folder / name).glob("*.safetensors"))
            for folder in (one, other)
        ]
        assert len(files[0]) == len(files[1])
        assert files[0]
        for a, b in zip(*files, strict=True):
            (left, left_about), (right, right_about) = read_tensors(a), read_tensors(b)
            assert left.keys() == right.keys()
            assert all(torch.equal(left[key], right[key]) for key in left), a
            # the recipes may differ in what breaks a run off
            for name in ("recipe", "header"):
                left_about.pop(name, None), right_about.pop(name, None)
            assert left_about == right_about
    for name in ("log.jsonl", "metrics.json", "model.json"):
        assert (one / name).read_text() == (other / name).read_text()
