"""Callbacks and reporters: when each hook is called, what it sees, what becomes of one that fails."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import recurra
from recurra.errors import Fault
from recurra.storage.models import weights_of
from recurra.storage.tensors import read_tensors
from recurra.train import Callback, Training, read_recipe, train
from recurra.train.progress import _writer

from .training import assert_same_run, run_tiny, write_recipe


class Noting(Callback):
    """Draws numbers, puts the model out of training, and notes what it is called with."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def start(self, training: Training) -> None:
        self.calls.append(("start", training.step, training.planned, training.recipe["train"]["epochs"]))

    def step(self, training: Training, numbers: Any) -> None:
        training.task.model.eval()
        self.calls.append(("step", training.step, sorted(numbers)))

    def validation(self, training: Training, metrics: Any, best: bool) -> None:
        torch.rand(3)
        assert (training.folder / "metrics.json").is_file()
        saved, _ = read_tensors(training.folder / "model.safetensors")
        same = {name: torch.equal(saved[name], w) for name, w in weights_of(training.task.model).items()}
        self.calls.append(("validation", training.step, training.epoch, sorted(metrics), best))
        assert all(same.values()) == best  # the mean, where that is what was validated

    def end(self, training: Training) -> None:
        self.calls.append(("end", training.step))


def trained(
    folder: Path, callbacks: list[Any], *changes: str, name: str = "run", resume: bool = False
) -> Any:
    recipe = read_recipe(write_recipe(folder), changes)
    return train(recipe, folder / name, quiet=True, callbacks=callbacks, resume=resume)


def test_hooks_in_their_order(tmp_path: Path) -> None:
    noting, changes = Noting(), ("train.epochs=2", "train.validate_every=4", "train.average=ema")
    trained(tmp_path, [noting], *changes)
    numbers = ["gradient_norm", "learning_rate", "loss"]
    steps = [[("step", n, numbers)] for n in range(1, 11)]
    assert noting.calls[0] == ("start", 0, 10, 2)
    assert [call[:2] for call in noting.calls[1:5]] == [("step", n) for n in (1, 2, 3, 4)]
    assert noting.calls[5] == ("validation", 4, 0, ["error"], True)
    assert [call for call in noting.calls if call[0] == "step"] == [call for each in steps for call in each]
    assert [call[1] for call in noting.calls if call[0] == "validation"] == [4, 8, 10]
    assert noting.calls[-1] == ("end", 10)
    run_tiny(tmp_path, *changes, name="plain")  # training does not notice
    assert_same_run(tmp_path / "plain", tmp_path / "run")


class Some:
    """No subclass, and not all hooks."""

    def step(self, training: Training, numbers: Any) -> None:
        if training.step == 3:
            training.stop()


def test_stopping(tmp_path: Path) -> None:
    """After the step that comes next, validated and saved; the run can be resumed."""
    assert trained(tmp_path, [Some()], "train.epochs=3").steps == 4
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["last"]["step"] == 4
    assert trained(tmp_path, [], "train.epochs=3", resume=True).steps == 15


class Failing(Callback):
    def validation(self, training: Training, metrics: Any, best: bool) -> None:
        raise ZeroDivisionError

    def end(self, training: Training) -> None:
        (training.folder / "ended").touch()


def test_error_of_a_callback_goes_up(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        trained(tmp_path, [Failing()])
    assert (tmp_path / "run" / "ended").is_file()


@pytest.mark.parametrize("wrong", [Noting, "wandb", 3])
def test_what_is_no_callback(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(
        Fault, match="expected an object with some of the methods start, step, validation, end"
    ):
        trained(tmp_path, [wrong])
    assert not (tmp_path / "run").exists()


def test_fit_takes_them(tmp_path: Path) -> None:
    noting = Noting()
    recurra.fit(write_recipe(tmp_path, "epochs = 1"), folder=tmp_path / "run", quiet=True, callbacks=[noting])
    assert [call[0] for call in noting.calls] == ["start", *5 * ["step"], "validation", "end"]


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module with wandb's interface, under the name of trackio."""
    module: Any = ModuleType("trackio")
    module.calls = []
    module.init = lambda **settings: module.calls.append(("init", settings))
    module.log = lambda numbers, step: module.calls.append(("log", step, numbers))
    module.finish = lambda: module.calls.append(("finish",))
    monkeypatch.setitem(sys.modules, "trackio", module)
    return module


def test_interface_of_wandb(tmp_path: Path, wandb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_PROJECT", "mine")
    changes = ("train.epochs=1", "train.log_every=2", "train.reporters=['trackio']")
    run_tiny(tmp_path, *changes)
    (init, settings), *logs, finish = wandb.calls
    assert init == "init"
    assert (settings["project"], settings["name"], settings["resume"]) == ("mine", "run", "never")
    assert settings["config"]["train"]["log_every"] == 2
    assert [(log[1], sorted(log[2])) for log in logs] == [
        (2, ["train/epoch", "train/gradient_norm", "train/learning_rate", "train/loss"]),
        (4, ["train/epoch", "train/gradient_norm", "train/learning_rate", "train/loss"]),
        (5, ["validation/error"]),
    ]
    assert finish == ("finish",)
    wandb.calls.clear()
    run_tiny(tmp_path, "train.epochs=2", *changes[1:], resume=True)
    assert wandb.calls[0][1]["resume"] == "allow"


def test_reporter_that_fails_later_is_left_out(
    tmp_path: Path, wandb: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def log(numbers: Any, step: int) -> None:
        raise ConnectionError("no network")

    wandb.log = log
    recipe = read_recipe(write_recipe(tmp_path), ["train.epochs=2", "train.reporters=['trackio']"])
    train(recipe, tmp_path / "run")
    lines = [line for line in capsys.readouterr().err.splitlines() if "trackio" in line]
    said = "train.reporters: 'trackio' fails (ConnectionError: no network); it is left out from now on"
    assert lines == [said]


def test_reporter_that_fails_at_once(tmp_path: Path, wandb: Any) -> None:
    def init(**settings: Any) -> None:
        raise PermissionError("log in first")

    wandb.init = init
    with pytest.raises(Fault, match=r"'trackio' fails \(PermissionError: log in first\)$"):
        run_tiny(tmp_path, "train.reporters=['trackio']")


def test_reporter_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(Fault, match="train.reporters: 'wandb' is not installed: pip install wandb"):
        run_tiny(tmp_path, "train.reporters=['wandb']")
    with pytest.raises(Fault, match="no reporter is called 'wandbb': did you mean 'wandb'?"):
        run_tiny(tmp_path, "train.reporters=['wandbb']")
    assert not (tmp_path / "run").exists()


def test_tensorboard_is_written_where_it_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    assert _writer(tmp_path, 0, "auto") is None
    with pytest.raises(Fault, match="train.tensorboard = true, but no writer is installed"):
        _writer(tmp_path, 0, True)
    other: Any = ModuleType("tensorboardX")
    other.SummaryWriter = lambda folder, purge_step: (folder, purge_step)
    monkeypatch.setitem(sys.modules, "tensorboardX", other)
    assert _writer(tmp_path, 7, "auto") == (str(tmp_path), 7)
