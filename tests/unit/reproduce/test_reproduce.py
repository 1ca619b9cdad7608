"""`recurra reproduce`: trained once, measured, recorded; trained again where a recipe or its code changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from recurra.cli import app as program
from recurra.errors import Fault
from recurra.recipes import find_recipe, recipe_names
from recurra.reproduce import Figure, Mean, Table, Training, choose, lines, read_figures, reproduce, summary
from recurra.reproduce import digests as code
from recurra.reproduce.record import NAME, modules_of, read_record
from recurra.reproduce.summary import holds, why_stale
from recurra.train import Callback, fit, train
from recurra.train.recipe import read_recipe

SMALL = Training(
    name="small",
    subject="language",
    recipe="demo",
    changes=("train.steps=2", "model.hidden=8", "model.embedding=4"),
    data="",
    minutes=0.1,
    seeds=2,
    figures=(Figure(what="nats", metric=("nats_per_token",), better="lower", reach=(9.0,)),),
)
DEAR = SMALL.model_copy(update={"name": "dear", "minutes": 600_000.0})


class Calls:
    """Trains in this process, and counts."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []

    def __call__(self, words: Sequence[str]) -> None:
        self.commands.append(list(words))
        assert program.main([*words[1:], "--quiet"]) == 0


def test_every_figure_belongs_to_a_recipe_that_takes_its_changes() -> None:
    for training in read_figures().trainings:
        assert training.recipe in recipe_names()
        changes = [*training.changes, "train.seed=1"]
        recipe = read_recipe(find_recipe(training.recipe), changes, training.removals)
        assert recipe.task


def test_figures_are_trained_once_and_again_where_their_code_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls()
    outcomes = [*reproduce([SMALL], tmp_path, call=calls)]
    assert [(outcome.seed, outcome.reason) for outcome in outcomes] == [(0, "new"), (1, "new")]
    assert len(calls.commands) == 2
    record = read_record(tmp_path / "small" / "seed-1")
    assert record is not None
    assert record.seed == 1
    assert "recurra.models.language_model" in record.modules
    assert record.commands[0].startswith("recurra train demo ")

    again = [*reproduce([SMALL], tmp_path, call=calls)]
    assert [outcome.reason for outcome in again] == ["measured before"] * 2
    assert len(calls.commands) == 2

    true = code.code_digest
    monkeypatch.setattr(
        code, "code_digest", lambda name: "other" if name == "recurra.models.language_model" else true(name)
    )
    table = Table(trainings=(SMALL,))
    rows = summary(table, tmp_path)
    assert why_stale(rows["small/nats_per_token"], rows) == "models/language_model changed"
    outcomes = [*reproduce([SMALL], tmp_path, seeds=1, call=calls)]
    assert outcomes[0].reason == "models/language_model changed"
    assert (tmp_path / "small" / "old" / "seed-0-1" / NAME).exists()


def test_no_training_is_begun_that_would_outlast_the_budget(tmp_path: Path) -> None:
    calls = Calls()
    outcomes = [*reproduce([SMALL, DEAR], tmp_path, seeds=1, hours=0.5, call=calls)]
    assert [outcome.record is None for outcome in outcomes] == [False, True]
    assert "more minutes" in outcomes[1].reason


def test_a_metric_that_an_evaluation_lacks_is_told(tmp_path: Path) -> None:
    wrong = SMALL.model_copy(update={"figures": (Figure(what="x", metric=("bleu",)),)})
    with pytest.raises(Fault, match="its evaluation has no 'bleu', only .*nats_per_token"):
        list(reproduce([wrong], tmp_path, seeds=1, call=Calls()))


def test_a_failed_training_is_a_fault(tmp_path: Path) -> None:
    wrong = SMALL.model_copy(update={"changes": ("train.steps=0",)})
    with pytest.raises(Fault, match="ended with exit code 2"):
        list(reproduce([wrong], tmp_path, seeds=1))


def test_a_damaged_record_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("{}")
    with pytest.raises(Fault, match="is damaged or from another version"):
        read_record(tmp_path)


def test_means_and_spreads_are_over_seeds(tmp_path: Path) -> None:
    for name, values in (("a", (1.0, 3.0)), ("b", (3.0, 5.0))):
        for seed, value in enumerate(values):
            place = tmp_path / name / f"seed-{seed}"
            place.mkdir(parents=True)
            content = {
                "format": 1,
                "seed": seed,
                "scores": {"f1": value / 100},
                "seconds": 2.0,
                "commands": [],
                "commit": None,
                "recipe": "x",
                "modules": {},
                "machine": {},
                "date": "2026-01-01",
            }
            (place / NAME).write_text(json.dumps(content))
    figure = Figure(what="one", metric=("f1",), better="higher", reach=(2,), percent=True)
    trainings = tuple(SMALL.model_copy(update={"name": name, "figures": (figure,)}) for name in ("a", "b"))
    table = Table(
        trainings=trainings, means=(Mean(name="both", subject="language", over=("a", "b"), figure=figure),)
    )
    rows = summary(table, tmp_path)
    assert rows["a/f1"]["mean"] == pytest.approx([0.02])
    assert rows["a/f1"]["spread"] == pytest.approx([0.0141421356])
    assert rows["both/f1"]["values"] == [[pytest.approx(0.02)], [pytest.approx(0.04)]]
    assert holds(rows["a/f1"]) is True
    assert next(iter(lines(rows)))[:5] == ("one", ">= 2 %", "2.00 ± 1.41 %", "2", "yes")
    other = summary(Table(trainings=trainings), tmp_path / "nowhere", rows)
    assert other["b/f1"]["mean"] == rows["b/f1"]["mean"]


def test_a_metric_that_is_new_to_a_record_is_measured_without_a_training(tmp_path: Path) -> None:
    calls = Calls()
    list(reproduce([SMALL], tmp_path, seeds=1, call=calls))
    more = SMALL.model_copy(update={"figures": (*SMALL.figures, Figure(what="x", metric=("perplexity",)))})
    table = Table(trainings=(more,))
    assert [*summary(table, tmp_path)] == ["small/nats_per_token", "small/perplexity"]
    record = read_record(tmp_path / "small" / "seed-0")
    assert record is not None
    del record.scores["perplexity"]
    record.write(tmp_path / "small" / "seed-0")
    assert [*summary(table, tmp_path)] == ["small/nats_per_token"]
    outcomes = [*reproduce([more], tmp_path, seeds=1, call=calls)]
    assert [outcome.reason for outcome in outcomes] == ["no 'perplexity' was measured"]
    assert [words[1] for words in calls.commands] == ["train", "train"]
    assert "--resume" in calls.commands[1]
    assert [*summary(table, tmp_path)] == ["small/nats_per_token", "small/perplexity"]


def test_names_choose_the_cheapest_first() -> None:
    table = Table(trainings=(DEAR, SMALL))
    assert [training.name for training in choose(table, ["demo"])] == ["small", "dear"]
    assert [training.name for training in choose(table, ["dear"])] == ["dear"]
    with pytest.raises(Fault, match="no figure is called 'smal'.*small"):
        choose(table, ["smal"])


def test_the_code_of_a_task_is_what_says_what_is_computed() -> None:
    """Neither its neighbours' nor what runs it; comments and docstrings do not count."""
    modules = code.code_digests(["recurra.tasks.tag.task"])
    assert {"recurra.models.tagger", "recurra.tasks.tag.task"} <= modules.keys()
    rooms = {name.split(".")[1] for name in modules}
    assert rooms <= set(code.ROOMS)
    assert not any(name.startswith(("recurra.tasks.translate", "recurra.tasks.forecast")) for name in modules)
    assert code.changed(modules) == []
    assert code.changed({**modules, "recurra.models.tagger": "0"}) == ["recurra.models.tagger"]
    assert code.changed({"recurra.models.gone": "0"}) == ["recurra.models.gone"]


def test_what_is_there_is_written_without_a_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "figures.json"
    command = ["reproduce", "japanese_vowels", "--show", "-o", str(tmp_path), "--write", str(path)]
    assert program.main(command) == 0
    assert json.loads(path.read_text()) == summary(read_figures(), tmp_path, None)
    kept = {"japanese_vowels/accuracy": {"values": [[0.5]], "mean": [0.5], "spread": None, "seeds": [0]}}
    path.write_text(json.dumps(kept))
    assert program.main(command) == 0
    assert json.loads(path.read_text())["japanese_vowels/accuracy"]["values"] == [[0.5]]
    capsys.readouterr()


def test_a_training_that_was_cut_off_is_finished_before_it_is_measured(tmp_path: Path) -> None:
    """It has figures of its validations already, which are not those of the whole training."""

    class CutOff(Callback):
        def step(self, training: object, numbers: Mapping[str, float]) -> None:
            if training.step == 3:  # type: ignore[attr-defined]
                raise RuntimeError("cut off")

    longer = SMALL.model_copy(
        update={"changes": (*SMALL.changes[1:], "train.steps=4", "train.validate_every=2")}
    )
    place = tmp_path / "small" / "seed-0"
    recipe = read_recipe(find_recipe("demo"), [*longer.changes, "train.seed=0"], longer.removals)
    with pytest.raises(RuntimeError, match="cut off"):
        train(recipe, place, quiet=True, callbacks=[CutOff()])
    assert json.loads((place / "metrics.json").read_text())["last"]["step"] == 2

    calls = Calls()
    (outcome,) = reproduce([longer], tmp_path, seeds=1, call=calls)
    assert [command[:3] for command in calls.commands] == [["recurra", "train", "--resume"]]
    assert json.loads((place / "metrics.json").read_text())["last"]["step"] == 4
    assert outcome.record is not None


@pytest.mark.parametrize("source", ["builtin:names", {"builtin": "names", "part": "train"}])
def test_built_in_data_count_where_they_are_used(tmp_path: Path, source: object) -> None:
    data = {"train": source, "read_as": "sentences", "validation": {"builtin": "names", "part": "validation"}}
    model = {"hidden": 4, "embedding": 4}
    recipe = {"task": "language_model", "data": data, "model": model, "train": {"steps": 1}}
    task = fit(recipe, folder=tmp_path / "run", quiet=True)
    assert "recurra.data.builtin.names" in modules_of(task, {"data": data})
    assert "recurra.data.builtin.names" not in modules_of(task, {"data": {"train": "builtin:python_manual"}})
