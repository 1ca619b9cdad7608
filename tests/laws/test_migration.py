"""What an earlier version wrote is read by this one, and says what it said; see tests/data/README.md."""

from __future__ import annotations

import base64
import inspect
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import recurra
from recurra import vectors
from recurra.data.readers import READERS
from recurra.errors import Fault
from recurra.registry import MODULES, to_config
from recurra.runs.digests import recipe_digest
from recurra.runs.keys import has_key, words_at
from recurra.runs.migration import MOVES, SOURCE_MOVES, WORD_MOVES, Move, new_name
from recurra.storage.files import read_json, write_json
from recurra.storage.models import CONFIG, WEIGHTS, _check_shapes, load_model
from recurra.storage.seals import value_digest
from recurra.storage.tensors import read_header
from recurra.storage.toml_text import parse_toml, read_toml
from recurra.tasks.base import TASKS as REGISTERED
from recurra.tasks.base import Options, Task
from recurra.train import read_recipe, train
from recurra.train.options import TrainOptions
from recurra.train.recipe import recipe_of
from recurra.train.settings import kinds_of
from recurra.train.upgrade import upgraded
from tests.laws.answers import alike, answers, outputs_of
from tests.laws.table_tasks import TASKS

DATA = Path(__file__).resolve().parents[1] / "data"
RUNS = sorted(path.parent for path in DATA.glob("format_*/tasks/*/answers.json"))
MODELS = sorted(path.parent for path in DATA.glob("format_*/models/*/model.json"))
STREAMS = sorted(DATA.glob("format_*/streams/*.stream"))
VECTORS = sorted(path.parent for path in DATA.glob("format_*/vectors/answers.json"))
EXTRAS = {name.split()[0]: tiny.extras for name, tiny in TASKS.items()}


def named(path: Path) -> str:
    return path.relative_to(DATA).as_posix()


def read(path: Path) -> Any:
    """JSON in which bytes are base64."""
    return json.loads(
        path.read_text(),
        object_hook=lambda value: base64.b64decode(value["base64"]) if "base64" in value else value,
    )


@pytest.fixture
def here(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a run and its data, in which the test works."""
    source: Path = request.param
    for module in EXTRAS[read_toml(source / "run" / "recipe.toml")["task"]]:
        pytest.importorskip(module, reason=f"{module} is not installed")
    shutil.copytree(source, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def test_something_was_kept() -> None:
    assert RUNS
    assert MODELS
    assert STREAMS
    assert VECTORS


@pytest.mark.parametrize("here", RUNS, ids=named, indirect=True)
def test_a_run_answers_as_it_did(here: Path) -> None:
    kept = read(here / "answers.json")
    said = answers(recurra.load("run"), kept["questions"])
    for name, expected in kept["answers"].items():
        assert alike(said[name], expected), f"{name}: {said[name]} found, expected {expected}"


@pytest.mark.parametrize(
    "here", [run for run in RUNS if (run / "run" / "last").is_dir()], ids=named, indirect=True
)
def test_a_run_is_resumed_and_ends_where_it_ended(here: Path) -> None:
    kept = read(here / "answers.json")
    assert train(read_recipe("run/recipe.toml", ["train.steps=5"]), "run", resume=True, quiet=True).steps == 5
    said = answers(recurra.load("run"), kept["questions"])
    assert alike(said, kept["answers of the run, resumed to 5 steps"])
    assert not alike(said["predictions"], kept["answers"]["predictions"])


def assert_extends(config: Any, old: Any) -> None:
    """The same but for arguments that came later, which are at their defaults."""
    if isinstance(old, dict):
        assert old.keys() <= config.keys()
        for name in config.keys() - old.keys():
            argument = inspect.signature(MODULES[config["type"]]).parameters[name]
            assert config[name] == argument.default
        for name, value in old.items():
            assert_extends(config[name], value)
    elif isinstance(old, list):
        assert len(config) == len(old)
        for one, other in zip(config, old, strict=True):
            assert_extends(one, other)
    else:
        assert config == old


@pytest.mark.parametrize("folder", MODELS, ids=named)
def test_a_model_is_built_as_it_was(folder: Path) -> None:
    model = load_model(folder)
    assert_extends(to_config(model), json.loads((folder / CONFIG).read_text())["model"])
    kept = read(folder.parent / "answers.json")
    if folder.name in kept["outputs"]:
        assert alike(outputs_of(model, kept["rows"]), kept["outputs"][folder.name])


@pytest.mark.parametrize("folder", MODELS, ids=named)
def test_its_size_is_known_before_it_is_built(folder: Path) -> None:
    """Without memory for weights, that is: no registered constructor looks at their numbers."""
    header, description = read_header(folder / WEIGHTS), read_json(folder / CONFIG)
    _check_shapes(description, header, folder)
    with pytest.raises(Fault, match="not expected too_many"):
        _check_shapes(description, header._replace(shapes={**header.shapes, "too_many": [1]}), folder)


@pytest.mark.parametrize("state", STREAMS, ids=named)
def test_a_stream_goes_on(state: Path) -> None:
    kept = read(state.parent / "answers.json")
    stream = recurra.Stream(load_model(state.with_suffix("")), batch=2)
    stream.load(state)
    parts = [stream.feed(torch.tensor(kept["rest of the input"])), stream.finish()]
    said = torch.cat([part for part in parts if part is not None], 1).tolist()
    assert alike(said, kept["outputs"][state.stem])


@pytest.mark.parametrize("folder", VECTORS, ids=named)
@pytest.mark.parametrize("name", ["run", "text.vec", "binary.bin"])
def test_word_vectors_are_read(folder: Path, name: str) -> None:
    kept, words = read(folder / "answers.json"), vectors.load(folder / name)
    assert words.words == kept["words"]
    assert alike(words.matrix.tolist(), kept["matrix"])
    assert words.matrix.dtype == np.float32
    assert alike([list(near) for near in words.nearest("dog", 3)], kept["nearest to dog"])


RECIPES = sorted(DATA.glob("format_*/tasks/*/run/recipe.toml"))


def sections_of(task: type[Task]) -> dict[str, type[Options]]:
    return {"data": task.DataOptions, "model": task.ModelOptions, "train": TrainOptions}


KINDS = [kind for task in REGISTERED.values() for kind in kinds_of(task).values()]
"""Every class that reads a recipe."""


@pytest.mark.parametrize("move", MOVES, ids=lambda move: f"{move.old}, {move.new}")
def test_every_move_leads_from_no_option_to_one_that_exists(move: Move) -> None:
    """In some task, and where the old name is an option still it is left alone."""
    section, *new = move.new.split(".")
    kinds = [sections_of(task)[section] for task in KINDS]
    assert any(has_key(options, new) for options in kinds)
    for options in kinds:
        *path, name = move.old.split(".")[1:]
        if has_key(options, [*path, name]):
            assert new_name(options, section, [*path, name]) is None


@pytest.mark.parametrize("key", WORD_MOVES)
def test_every_word_leads_to_one_that_is_taken(key: str) -> None:
    section, *path = key.split(".")
    taken = [set(words_at(sections_of(task)[section], path)) for task in KINDS]
    for old, new in WORD_MOVES[key].items():
        assert any(new in words for words in taken)
        assert not any(old in words for words in taken)


@pytest.mark.parametrize("form", SOURCE_MOVES)
def test_every_option_of_a_reader_leads_to_one_that_it_has(form: str) -> None:
    arguments = inspect.signature(READERS[form]).parameters
    for old, new in SOURCE_MOVES[form].items():
        assert old not in arguments
        assert new in arguments


@pytest.mark.parametrize("path", RECIPES, ids=named)
def test_an_old_recipe_reads_the_same(path: Path) -> None:
    """Everything that it sets is set, under a name of today; rewritten as text it is the same recipe, and
    there is nothing to rewrite a second time.
    """
    written = read_toml(path)
    recipe = recipe_of(written, str(path))
    assert leaves(recipe_of(recipe.to_table(), "again").to_table()) == leaves(recipe.to_table())
    resolved = parse_toml(recipe.to_text().encode(), "")
    again = upgraded(path.read_text(), str(path))
    assert recipe_of(parse_toml(again.text.encode(), ""), "").to_table() == recipe.to_table()
    assert upgraded(again.text, str(path)).changes == []
    # what no move touches stands where it stood
    before, now = leaves({**written, "format": 2}), leaves(resolved)
    moved = sum(now.get(key) != value for key, value in before.items())
    assert moved <= len(again.changes) + 2 * ("convolution" in written["model"])


def leaves(table: Any, prefix: str = "") -> dict[str, Any]:
    """Every value of a table, by its key."""
    if not isinstance(table, dict):
        return {prefix: table}
    return {
        key: value for name, each in table.items() for key, value in leaves(each, f"{prefix}.{name}").items()
    }


OLD = """# Mine.
format = 1
task = "translate"   # German

[data]
train = "pairs.tsv"
tokens = "subword"  # not words
tokenizer = { size = 300 }
longest = 40
empty = 'drop'

[model]
# wide
encoder = { cell = "gru", checkpoint_every = 3 }
search = { longest = 3.0, beam = 2 }

[train]
steps = 3
"""
NEW = """# Mine.
format = 2
task = "translate"   # German

[data]
train = "pairs.tsv"
unit = "subword"  # not words
tokenizer = { max_size = 300 }
max_length = 40
empty = 'skip'

[model]
# wide
encoder = { cell = "gru", recompute_every = 3 }
search = { max_ratio = 3.0, beam = 2 }

[train]
steps = 3
"""


def test_a_text_keeps_its_comments() -> None:
    upgrade = upgraded(OLD, "mine.toml")
    assert upgrade.text == NEW
    assert upgrade.whole
    assert "data.tokens -> data.unit" in upgrade.changes
    assert upgraded(OLD.replace("format = 1\n", ""), "mine.toml").text == NEW
    assert upgraded(NEW, "mine.toml") == (NEW, [], True)


@pytest.mark.parametrize(
    ("task", "old", "new"),
    [
        (
            "tag",
            "[data]\nlower = true\nzero_digits = true\n",
            {"data": {"tokenizer": {"lower": True, "zero_digits": True}}},
        ),
        (
            "caption",
            "[model]\nconvolution = [8, 9]\nstrides = [2, 1]\nsize = 5\n",
            {
                "model": {
                    "convolution": [{"channels": 8, "stride": 2}, {"channels": 9, "stride": 1}],
                    "view_width": 5,
                }
            },
        ),
        (
            "transcribe",
            "[model]\nconvolution = 8\n",
            {"model": {"convolution": [{"channels": 8, "width": 5}]}},
        ),
        ("transcribe", "[model]\nwidth = 3\n", {"model": {"convolution": []}}),
        (
            "transcribe",
            "[model]\naugment = { bands = 1, length = 4 }\n",
            {"model": {"augment": {"frequency_masks": 1, "time_width": 4}}},
        ),
        (
            "transduce",
            "[data]\ntrain = { path = 'a.gbk', longest = 9 }\nempty = 'fault'\n",
            {"data": {"train": {"path": "a.gbk", "max_residues": 9}, "empty": "error"}},
        ),
        (
            "transduce",
            "[[data.train]]\npath = 'a.data'\nformat = 'numbers'\nsize = 2\n",
            {"data": {"train": [{"path": "a.data", "format": "numbers", "features": 2}]}},
        ),
        (
            "language_model",
            "data = { steps = 3, tokens = 'word' }\n",
            {"data": {"window": 3, "unit": "word"}},
        ),
        (
            "classify",
            "[data]\ntokens = 'text'\nlower = true\n[data.tokenizer]\nrule = 'words'\n",
            {"data": {"tokens": "text", "tokenizer": {"rule": "words", "lower": True}}},
        ),
    ],
)
def test_what_a_move_makes_of_a_recipe(task: str, old: str, new: dict[str, Any]) -> None:
    head = f"format = 1\ntask = '{task}'\n"
    upgrade = upgraded(head + old, "old.toml")
    assert parse_toml(upgrade.text.encode(), "") == {"format": 2, "task": task, **new}
    assert upgrade.changes


@pytest.mark.parametrize(
    ("task", "section", "said"),
    [
        (
            "language_model",
            "[data]\ntrain = 'a.txt'\nsteps = 3",
            "unknown key data.steps: it is called data.window in format 2",
        ),
        (
            "language_model",
            "[data]\ntrain = 'a.txt'\n[model]\ncheckpoint_every = 3",
            "unknown key model.checkpoint_every: it is called model.recompute_every in format 2",
        ),
        (
            "translate",
            "[data]\ntrain = 'a.tsv'\n[model]\ndecoder = { checkpoint_every = 3 }",
            "it is called model.decoder.recompute_every in format 2",
        ),
        ("tag", "[data]\ntrain = 'a.conll'\nlower = true", "it is called data.tokenizer.lower in format 2"),
        (
            "tag",
            "[data]\ntrain = 'a.conll'\nempty = 'drop'",
            "data.empty = 'drop' found: it is called 'skip' in format 2",
        ),
        (
            "language_model",
            "[data]\ntrain = 'a.txt'\n[train]\non_non_finite = 'stop'",
            "it is called 'error' in format 2",
        ),
        (
            "transcribe",
            "[data]\ntrain = 'a.tsv'\n[model]\nconvolution = 8",
            "in format 2 it is a list of tables",
        ),
        (
            "caption",
            "[data]\ntrain = 'a.tsv'\n[model]\nstrides = [1]",
            "it is stride in each table of model.convolution in format 2",
        ),
        (
            "transduce",
            "[data]\ntrain = { path = 'a.gb', longest = 3 }",
            "unknown key data.train.longest: it is called data.train.max_residues in format 2",
        ),
    ],
)
def test_an_old_name_is_told_with_the_new_one(tmp_path: Path, task: str, section: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"task = '{task}'\n{section}\n")
    with pytest.raises(Fault) as caught:
        read_recipe(path)
    assert said in str(caught.value)


def test_an_old_recipe_is_read_with_a_remark(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("format = 1\ntask = 'language_model'\n[data]\ntrain = 'a.txt'\nsteps = 3\n")
    recipe = read_recipe(path, ["data.window=4"])
    assert recipe.data.model_dump()["window"] == 4
    assert "data.steps -> data.window" in caplog.text
    assert f"recurra recipes upgrade {path}" in caplog.text


def test_a_resumed_run_is_of_this_format_and_resumes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its checkpoint holds the digest of the recipe in the old format."""
    shutil.copytree(DATA / "format_1/tasks/language_model", tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    state = read_json("run/last/state.json")
    state |= {"recipe": recipe_digest(read_toml("run/recipe.toml")), "data": {}, "headers": [""] * 2}
    state.pop("digest", None)
    write_json("run/last/state.json", {**state, "digest": value_digest(state)})
    train(read_recipe("run/recipe.toml", ["train.steps=4"]), "run", resume=True, quiet=True)
    assert read_toml("run/recipe.toml")["format"] == 2
    recurra.load("run")
    train(read_recipe("run/recipe.toml", ["train.steps=5"]), "run", resume=True, quiet=True)
    kept = read(Path("answers.json"))
    assert alike(
        answers(recurra.load("run"), kept["questions"]), kept["answers of the run, resumed to 5 steps"]
    )
    monkeypatch.setitem(state, "recipe", "0" * 64)
    shutil.copytree(DATA / "format_1/tasks/language_model/run", "other")
    state.pop("digest", None)
    write_json("other/last/state.json", {**state, "digest": value_digest(state)})
    with pytest.raises(Fault, match="checkpoint of a run with other settings"):
        train(read_recipe("other/recipe.toml", ["train.steps=4"]), "other", resume=True, quiet=True)


def test_how_an_old_run_searches_may_be_set() -> None:
    run = DATA / "format_1/tasks/translate/run"
    task = recurra.load(run, changes=["model.search.beam=2", "model.search.best=1"])
    assert (task.model_options.search.beam, task.model_options.search.max_ratio) == (2, 2.0)  # type: ignore[attr-defined]
    for change, said in [
        ("model.search.longest=3", "it is called model.search.max_ratio in format 2"),
        ("model.search.beam=0", "model.search.beam = 0 found"),
        ("model.attention=none", "model.attention needs another training"),
    ]:
        with pytest.raises(Fault) as caught:
            recurra.load(run, changes=[change])
        assert said in str(caught.value)
