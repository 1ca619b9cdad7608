"""Every task: prepared = restored; the same seed, the same bits; a stream says what is said of the whole."""

from __future__ import annotations

from pathlib import Path

import pytest

import recurra
from recurra.errors import Fault
from recurra.runs.folder import RECIPE
from recurra.storage.files import write_text
from recurra.storage.models import save_model
from recurra.tasks import ByteStream, Task
from recurra.train import train
from recurra.train.recipe import Recipe, recipe_of
from tests.laws.answers import answers
from tests.laws.table_tasks import TASKS, questions, table_of
from tests.unit.tasks.fitting import fit


@pytest.fixture(params=TASKS)
def name(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an example whose files lie in the working directory."""
    for module in TASKS[request.param].extras:
        pytest.importorskip(module, reason=f"{module} is not installed")
    TASKS[request.param].write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return str(request.param)


def recipe(name: str) -> Recipe:
    return recipe_of(table_of(name), name)


def prepared(name: str) -> Task:
    """Trained a little, so that no part of the model is as it was drawn."""
    task = recipe(name).prepare()
    fit(task, 1, lr=0.05)
    task.model.eval()
    return task


def test_prepared_is_restored(name: str) -> None:
    task, run = prepared(name), Path("run")
    save_model(task.model, run)
    task.save_assets(run)
    write_text(run / RECIPE, recipe(name).to_text())
    assert answers(recurra.load(run), questions(name)) == answers(task, questions(name))


def test_restored_reads_no_training_data(name: str) -> None:
    run = train(recipe(name), "run", quiet=True).folder
    for file in TASKS[name].files:
        Path(file).rename(f"elsewhere {file}")
    assert recurra.load(run).name == name.split()[0]


def test_same_seed_same_bits(name: str) -> None:
    one, other = (train(recipe(name), folder, quiet=True).folder for folder in ("one", "other"))
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    for file in files:
        assert (one / file).read_bytes() == (other / file).read_bytes(), file


def test_a_stream_says_what_is_said_of_the_whole(name: str) -> None:
    task, stream = prepared(name), TASKS[name].stream
    if stream is None:
        with pytest.raises(Fault, match="can't be streamed|needs the whole row"):
            task.open_stream()
        return
    (answer,) = task.predict([stream.item])
    for size in (1, 3, len(stream.pieces)):
        opened = task.open_stream()
        pieces = [stream.pieces[at : at + size] for at in range(0, len(stream.pieces), size)]
        assert isinstance(pieces[0], bytes) == isinstance(opened, ByteStream)
        said = [one for piece in pieces for one in opened.feed(piece)] + list(opened.finish())
        whole = stream.whole(answer)
        expected = pytest.approx(whole, rel=1e-5, abs=1e-6) if isinstance(whole, float) else whole
        assert stream.streamed(said) == expected
