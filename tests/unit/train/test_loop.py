"""The loop: early stopping, clipping, schedules, precision, what is told of NaN, what a run folder holds."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from recurra.errors import Fault
from recurra.runs import load
from recurra.storage.tensors import read_tensors
from recurra.tasks.base import Score
from recurra.train import read_recipe, train
from recurra.train.options import TrainOptions
from recurra.train.updates import Updates

from .training import run_tiny, tiny, write_recipe


def log_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_run_folder(tmp_path: Path) -> None:
    done = run_tiny(tmp_path, "train.epochs=3", "train.optimiser.lr=0.02", "train.tensorboard=true")
    run = tmp_path / "run"
    names = {path.name for path in run.iterdir()}
    assert names == {
        "recipe.toml", "asset.json", "model.json", "model.safetensors", "last", "log.jsonl", "metrics.json",
        "tensorboard", "recipe.source.toml",
    }  # fmt: skip
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["best"] == done.best
    validations = [entry["validation"]["error"] for entry in log_of(run) if "validation" in entry]
    assert len(validations) == 3
    assert done.best["metrics"]["error"] == min(validations)
    assert load(run).evaluate()["error"] == pytest.approx(done.best["metrics"]["error"], abs=1e-6)
    assert list((run / "tensorboard").iterdir())


def test_resolved_recipe_gives_the_same_run(tmp_path: Path) -> None:
    run_tiny(tmp_path, "train.epochs=2", "train.schedule={name = 'StepLR', step_size = 1}")
    first = tmp_path / "run"
    train(read_recipe(first / "recipe.toml"), tmp_path / "again", quiet=True)
    assert (first / "recipe.toml").read_text() == (tmp_path / "again" / "recipe.toml").read_text()
    one, other = (read_tensors(run / "model.safetensors")[0] for run in (first, tmp_path / "again"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_early_stopping_keeps_the_best(tmp_path: Path) -> None:
    done = run_tiny(tmp_path, "train.epochs=50", "train.patience=3", "data.score=worse")
    assert (done.steps, done.best["epoch"]) == (20, 1)


def test_score_that_is_never_a_number(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="error was never a number"):
        run_tiny(tmp_path, "train.epochs=1", "data.score='nan'")


@pytest.mark.parametrize("on_non_finite", ["error", "skip"])
@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_non_finite_is_told(tmp_path: Path, on_non_finite: str, where: str) -> None:
    changes = ["train.epochs=2", f"train.on_non_finite={on_non_finite}"]
    if where == "loss":
        said = "the loss is nan: the output of recurrent.cell.input (Linear) is NaN"
        changes.append("data.nan_at=6")
    else:
        said = "the gradient of recurrent.cell.input.weight (Linear) is NaN"
        changes += ["data.spike_at=6", "train.clip_norm=1.0"]
    if on_non_finite == "error":
        with pytest.raises(Fault) as caught:
            run_tiny(tmp_path, *changes)
        assert str(caught.value).startswith(f"step 7 (epoch 2, batch 2): {said}; stopped")
        return
    done = run_tiny(tmp_path, *changes)
    assert done.steps == 10
    (skipped,) = [entry for entry in log_of(tmp_path / "run") if "skipped" in entry]
    assert (skipped["step"], skipped["skipped"]) == (7, said)
    tensors, _ = read_tensors(tmp_path / "run" / "model.safetensors")
    assert all(bool(tensor.isfinite().all()) for tensor in tensors.values())


def test_clipping_bounds_the_gradient() -> None:
    model = torch.nn.Linear(3, 2)

    def gradient(**limits: float) -> tuple[float, torch.Tensor]:
        options = TrainOptions.model_validate(limits)
        updates = Updates(options, model, Score("x", True), planned=1, per_epoch=1)
        updates.forget()
        (100 * model(torch.tensor([[1.0, -2.0, 3.0]]))).sum().backward()
        norm = updates.norm()
        return norm, torch.cat(
            [weight.grad.reshape(-1) for weight in model.parameters() if weight.grad is not None]
        )

    free_norm, free = gradient()
    assert free_norm == pytest.approx(float(free.norm()))
    norm, clipped = gradient(clip_norm=0.5)
    assert norm == pytest.approx(free_norm)
    torch.testing.assert_close(clipped, free / free_norm * 0.5)
    _, cut = gradient(clip_value=150.0)
    torch.testing.assert_close(cut, free.clamp(-150, 150))
    _, both = gradient(clip_value=150.0, clip_norm=1.0)
    torch.testing.assert_close(both, cut / cut.norm())


def test_warmup_and_schedule(tmp_path: Path) -> None:
    """SGD with a constant gradient: the weight shows every learning rate used."""
    model = torch.nn.Linear(1, 1, bias=False)
    options = TrainOptions.model_validate(
        {
            "optimiser": {"name": "SGD", "lr": 1.0},
            "schedule": {"name": "CosineAnnealingLR", "every": "step"},
            "warmup": 2,
        }
    )
    updates = Updates(options, model, Score("x", True), planned=4, per_epoch=4)
    moved = []
    for step in range(6):
        updates.forget()
        before = model.weight.item()
        model(torch.ones(1, 1)).sum().backward()
        updates.update(step)
        updates.finish("step")
        moved.append(before - model.weight.item())
    cosine = [0.5 * (1 + math.cos(math.pi * step / 4)) for step in range(4)]
    expected = [cosine[0] * 0.5, *cosine[1:], 0.0, 0.0]  # past its end the schedule stays where it is
    assert moved == pytest.approx(expected, abs=1e-6)


def test_other_precision(tmp_path: Path) -> None:
    run_tiny(tmp_path, "train.epochs=1", "train.precision=bf16-mixed", name="mixed")
    tensors, _ = read_tensors(tmp_path / "mixed" / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


def test_rows_seen_do_not_depend_on_validation(tmp_path: Path) -> None:
    run_tiny(tmp_path, "train.epochs=2", name="seldom")
    run_tiny(tmp_path, "train.epochs=2", "train.validate_every=2", name="often")
    files = [next((tmp_path / name / "last").glob("*-common.safetensors")) for name in ("seldom", "often")]
    one, other = (read_tensors(file)[0] for file in files)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_folder_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("precious")
    with pytest.raises(Fault, match="already holds other files: choose another folder"):
        run_tiny(tmp_path)
    with pytest.raises(Fault, match="holds no run to resume"):
        run_tiny(tmp_path, resume=True)
    run_tiny(tmp_path, "train.epochs=1", name="other")
    with pytest.raises(
        Fault, match="already holds a run: choose another folder, or go on with it by --resume"
    ):
        run_tiny(tmp_path, name="other")
    (tmp_path / "file").write_text("")
    with pytest.raises(Fault, match="is a file"):
        run_tiny(tmp_path, name="file")


def test_bad_data_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="rows = 0 found"):
        run_tiny(tmp_path, "data.rows=0")
    with pytest.raises(Fault, match="gives no batch"):
        run_tiny(tmp_path, "data.batches=0", name="none")
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("train.optimiser.name=AdamX", "no optimiser of torch is called 'AdamX': did you mean 'Adam"),
        ("train.optimiser.lrr=1", "AdamW has no argument 'lrr': did you mean 'lr'?"),
        ("train.optimiser.lr=-1", "AdamW refuses its arguments: Invalid learning rate"),
        ("train.schedule.name=StepLr", "no schedule of torch is called 'StepLr': did you mean 'StepLR'?"),
        ("train.schedule.name=StepLR", "StepLR refuses its arguments: .*step_size"),
        ("train.accelerator=cuda", "train.accelerator = 'cuda'"),
    ],
)
def test_settings_that_torch_refuses(tmp_path: Path, change: str, said: str) -> None:
    if change.endswith("cuda") and torch.cuda.is_available():
        pytest.skip("this machine has the device")
    tiny()
    write_recipe(tmp_path)
    with pytest.raises(Fault, match=said):
        run_tiny(tmp_path, change)
    assert not (tmp_path / "run" / "model.json").exists()
