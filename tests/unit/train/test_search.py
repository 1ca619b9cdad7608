"""Searching settings: ranges, pruning, failures, and going on where it was stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recurra.cli import app
from recurra.errors import Fault
from recurra.train import read_recipe
from recurra.train.ranges import Range, read_range

from .training import write_recipe

pytest.importorskip("optuna")
from recurra.train.search import Search, search

SETTINGS = "epochs = 2"
HIDDEN, RATE = "model.hidden_size=2..9", "train.optimiser.lr=1e-4..1e-1"


def run(
    folder: Path, *vary: str, trials: int = 4, resume: bool = False, lines: Any = None, **more: Any
) -> Search:
    say = (lambda line: None) if lines is None else lines.append
    return search(
        write_recipe(folder, SETTINGS), vary, folder / "found", trials, resume=resume, say=say, **more
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("model.hidden=64..512", Range("model.hidden", 64, 512)),
        ("model.hidden=8..512", Range("model.hidden", 8, 512, True)),
        ("model.hidden=8..512:linear", Range("model.hidden", 8, 512)),
        ("model.hidden=64..512:64", Range("model.hidden", 64, 512, False, 64)),
        ("train.optimiser.lr = 1e-4..1e-2", Range("train.optimiser.lr", 1e-4, 1e-2, True)),
        ("model.dropout=0..0.5", Range("model.dropout", 0.0, 0.5)),
        ("model.dropout=0.1..0.5:log", Range("model.dropout", 0.1, 0.5, True)),
        ("a.b=-1..1", Range("a.b", -1, 1)),
        ("model.cell=[lstm, gru]", Range("model.cell", choices=('"lstm"', '"gru"'))),
        ("model.cell=['a b', 'c']", Range("model.cell", choices=('"a b"', '"c"'))),
        ("a.b=[1, 2.5]", Range("a.b", choices=("1", "2.5"))),
        ("a.b=[[1, 2], [3]]", Range("a.b", choices=("[1, 2]", "[3]"))),
    ],
)
def test_ranges(text: str, wanted: Range) -> None:
    found = read_range(text)
    assert found == wanted
    assert found.whole == isinstance(wanted.low, int)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hidden=1..2", "expected section.key=VALUES"),
        ("model.hidden", "expected section.key=VALUES"),
        ("model.hidden=5", "expected LOW..HIGH"),
        ("model.hidden=9..2", "9 is not below 2"),
        ("model.hidden=0..9:log", "a logarithmic range begins above 0"),
        ("a.b=0.1..0.9:2", "a step is for whole numbers"),
        ("a.b=1..9:20", "a step is for whole numbers, and at most their range"),
        ("a.b=[lstm]", "a list of 1 found, expected at least two values"),
        ("a.b=[lstm, 'gru]", "not a list"),
        ("a.b=1..9:often", "expected LOW..HIGH"),
    ],
)
def test_what_is_no_range(text: str, said: str) -> None:
    with pytest.raises(Fault, match=said):
        read_range(text)


def test_best_is_a_recipe(tmp_path: Path) -> None:
    lines: list[str] = []
    found = run(tmp_path, HIDDEN, RATE, lines=lines)
    assert (len(found.tries), found.metric) == (4, "error")
    scores = [each.score for each in found.tries if each.state == "complete"]
    assert scores == sorted(scores)
    best = found.tries[0]
    assert 2 <= best.settings["model.hidden_size"] <= 9
    recipe = read_recipe(found.best)
    assert recipe.model.hidden_size == best.settings["model.hidden_size"]  # type: ignore[attr-defined]
    assert recipe.train.optimiser.arguments["lr"] == best.settings["train.optimiser.lr"]
    metrics = json.loads((tmp_path / "found" / f"trial-{best.number}" / "metrics.json").read_text())
    assert metrics["best"]["metrics"]["error"] == best.score
    assert len(lines) == 4
    assert lines[0].startswith("trial 0 (4 in all) complete  ")
    again = search(write_recipe(tmp_path, SETTINGS), [HIDDEN, RATE], tmp_path / "again", 1, say=lines.append)
    assert again.tries[0] in found.tries  # the same seed, the same settings


def test_stopped_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third trial is interrupted; it goes on, and more trials follow."""
    signal, lines = ["data.signal_at=7"], list[str]()

    def say(line: str) -> None:
        lines.append(line)
        if len(lines) == 2:
            monkeypatch.delenv("TINY_RESUMED")

    recipe = write_recipe(tmp_path, SETTINGS)
    monkeypatch.setenv("TINY_RESUMED", "1")
    with pytest.raises(KeyboardInterrupt):
        search(recipe, [RATE], tmp_path / "found", 4, changes=signal, say=say)
    assert len(lines) == 2
    state = json.loads((tmp_path / "found" / "trial-2" / "last" / "state.json").read_text())
    assert state["step"] == 8
    monkeypatch.setenv("TINY_RESUMED", "1")
    found = search(recipe, [RATE], tmp_path / "found", 4, changes=signal, resume=True, say=lines.append)
    assert [line.split()[1] for line in lines] == ["0", "1", "2", "3"]
    assert {each.state for each in found.tries} == {"complete"}
    more = search(recipe, [RATE], tmp_path / "found", 5, changes=signal, resume=True, say=lines.append)
    assert len(more.tries) == 5


def test_poor_trials_are_pruned(tmp_path: Path) -> None:
    vary, changes = ["train.optimiser.lr=[0.05, 1e-9]"], ["train.epochs=2"]
    found = run(tmp_path, *vary, trials=9, changes=changes)
    states = {each.state for each in found.tries}
    assert states == {"complete", "pruned"}
    assert found.tries[0].settings["train.optimiser.lr"] == 0.05
    assert all(each.score is not None for each in found.tries)


def test_trial_that_fails_is_told(tmp_path: Path) -> None:
    lines: list[str] = []
    found = run(tmp_path, "data.nan_at=[3, 99]", trials=5, lines=lines)
    failed = [each for each in found.tries if each.state == "failed"]
    assert failed
    assert found.tries[-len(failed) :] == failed
    assert "the loss is nan" in failed[0].reason
    assert sum("failed" in line and "the loss is nan" in line for line in lines) == len(failed)
    with pytest.raises(Fault, match="the first 3 trials all failed: step .* the loss is nan"):
        search(
            write_recipe(tmp_path, SETTINGS), ["data.nan_at=[3, 4]"], tmp_path / "none", 9, say=lines.append
        )


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ([], "nothing to vary"),
        ([HIDDEN, "model.hidden_size=[3, 4]"], "--vary model.hidden_size: given twice"),
        (["model.hidden=2..9"], "unknown key model.hidden: did you mean 'hidden_size'?"),
        (["model.hidden_size=2.5..9"], "model.hidden_size = 9.0 found"),
        (["train.patience=0..3"], "train.patience = 0 found"),
        (["train.accelerator=[cpu, gpu]"], "train.accelerator = 'gpu' found"),
    ],
)
def test_faults_before_anything_is_written(tmp_path: Path, vary: list[str], said: str) -> None:
    with pytest.raises(Fault, match=said):
        run(tmp_path, *vary)
    assert not (tmp_path / "found").exists()


def test_folders(tmp_path: Path) -> None:
    run(tmp_path, HIDDEN, trials=1)
    with pytest.raises(
        Fault, match="already holds a search: choose another folder, or go on with it by --resume"
    ):
        run(tmp_path, HIDDEN, trials=1)
    for more in ({"vary": ["model.hidden_size=2..8"]}, {"vary": [HIDDEN], "changes": ["train.epochs=3"]}):
        with pytest.raises(
            Fault, match="holds the search of another recipe or other ranges .model.hidden_size=2..9"
        ):
            run(tmp_path, *more.pop("vary"), resume=True, **more)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(Fault, match="already holds other files"):
        search(write_recipe(tmp_path), [HIDDEN], tmp_path / "mine", 2, resume=True)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, folder = str(write_recipe(tmp_path, SETTINGS)), str(tmp_path / "found")
    command = ["search", recipe, "--vary", HIDDEN, "--trials", "2", "-o", folder]
    assert app.main(command) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0] == "trial\tstate\terror\tmodel.hidden_size"
    assert lines[-1] == f"best recipe: {tmp_path / 'found' / 'best.toml'}"
    assert said.err.count("recurra: trial ") == 2
    assert app.main([*command, "--resume", "--json", "--quiet"]) == 0
    assert [each["state"] for each in json.loads(capsys.readouterr().out)["trials"]] == ["complete"] * 2


@pytest.mark.parametrize("words", ["[enforce fail] DefaultCPUAllocator: can't allocate memory", "a defect"])
def test_out_of_memory_fails_a_trial_and_a_defect_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    import recurra.train.search as module

    original, count = module.train, [0]

    def train(*arguments: Any, **options: Any) -> Any:
        count[0] += 1
        if count[0] == 1:
            raise RuntimeError(words)
        return original(*arguments, **options)

    monkeypatch.setattr(module, "train", train)
    if words == "a defect":
        with pytest.raises(RuntimeError, match="a defect"):
            run(tmp_path, RATE, trials=2)
        return
    found = run(tmp_path, RATE, trials=2)
    assert [(each.state, each.reason) for each in found.tries][-1] == ("failed", words)
