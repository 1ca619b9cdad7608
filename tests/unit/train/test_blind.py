"""Blind twins are trained as the run was, and see one side alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recurra.cli.app import main
from recurra.errors import Fault
from recurra.runs import load
from recurra.runs.folder import LOG
from recurra.train import train
from recurra.train.blind import blind_scores
from recurra.train.recipe import recipe_of

PLACES = ("hall", "park", "shop")


def story_run(folder: Path, **model: object) -> Path:
    """One that answers where somebody is, of two in the story; no side tells it alone."""
    lines = []
    for a in PLACES:
        for b in PLACES:
            for who, place in (("Ann", a), ("Bob", b)):
                lines += [f"1 Ann is in the {a}.", f"2 Bob is in the {b}.", f"3 Where is {who}?\t{place}\t1"]
    (folder / "stories.txt").write_text("\n".join(lines) + "\n")
    source = {"path": str(folder / "stories.txt"), "format": "babi"}
    table = {
        "task": "answer",
        "data": {"evidence": "story", "train": source, "validation": source, "batch_size": 9},
        "model": {"embedding": 16, "hops": 1, "gaps": 0.0, **model},
        "train": {
            "epochs": 40,
            "validate_every": 80,
            "tensorboard": False,
            "optimiser": {"name": "Adam", "lr": 0.05},
        },
    }
    return train(recipe_of(table, "recipe"), folder / "run", quiet=True).folder


def test_twins_stand_beside_the_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = story_run(tmp_path)
    capsys.readouterr()
    assert main(["evaluate", str(run), "--blind", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["both"]["accuracy"] == 1.0
    assert scores["question"]["accuracy"] < 0.5  # of three places
    assert scores["evidence"]["accuracy"] < 0.75  # of the two in the story
    twin = load(run / "blind-question")
    assert twin.evaluate()["accuracy"] == scores["question"]["accuracy"]
    log = (run / "blind-question" / LOG).read_bytes()
    assert main(["evaluate", str(run), "--blind"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "name\tboth\tquestion only\tevidence only"
    assert lines[1].startswith("accuracy\t1\t")
    assert (run / "blind-question" / LOG).read_bytes() == log  # it is not trained again
    load(run)  # the run itself is untouched


def test_what_has_no_twins_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = story_run(tmp_path, sees="question")
    with pytest.raises(Fault, match="sees the question alone: it is blind itself"):
        blind_scores(run)
    with pytest.raises(Fault, match="not a run folder"):
        blind_scores(tmp_path / "nothing")
    capsys.readouterr()
    assert main(["evaluate", str(run), "--blind", "--set", "data.batch_size=3"]) == 2
    assert "--blind measures a run and its twins as they are" in capsys.readouterr().err
