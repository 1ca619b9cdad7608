"""What an earlier version wrote is read by this one, and says what it said; see tests/data/README.md."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import recurra
from recurra import vectors
from recurra.errors import Fault
from recurra.registry import to_config
from recurra.runs.folder import read_toml
from recurra.storage.files import read_json
from recurra.storage.models import CONFIG, WEIGHTS, _check_shapes, load_model
from recurra.storage.tensors import read_header
from recurra.train import read_recipe, train
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


@pytest.mark.parametrize("folder", MODELS, ids=named)
def test_a_model_is_built_as_it_was(folder: Path) -> None:
    model = load_model(folder)
    assert to_config(model) == json.loads((folder / CONFIG).read_text())["model"]
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
