"""What starts from a run of the same data has its weights, and its names in their order."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from recurra.storage.models import load_model, read_seal, weights_of
from recurra.train import train
from recurra.train.recipe import Recipe, recipe_of
from recurra.train.start import begin
from tests.laws.table_tasks import TASKS, table_of


@pytest.fixture(params=TASKS)
def name(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for module in TASKS[request.param].extras:
        pytest.importorskip(module, reason=f"{module} is not installed")
    TASKS[request.param].write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return str(request.param)


def recipe(name: str, start: str | None = None) -> Recipe:
    table = table_of(name)
    table["train"] = {**table["train"], **({"start_from": start} if start else {})}
    return recipe_of(table, name)


def test_same_data_same_model(name: str) -> None:
    if "embeddings" in TASKS[name].model:
        pytest.skip("its words have vectors of a file")
    train(recipe(name), "one", quiet=True)
    start = begin(recipe(name, "one"))
    own, older = weights_of(start.task.model), weights_of(load_model("one"))
    assert own.keys() == older.keys()
    assert all(torch.equal(own[key], older[key]) for key in own)
    assert start.lines[0] == f"start from one: {len(own)} of {len(own)} weights"
    start.task.save_assets(Path("two"))
    seal = read_seal("one")
    assert seal is not None
    for file in seal.files:
        one, two = (Path(folder, file).read_text() for folder in ("one", "two"))
        assert one == two or '"base"' in two
