"""Every task: a run opens for inspection, with a batch of its data and its own loss."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

import recurra
from recurra.cells import Cell
from recurra.errors import Fault
from recurra.inspect.run import WINDOWS, open_run
from recurra.runs.folder import RECIPE
from recurra.storage.files import write_text
from recurra.storage.models import save_model
from recurra.train.recipe import recipe_of
from tests.laws.table_tasks import TASKS, table_of
from tests.laws.test_migration import EXTRAS, RUNS, named, read_toml

NOT_OVER_TIME = (
    "classify by all words",
    "classify trees",
    "classify trees without labels",
    "classify pairs of trees",
    "answer from stories",
)
OVER_TIME = [name for name in TASKS if name not in NOT_OVER_TIME]


@pytest.fixture
def name(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an example with a run of it, and its data, in the working directory."""
    for module in TASKS[request.param].extras:
        pytest.importorskip(module, reason=f"{module} is not installed")
    monkeypatch.chdir(tmp_path)
    TASKS[request.param].write(tmp_path)
    recipe = recipe_of(table_of(request.param), request.param)
    task, run = recipe.prepare(), Path("run")
    save_model(task.model, run)
    task.save_assets(run)
    write_text(run / RECIPE, recipe.to_text())
    return str(request.param)


@pytest.mark.parametrize("name", OVER_TIME, indirect=True)
def test_its_loss_is_that_of_training(name: str) -> None:
    opened = open_run("run", rows=2)
    loss = opened.loss(opened.model, opened.batch)
    assert loss.shape == ()
    loss.backward()
    cells = [module for module in opened.model.modules() if isinstance(module, Cell)]
    assert any(weight.grad is not None for cell in cells for weight in cell.parameters())
    # the same weights and batch in a task prepared for training
    table = table_of(name)
    table["data"]["batch_size"] = 2
    if opened.steps is not None:
        assert opened.steps == table["data"]["window"]
        table["data"]["window"] *= WINDOWS
    task = recipe_of(table, name).prepare()
    task.model.load_state_dict(opened.model.state_dict())
    task.model.eval()
    with torch.no_grad():
        total, items, _ = task.loss(task.batches(0)[0], None)
    torch.testing.assert_close(loss.detach(), total / items)
    torch.testing.assert_close(opened.end_loss(opened.model, opened.batch), loss)


@pytest.mark.parametrize("name", ["language_model"], indirect=True)
def test_the_gradient_of_the_end_is_that_of_the_last_output(name: str) -> None:
    opened = open_run("run", rows=2)
    bias = opened.model.bias
    (end,) = torch.autograd.grad(opened.end_loss(opened.model, opened.batch), [bias])
    logits, _ = opened.model(opened.batch.inputs)
    costs = logits.data.log_softmax(-1).gather(1, opened.batch.targets.data[:, None])[:, 0]
    last = logits.step_of == logits.packed_lengths[logits.row_of] - 1
    (expected,) = torch.autograd.grad(-costs[last].sum() / len(costs), [bias])
    torch.testing.assert_close(end, expected)


@pytest.mark.parametrize("name", [name for name in OVER_TIME if TASKS[name].files], indirect=True)
def test_data_that_is_gone_is_told_in_one_line_and_may_be_another_file(name: str) -> None:
    first = next(iter(TASKS[name].files))
    other = f"other {first}"
    Path(first).rename(other)
    with pytest.raises(Fault, match=r"^run: its training data can't be read .*no such file.*--data"):
        open_run("run")
    opened = open_run("run", rows=2, data=other)
    assert opened.loss(opened.model, opened.batch).isfinite()


@pytest.mark.parametrize("name", ["classify by all words"], indirect=True)
def test_a_model_without_a_recurrent_layer_is_refused(name: str) -> None:
    with pytest.raises(Fault, match=r"^run: its model \(Bag\) has no recurrent layer"):
        open_run("run")


@pytest.mark.parametrize("source", RUNS, ids=named)
def test_a_run_of_an_earlier_format_opens(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in EXTRAS[read_toml(source / "run" / "recipe.toml")["task"]]:
        pytest.importorskip(module, reason=f"{module} is not installed")
    shutil.copytree(source, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    try:
        opened = open_run("run")
    except Fault as fault:
        assert "no recurrent layer" in str(fault)  # noqa: PT017
        assert not any(isinstance(module, Cell) for module in recurra.load("run").model.modules())
        return
    assert opened.loss(opened.model, opened.batch).isfinite()
