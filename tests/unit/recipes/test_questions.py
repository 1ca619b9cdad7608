"""The recipes of questions, on their real data."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.models import EntityReader, MemoryNetwork, RowAnswerer
from recurra.recipes import find_recipe
from recurra.train.recipe import read_recipe

pytestmark = pytest.mark.data
GLOVE = ["model.embeddings"]


@pytest.fixture(autouse=True)
def _at_the_root(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths of recipes start from the project."""
    monkeypatch.chdir(Path(__file__).resolve().parents[3])


def has_a_loss(
    name: str, *changes: str, removals: list[str] | None = None, most: float = 20
) -> tuple[object, str]:
    task = read_recipe(find_recipe(name), changes, removals or []).prepare()
    loss = task.loss(task.batches(0)[0], None)
    assert loss.items >= 1  # the last batch of a pool may be small
    assert 0 < loss.total.item() < most * loss.items
    return task, "\n".join(task.check())


@pytest.mark.parametrize(
    ("changes", "kind", "removals"),
    [
        # without a softmax the 50 sentences of a story add up to scores of hundreds
        (["model.linear_epochs=0"], MemoryNetwork, []),
        (["model.kind=recurrent"], RowAnswerer, ["model.hops", "model.as_program", "model.linear_epochs"]),
    ],
)
def test_babi(changes: list[str], kind: type, removals: list[str]) -> None:
    task, lines = has_a_loss("babi", "data.common.task=3", *changes, removals=removals)
    assert type(task.model) is kind  # type: ignore[attr-defined]
    assert "a story of more than 50 sentences" in lines
    assert "train, questions: 900 examples" in lines


def test_an_entity_network_reads_lists_as_one_answer() -> None:
    few = "data.common={path='../shared/data/babi/en.tar.gz',format='babi',task=8}"
    task, _ = has_a_loss("babi_10k", few)
    assert isinstance(task.model, EntityReader)  # type: ignore[attr-defined]
    assert "milk,football" in task.labels  # type: ignore[attr-defined]


def test_no_document_of_qamr_is_in_two_parts() -> None:
    task, lines = has_a_loss("qamr", removals=GLOVE)
    assert "questions have no answer that is whole words" not in lines
    parts = task.data.train, task.data.validation  # type: ignore[attr-defined]
    one, other = ({row.passage.text for row in part} for part in parts)
    assert not one & other
    assert sum(map(len, parts)) == 18_908


def test_squad_is_split_by_article() -> None:
    task, lines = has_a_loss("squad", "data.train.articles=[0, 6]", removals=GLOVE)
    assert "of the validation's questions are about passages of training" not in lines
    assert task.data.validation  # type: ignore[attr-defined]


def test_pictures_and_relations_and_digits() -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed")
    _, lines = has_a_loss("easy_vqa", "data.train.part=test")
    assert "questions about each" in lines
    has_a_loss("relations", "data.train.count=4", "data.validation.count=2")
    pytest.importorskip("soundfile", reason="soundfile is not installed")
    few = ("data.train.count=90", "data.validation.count=30")
    # with the words of a recording, of whose steps each costs ln 20 before training
    task, _ = has_a_loss("spoken_digit_questions", *few, most=400)
    kinds = {"place", "next", "largest", "count", "presence"}
    assert {*task.data.validation.groups} == kinds  # type: ignore[attr-defined]
