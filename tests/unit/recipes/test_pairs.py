"""The recipes of sequences into other sequences, on their real data."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.models import AttentionDecoder, FedDecoder, VectorDecoder
from recurra.recipes import find_recipe
from recurra.train.recipe import read_recipe

pytestmark = pytest.mark.data
SMALL = ["model.encoder.hidden=8", "model.decoder.hidden=8", "model.embedding=8"]


@pytest.fixture(autouse=True)
def _at_the_root(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths of recipes start from the project."""
    monkeypatch.chdir(Path(__file__).resolve().parents[3])


def test_the_ladder_of_translation_is_three_decoders() -> None:
    rungs = {
        FedDecoder: ["model.input_feeding=true"],
        AttentionDecoder: [],
        VectorDecoder: ["model.attention=none"],
    }
    val = "{ path = '../shared/data/multi30k/val.{en,de}.gz', format = 'parallel' }"
    for decoder, changes in rungs.items():
        few = [f"data.train={val}", "data.tokenizer.max_size=300"]
        task = read_recipe(find_recipe("multi30k"), [*SMALL, *few, *changes]).prepare()
        assert type(task.model.decoder) is decoder
        loss = task.loss(task.batches(0)[0], None)
        assert loss.items > 500
        assert loss.total.item() > 0


def test_every_turn_of_the_small_talk_has_its_reply() -> None:
    task = read_recipe(find_recipe("chat"), SMALL).prepare()
    said = "\n".join(task.check())
    assert "train, sources: 2," in said
    (answer,) = task.predict(["hello"])
    assert answer["source"] == "hello"


def test_no_gene_is_in_two_parts_and_the_last_part_has_long_ones() -> None:
    recipe = read_recipe(find_recipe("dna_to_protein"))
    task = recipe.prepare()
    train, held = task.data.train, task.data.validation
    test = task.data.evaluation("test")
    for one, other in ((train, held), (train, test), (held, test)):
        assert not set(one.targets) & set(other.targets)
        assert not set(one.sources) & set(other.sources)
    longest = max(len(text) for text in train.targets)
    assert longest <= 300
    assert max(len(text) for text in test.targets) > 2.8 * longest
