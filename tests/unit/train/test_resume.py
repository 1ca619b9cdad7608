"""A run that is broken off and resumed ends bit for bit where the unbroken one ends."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from recurra.errors import Fault
from recurra.storage.seals import value_digest
from recurra.train import read_recipe, train
from recurra.train.run import resumable

from .training import assert_same_run, program, run_tiny, write_recipe

EVERYTHING = """
epochs = 3
optimiser = { name = "AdamW", lr = 0.02 }
schedule = { name = "OneCycleLR", max_lr = 0.05, every = "step" }
warmup = 4
clip_norm = 1.0
validate_every = 4
checkpoint_every = 3
log_every = 2
"""


@pytest.mark.parametrize("step", [2, 10])
def test_killed_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Before the first checkpoint, and after some: between a validation and a checkpoint, and in an epoch."""
    recipe = write_recipe(tmp_path, EVERYTHING)
    kill = f"data.kill_at={step}"
    killed = program("train", recipe, "-o", tmp_path / "broken", "--set", kill)
    assert killed.returncode == -signal.SIGKILL
    monkeypatch.setenv("TINY_RESUMED", "1")
    train(read_recipe(recipe, [kill]), tmp_path / "broken", resume=True, quiet=True)
    train(read_recipe(recipe), tmp_path / "whole", quiet=True)
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


@pytest.mark.parametrize("schedule", ["ReduceLROnPlateau", "MultiStepLR", "CosineAnnealingLR"])
def test_schedules_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schedule: str) -> None:
    """Ctrl-C within a validation: it is made again, and every kind of schedule goes on."""
    more = {
        "ReduceLROnPlateau": 'every = "validation", patience = 0',
        "MultiStepLR": 'every = "epoch", milestones = [1, 3]',
        "CosineAnnealingLR": 'every = "epoch"',
    }[schedule]
    changes = [f'train.schedule={{name = "{schedule}", {more}}}', "train.epochs=4", "train.optimiser.lr=0.05"]
    changes.append("train.optimiser.name=Adagrad")
    run_tiny(tmp_path, *changes, name="whole")
    with pytest.raises(KeyboardInterrupt):
        run_tiny(tmp_path, *changes, "data.signal_in_validation=2", name="broken")
    state = json.loads((tmp_path / "broken" / "last" / "state.json").read_text())
    assert (state["step"], state["pending"]) == (10, True)
    monkeypatch.setenv("TINY_RESUMED", "1")
    run_tiny(tmp_path, *changes, "data.signal_in_validation=2", name="broken", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


def test_terminated_run_saves_and_exits_with_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = write_recipe(tmp_path, EVERYTHING)
    changes = ["data.signal_at=8", f"data.signal={int(signal.SIGTERM)}"]
    stopped = program("train", recipe, "-o", tmp_path / "run", "--set", changes[0], "--set", changes[1])
    assert stopped.returncode == 130, stopped.stderr
    again = f"recurra train --resume -o {tmp_path / 'run'}"
    assert stopped.stderr.splitlines()[-1] == f"recurra: interrupted; go on with: {again}"
    assert json.loads((tmp_path / "run" / "last" / "state.json").read_text())["step"] == 9
    monkeypatch.setenv("TINY_RESUMED", "1")
    train(resumable(tmp_path / "run"), tmp_path / "run", resume=True, quiet=True)
    train(read_recipe(recipe), tmp_path / "whole", quiet=True)
    assert_same_run(tmp_path / "whole", tmp_path / "run")


def test_finished_run_stays_as_it_is(tmp_path: Path) -> None:
    first = run_tiny(tmp_path, "train.epochs=2")
    again = run_tiny(tmp_path, "train.epochs=2", resume=True)
    assert again == first


def test_longer_training_goes_on(tmp_path: Path) -> None:
    run_tiny(tmp_path, "train.epochs=2")
    assert run_tiny(tmp_path, "train.epochs=3", resume=True).steps == 15


def test_other_recipe_is_refused(tmp_path: Path) -> None:
    run_tiny(tmp_path, "train.epochs=1")
    with pytest.raises(Fault, match=r"model.hidden_size = 5, but the run was started with 6"):
        run_tiny(tmp_path, "train.epochs=1", "model.hidden_size=5", resume=True)


def write_state(last: Path, state: dict[str, Any]) -> None:
    """As a training would have written it."""
    rest = {name: value for name, value in state.items() if name != "digest"}
    (last / "state.json").write_text(json.dumps({**rest, "digest": value_digest(rest)}))


def test_changed_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_tiny(tmp_path, "data.signal_at=7")
    run = tmp_path / "run"
    state = json.loads((run / "last" / "state.json").read_text())
    write_state(run / "last", {**state, "batches": 9})
    with pytest.raises(Fault, match="the epoch had 9 batches, now 5: the data changed"):
        run_tiny(tmp_path, "data.signal_at=7", resume=True)


@pytest.mark.parametrize("damage", ["cut", "altered", "newer", "lacking", "processes", "typed"])
def test_damaged_checkpoint_is_told(tmp_path: Path, damage: str) -> None:
    run_tiny(tmp_path, "train.epochs=1")
    last = tmp_path / "run" / "last"
    path, state = next(last.glob("*-common.safetensors")), json.loads((last / "state.json").read_text())
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif damage == "altered":
        content = bytearray(path.read_bytes())
        content[-5] ^= 1
        path.write_bytes(content)
    else:
        change = {
            "newer": {"format": 99},
            "processes": {"files": [*state["files"], state["files"][-1]]},
            "typed": {"step": True},
        }
        held = {**state, **change.get(damage, {})}
        if damage == "lacking":
            del held["scores"]
        write_state(last, held)
    said = {
        "cut": "is damaged or from another version",
        "altered": "it is damaged or from another version",
        "newer": "format 99 found, this version reads up to 1",
        "lacking": "'scores' is missing",
        "typed": "step = True found, expected a whole number",
        "processes": "of 2 processes, found 1",
    }[damage]
    with pytest.raises(Fault, match=said):
        run_tiny(tmp_path, "train.epochs=2", resume=True)
