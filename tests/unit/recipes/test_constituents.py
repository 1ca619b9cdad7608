"""The recipes of constituents, on their real data."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.recipes import find_recipe
from recurra.train.recipe import read_recipe

pytestmark = pytest.mark.data
DEV = "data.train={path='../shared/data/gum/gum-const-dev.txt.gz',format='brackets'}"


@pytest.fixture(autouse=True)
def _at_the_root(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths of recipes start from the project."""
    monkeypatch.chdir(Path(__file__).resolve().parents[3])


@pytest.mark.parametrize("decoder", ["chart", "top_down"])
def test_gum_has_a_loss_by_both_decoders(decoder: str) -> None:
    small = ["model.hidden=8", "model.span_size=8", "model.embedding=8", f"model.decoder={decoder}", DEV]
    task = read_recipe(
        find_recipe("gum_constituents"), small, ["model.embeddings", "model.unit_spread"]
    ).prepare()
    loss = task.loss(task.batches(0)[0], None)
    assert loss.items > 100
    assert loss.total.item() > 0
    lines = "\n".join(task.check())
    assert "train: 438 examples, 10,631 words" in lines
    assert "root: ROOT" in lines
    assert "right-branching trees, which look at no word: f1 0.1" in lines


def test_gum_is_written_symbol_by_symbol() -> None:
    task = read_recipe(find_recipe("gum_linearised"), ["model.embedding=8", DEV]).prepare()
    loss = task.loss(task.batches(0)[0], None)
    assert loss.items > 500
    assert loss.total.item() > 0
