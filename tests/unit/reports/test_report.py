"""A page on a run of any task, and a table of many."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import recurra.reports.report as report_file
import recurra.reports.samples as samples_file
from recurra.errors import Fault
from recurra.reports.compare import differences, in_order, read_runs
from recurra.reports.labels import label_pairs
from recurra.reports.report import write_report
from recurra.reports.samples import answer_examples
from recurra.runs import load
from recurra.tasks.parts.confusions import Confusion
from recurra.train import train
from recurra.train.recipe import recipe_of
from tests.laws.table_tasks import TASKS, table_of

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of three tasks, one of them twice, with different settings."""
    folder = tmp_path_factory.mktemp("reports")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("tag", "classify", "compose"):
            TASKS[name].write(folder)
            train(recipe_of(table_of(name), name), Path("runs") / name, quiet=True)
        table = table_of("tag")
        table["model"] = {**table["model"], "dropout": 0.25}
        train(recipe_of(table, "tag"), Path("runs") / "deep" / "tag", quiet=True)
    return folder


@pytest.fixture
def here(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy as the working directory."""
    folder = tmp_path / "here"
    shutil.copytree(trained, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", ["tag", "classify", "compose"])
def test_a_page_tells_of_a_run(here: Path, name: str) -> None:
    path = write_report(f"runs/{name}")
    page = path.read_text("utf-8")
    assert path == Path("runs") / name / "report.html"
    wanted = {
        "Scores on the validation data",
        "Learning curves",
        "Examples",
        "Settings that are not the defaults",
    }
    titles = set(re.findall("<h2>(.*?)</h2>", page))
    assert wanted <= titles
    assert ("Each label" in titles) == (name != "compose")
    assert str(load(f"runs/{name}").options.train) in page or "trained on" in page
    assert "model.hidden" in page
    # nothing from elsewhere, and each picture twice
    sources = re.findall(r"""(?:src|srcset|href)=['"]([^'"]*)""", page)
    assert sources
    assert all(each.startswith("data:image/png;base64,") for each in sources)
    assert page.count("prefers-color-scheme: dark)' srcset") * 2 == len(sources)
    assert "<script" not in page
    assert not [entry.name for entry in path.parent.iterdir() if entry.name.startswith(".report")]


def test_a_page_without_data_says_so(here: Path) -> None:
    for file in TASKS["tag"].files:
        (here / file).unlink()
    page = write_report("runs/tag", "page.html").read_text("utf-8")
    assert "Left out:" in page
    assert "no such file" in page
    assert "Learning curves" in page


def test_what_can_t_be_written_leaves_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Fault, match="is a folder, expected the file of the page"):
        write_report("runs/tag", "runs")
    (here / "file").write_text("")
    with pytest.raises(Fault, match="can't be written"):
        write_report("runs/tag", "file/page.html")
    write_report("runs/tag", "page.html")
    old = (here / "page.html").read_bytes()
    monkeypatch.setattr(report_file, "_settings", lambda *rest: iter([1 / 0]))
    with pytest.raises(ZeroDivisionError):
        write_report("runs/tag", "page.html")
    assert (here / "page.html").read_bytes() == old


def test_names_are_escaped(here: Path) -> None:
    shutil.copytree("runs/tag", "<b>run")
    page = write_report("<b>run").read_text("utf-8")
    assert "<b>" not in page
    assert "&lt;b&gt;run" in page


def test_an_unfinished_run_has_no_page(here: Path) -> None:
    (here / "runs/tag/model.json").unlink()
    with pytest.raises(Fault, match="holds no model yet"):
        write_report("runs/tag")


def test_examples_are_answered_within_a_time(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load("runs/tag")
    monkeypatch.setattr(samples_file, "AT_ONCE", 1)
    monkeypatch.setattr(samples_file, "SECONDS", 0.0)
    answers = answer_examples(task)
    assert len(answers.rows) == 1 < answers.total
    monkeypatch.setattr(samples_file, "SECONDS", 60.0)
    whole = answer_examples(task)
    assert [row.example.row for row in whole.rows] == [each.row for each in task.examples()]
    assert [each.mistake for each in whole.worst(2)] == sorted(
        (row.mistake or 0 for row in whole.rows if row.mistake), reverse=True
    )[:2]


def test_scores_of_each_label() -> None:
    answers = [{"tags": ["A", "A", "O", "O"]}, {"tags": ["B"]}]
    pairs = label_pairs(zip(answers, [["A", "B", "O", "A"], ["B"]], strict=True))
    scores = {each.label: each for each in Confusion(pairs).scores()}
    assert list(scores) == ["A", "B", "O"]
    assert scores["A"][1:] == (0.5, 0.5, 0.5, 2)
    assert scores["B"][1:] == (1.0, 0.5, pytest.approx(2 / 3), 2)
    assert scores["O"][1:] == (0.5, 1.0, pytest.approx(2 / 3), 1)
    trees = label_pairs([({"label": "1"}, ["", "2"]), ({"label": "1"}, ["1", ""]), ({"label": "x"}, "x")])
    assert list(trees) == [("2", "1"), ("x", "x")]


def test_runs_are_compared(here: Path) -> None:
    rows = read_runs("runs")
    assert [row.name for row in rows] == ["classify", "compose", "deep/tag", "tag"]
    changes = dict(zip((row.name for row in rows), differences(rows), strict=True))
    assert changes == {
        "classify": {},
        "compose": {},
        "deep/tag": {"model.dropout": "0.25"},
        "tag": changes["tag"],
    }
    assert changes["tag"].keys() == {"model.dropout"}
    assert changes["tag"]["model.dropout"] not in ("0.25", "")
    assert all(row.steps == 3 and not row.note and row.value is not None for row in rows)
    assert [row.task for row in in_order(rows, "score")] == ["classify", "compose", "tag", "tag"]
    rows[3].value, rows[2].value = 0.9, 0.1
    assert [row.name for row in in_order(rows, "score")][2:] == ["tag", "deep/tag"]
    assert [row.name for row in read_runs("runs/tag")] == ["tag"]


def test_broken_and_unfinished_runs_are_told_in_their_row(here: Path) -> None:
    (here / "runs/compose/metrics.json").unlink()
    (here / "runs/classify/recipe.toml").write_text("task = 3\n")
    (here / "runs/tag/log.jsonl").write_text("{\n")
    recipe = here / "runs/deep/tag/recipe.toml"
    recipe.write_text(recipe.read_text().replace("steps = 3", "steps = 30"))
    notes = {row.name: row.note for row in read_runs("runs")}
    assert notes["compose"] == "unfinished: no validation yet"
    assert notes["classify"].startswith("broken: recipe.toml: ")
    assert notes["tag"].startswith("broken: log.jsonl:1: ")
    assert notes["deep/tag"].startswith("unfinished: ")
    with pytest.raises(Fault, match="no such folder"):
        read_runs("nowhere")
    (here / "empty").mkdir()
    with pytest.raises(Fault, match="no run in it"):
        read_runs("empty")
