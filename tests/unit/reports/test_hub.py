"""Runs go to the hub and come back, against a stand-in on loopback; what goes wrong is told in one line."""

from __future__ import annotations

import json
import logging
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import recurra
from recurra.cli import app as program
from recurra.errors import Fault
from recurra.reports.push import prepared, push
from recurra.runs.hub import hub_name, own_files, run_folder
from recurra.storage.tensors import read_tensors, write_tensors
from recurra.tasks import Task
from recurra.train import train
from recurra.train.recipe import recipe_of
from tests.laws.table_tasks import TASKS, table_of
from tests.unit.reports.hub_server import TOKEN, Hub, Repository, serving

huggingface_hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
from huggingface_hub import constants  # noqa: E402

FILES = {
    "README.md",
    "metrics.json",
    "model.json",
    "model.safetensors",
    "recipe.toml",
    "tags.json",
    "words.json",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose data lie in a folder of somebody's own."""
    folder = tmp_path_factory.mktemp("hub")
    secret = folder / "secret-place"
    secret.mkdir()
    TASKS["tag"].write(secret)
    table = table_of("tag")
    for part in ("train", "validation"):
        table["data"][part] = str(secret / table["data"][part])
    train(recipe_of(table, "tag"), folder / "run", quiet=True)
    return folder / "run"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub that the library knows, empty; a cache of its own, and nobody logged in."""
    with serving() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        address = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield server


@pytest.fixture
def owner(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The same with somebody logged in."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return hub


def answers(task: Task) -> list[dict[str, Any]]:
    return list(task.predict(TASKS["tag"].items))


def test_a_run_goes_up_and_comes_back(owner: Hub, trained: Path, tmp_path: Path) -> None:
    assert push(trained, "ann/tagger", license="apache-2.0") == f"{owner.url}/ann/tagger"
    files = owner.repositories["ann/tagger"].files
    assert set(files) == FILES
    assert owner.repositories["ann/tagger"].commits == 1
    assert all(b"secret-place" not in content for content in files.values())
    one, other = recurra.load("hf://ann/tagger"), recurra.load(trained)
    assert answers(one) == answers(other)
    assert run_folder("hf://ann/tagger@main") == run_folder(Path("hf://ann/tagger"))
    # a second push leaves no file of the first behind, and touches no other's
    files |= {"old.json": b"{}", "notes.txt": b"mine"}
    push(trained, "ann/tagger")
    assert set(files) == FILES | {"notes.txt"}


def test_the_card_says_what_it_is(owner: Hub, trained: Path) -> None:
    push(trained, "ann/tagger", license="apache-2.0", private=True)
    repository = owner.repositories["ann/tagger"]
    assert repository.private
    _, head, text = repository.files["README.md"].decode().split("---\n", 2)
    card = yaml.safe_load(head)
    assert card["library_name"] == "recurra"
    assert card["license"] == "apache-2.0"
    assert card["pipeline_tag"] == "token-classification"
    (model,) = card["model-index"]
    figures = {each["type"]: each["value"] for result in model["results"] for each in result["metrics"]}
    assert figures == pytest.approx(json.loads((trained / "metrics.json").read_text())["best"]["metrics"])
    assert 'recurra.load("hf://ann/tagger")' in text
    assert "model.hidden" in text


def test_a_dry_run_sends_nothing(owner: Hub, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["push", str(trained), "ann/tagger", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert {line.split("\t")[0] for line in out.splitlines()[1:8]} == FILES
    assert "library_name: recurra" in out
    assert not owner.requests
    with prepared(trained, "ann/tagger") as upload:
        folder = upload.folder
        assert upload.sizes.keys() == FILES
    assert not folder.exists()


def test_commands_take_a_run_from_the_hub(
    owner: Hub, trained: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert program.main(["push", str(trained), "ann/tagger"]) == 0
    assert capfd.readouterr().out == f"{owner.url}/ann/tagger\n"
    assert program.main(["predict", "hf://ann/tagger", "Ann sees Rome"]) == 0
    assert json.loads(capfd.readouterr().out)["tokens"] == ["Ann", "sees", "Rome"]
    assert program.main(["report", "hf://ann/tagger", "-o", str(tmp_path / "page.html")]) == 0
    assert "Left out:" in (tmp_path / "page.html").read_text("utf-8")
    assert program.main(["predict", "hf://ann/other", "Ann"]) == 2
    assert len(capfd.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("hf://ann", "expected hf://user/name"),
        ("hf://ann/tagger/more", "expected hf://user/name"),
        ("hf://ann/..", "is no name of a repository"),
        ("hf://ann/b c", "is no name of a repository"),
        ("hf://ann/nothing", "no such repository on the hub, or a private one"),
        ("hf://ann/closed", "no such repository on the hub, or a private one: check the name, or log in"),
        ("hf://ann/tagger@v9", "no such branch, tag or commit"),
        ("hf://ann/other", "no run of Recurra: it has no model.json, model.safetensors, recipe.toml"),
    ],
)
def test_what_is_not_there_is_told(hub: Hub, trained: Path, tmp_path: Path, name: str, why: str) -> None:
    with prepared(trained, "ann/tagger") as upload:
        files = {each: (upload.folder / each).read_bytes() for each in upload.sizes}
    for repository in ("ann/tagger", "ann/closed", "ann/other"):
        hub.repositories[repository] = Repository()
    hub.repositories["ann/tagger"].files = dict(files)
    hub.repositories["ann/closed"].files, hub.repositories["ann/closed"].private = dict(files), True
    hub.repositories["ann/other"].files = {"config.json": b"{}"}
    with pytest.raises(Fault, match=why):
        recurra.load(name)
    assert not list((tmp_path / "cache").rglob("model.safetensors"))


def test_a_run_is_refused_whose_files_lead_outside_or_execute(
    hub: Hub, trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with prepared(trained, "ann/tagger") as upload:
        files = {each: (upload.folder / each).read_bytes() for each in upload.sizes}
    repository = hub.repositories["ann/tagger"] = Repository()
    strange = {
        "weights.pkl": b"cos\nsystem\n",
        "evil.py": b"1 / 0",
        "a b.json": b"{}",
        "bad\nname.json": b"{}",
    }
    repository.files = {**files, **strange}
    with caplog.at_level(logging.WARNING, "recurra"):
        folder = run_folder("hf://ann/tagger")
    assert "weights.pkl" in caplog.text
    assert {path.name for path in folder.iterdir()} == FILES - {"README.md"}
    assert not [each for each in hub.requests if "evil" in each or "pkl" in each]
    for name in ("../outside.json", "/etc/x.json", "a/../../b.json", "C:\\x.json", "..\\x.json"):
        repository.files = {**files, name: b"{}"}
        with pytest.raises(Fault, match="leads outside: nothing was fetched"):
            recurra.load("hf://ann/tagger")
    assert not list(tmp_path.rglob("outside.json"))
    with pytest.raises(Fault, match="leads outside"):
        own_files("x", ["recipe.toml", "a/../b.json"])


def test_without_a_connection(
    hub: Hub, trained: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with prepared(trained, "ann/tagger") as upload:
        files = {each: (upload.folder / each).read_bytes() for each in upload.sizes}
    hub.repositories["ann/tagger"] = Repository()
    hub.repositories["ann/tagger"].files = files
    task = recurra.load("hf://ann/tagger")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nothing listens there
    with caplog.at_level(logging.WARNING, "recurra"):
        again = recurra.load("hf://ann/tagger")
    assert "the copy of an earlier download is taken" in caplog.text
    assert answers(again) == answers(task)
    with pytest.raises(Fault, match=r"hf://ann/other: the hub can't be reached"):
        recurra.load("hf://ann/other")


def test_half_a_download_is_no_run(hub: Hub, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with prepared(trained, "ann/tagger") as upload:
        files = {each: (upload.folder / each).read_bytes() for each in upload.sizes}
    repository = hub.repositories["ann/tagger"] = Repository()
    repository.files, repository.half = files, {"model.safetensors"}
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(Fault, match=r"hf://ann/tagger: "):
        recurra.load("hf://ann/tagger")
    url, hub_url = "http://127.0.0.1:9", constants.ENDPOINT
    monkeypatch.setattr(constants, "ENDPOINT", url)
    with pytest.raises(Fault, match="hf://ann/tagger: the hub can't be reached"):
        recurra.load("hf://ann/tagger")
    monkeypatch.setattr(constants, "ENDPOINT", hub_url)
    repository.half.clear()
    assert answers(recurra.load("hf://ann/tagger")) == answers(recurra.load(trained))


@pytest.mark.parametrize(("status", "why"), [(503, "the hub answered 503"), (403, "the hub refuses it")])
def test_what_the_hub_says_is_told(
    owner: Hub, trained: Path, status: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    owner.status = status
    with pytest.raises(Fault, match=why):
        recurra.load("hf://ann/tagger")
    with pytest.raises(Fault, match=why):
        push(trained, "ann/tagger")


def test_a_push_that_can_t_be_is_told(hub: Hub, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(Fault, match=r"the hub refuses it \(401\): log in"):
        push(trained, "ann/tagger")
    for name in ("tagger", "ann/tag ger", "a/b/c", ""):
        with pytest.raises(Fault, match="is no name of a repository"):
            push(trained, name)
    with pytest.raises(Fault, match="not a run folder"):
        push(tmp_path, "ann/tagger")
    shutil.copytree(trained, tmp_path / "damaged")
    (tmp_path / "damaged" / "words.json").write_text("{}")
    with pytest.raises(Fault, match=r"damaged/words\.json"):
        push(tmp_path / "damaged", "ann/tagger")
    assert not hub.repositories
    assert program.main(["push", str(tmp_path), "ann/tagger"]) == 2


def test_weights_tell_whose_they_are(tmp_path: Path) -> None:
    tensors = {"b": torch.arange(3.0), "a": torch.ones(2, dtype=torch.bfloat16), "é": torch.zeros(1)}
    contents = set()
    for number in range(8):
        path = tmp_path / f"{number}.safetensors"
        write_tensors(path, tensors, {"text": "ü \n", "number": 1})
        contents.add(path.read_bytes())
    (content,) = contents
    (length,) = struct.unpack("<Q", content[:8])
    assert length % 8 == 0
    assert json.loads(content[8 : 8 + length])["__metadata__"]["format"] == "pt"
    again, description = read_tensors(path)
    assert description == {"text": "ü \n", "number": 1}
    assert all(torch.equal(again[name], tensor) for name, tensor in tensors.items())


def test_names() -> None:
    assert hub_name("hf://ann/tagger") == ("ann/tagger", None)
    assert str(hub_name("hf:/ann/tagger@v1.0")) == "hf://ann/tagger@v1.0"
    assert run_folder("runs/x") == Path("runs/x")
    assert run_folder(Path("runs") / "x") == Path("runs/x")
