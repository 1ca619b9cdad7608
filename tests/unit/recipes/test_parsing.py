"""The recipes of trees, on their real data."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.models import ArcHybridParser, BiaffineParser
from recurra.recipes import find_recipe
from recurra.train.recipe import read_recipe

pytestmark = pytest.mark.data
SMALL = ["model.hidden=8", "model.layers=1", "model.arc_size=8", "model.label_size=8"]


@pytest.fixture(autouse=True)
def _at_the_root(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths of recipes start from the project."""
    monkeypatch.chdir(Path(__file__).resolve().parents[3])


@pytest.mark.parametrize(("parser", "kind"), [("biaffine", BiaffineParser), ("arc_hybrid", ArcHybridParser)])
def test_afrikaans_has_a_loss_by_both_parsers(parser: str, kind: type) -> None:
    # the greedy parser builds its trees itself, and refuses the decoder that the recipe names
    removals = ["model.decoder"] if parser == "arc_hybrid" else []
    recipe = find_recipe("afrikaans_dependencies")
    task = read_recipe(recipe, [*SMALL, f"model.parser={parser}"], removals).prepare()
    assert type(task.model) is kind
    loss = task.loss(task.batches(0)[0], None)
    assert loss.items > 100
    assert loss.total.item() > 0
    lines = "\n".join(task.check())
    assert "train: 1,315 examples, 33,878 words" in lines
    assert "105 of 1,315 trees have crossing arcs" in lines


def test_english_test_sentences_have_labels_that_training_has() -> None:
    task = read_recipe(
        find_recipe("ewt_dependencies"),
        [
            *SMALL,
            "data.train=../shared/data/ud_english_ewt/en_ewt-ud-dev.conllu.gz",
            "data.validation=../shared/data/ud_english_ewt/en_ewt-ud-dev.conllu.gz",
        ],
    ).prepare()
    test = task.data.evaluation("test")
    assert len(test.words) == 2_077
    assert sum(map(len, test.words)) == 25_094
