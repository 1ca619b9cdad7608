"""Language models judged on minimal pairs, and asked to choose between words."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from recurra.cli import app as program
from recurra.errors import Fault
from recurra.inspect import choice as inspect_choice
from recurra.tasks import LanguageModelTask
from recurra.tasks.language_model.minimal_pairs import read_pairs

from .fitting import fit

LINES = ["a cat sleeps .", "two cats sleep .", "a dog runs .", "two dogs run ."] * 12


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> LanguageModelTask:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n".join(LINES) + "\n")
    task = prepared(path, "word")
    fit(task, 12)
    return task


def prepared(path: Path, unit: str) -> LanguageModelTask:
    data = LanguageModelTask.DataOptions(train=str(path), read_as="sentences", unit=unit, batch_size=4)
    return LanguageModelTask.prepare(data, LanguageModelTask.ModelOptions(hidden=24, embedding=12), seed=1)


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return path


def pair(good: str, bad: str, test: str = "number", term: str = "agreement") -> dict[str, Any]:
    return {"sentence_good": good, "sentence_bad": bad, "UID": test, "linguistics_term": term}


def test_the_likelier_sentence_of_each_pair_counts(task: LanguageModelTask, tmp_path: Path) -> None:
    rows = [
        pair("a cat sleeps.", "a cat sleep."),
        pair("two cats sleep.", "two cats sleeps."),
        pair("two dogs run.", "two dogs runs."),
        pair("a dog run.", "a dog runs.", "reversed"),
        pair("a cow sleeps.", "a cow sleep.", "unknown"),
        pair("a dog runs.", "a dog runs.", "same", "other"),
    ]
    scores = task.pair_scores(write(tmp_path / "pairs.jsonl.gz", rows))
    by_test = {row.test: row for row in scores.tests}
    assert scores.cut == "words"
    assert (by_test["number"].pairs, by_test["number"].accuracy) == (3, 1.0)
    assert by_test["reversed"].accuracy == 0.0
    assert (by_test["unknown"].words_known, by_test["unknown"].accuracy_known) == (0, None)
    assert (by_test["same"].ties, by_test["same"].accuracy) == (1, 0.0)
    rows_of_means = {row.phenomenon: row for row in scores.rows() if row.test == "(mean)"}
    assert rows_of_means.keys() == {"agreement", "all"}
    assert rows_of_means["agreement"].accuracy == pytest.approx((1 + 0 + by_test["unknown"].accuracy) / 3)
    assert rows_of_means["agreement"].accuracy_known == pytest.approx(0.5)
    assert rows_of_means["all"].pairs == 6


def test_accuracy_is_that_of_whole_sentences_alone(task: LanguageModelTask, tmp_path: Path) -> None:
    """Batches, order and doubled sentences change nothing."""
    sentences = [
        f"{count} {noun} {verb} ."
        for count in ("a", "two")
        for noun in ("cat", "dogs")
        for verb in ("run", "runs")
    ]
    rows = [
        pair(one, other, f"{i} {j}") for i, one in enumerate(sentences) for j, other in enumerate(sentences)
    ]
    scores = task.pair_scores(write(tmp_path / "pairs.jsonl.gz", rows))
    totals = [task.log_probabilities([one])[0] for one in sentences]
    for row in scores.tests:
        i, j = map(int, row.test.split())
        assert row.accuracy == float(totals[i] > totals[j] + 1e-6) or math.isclose(
            totals[i], totals[j], abs_tol=1e-5
        )


def test_one_right_sentence_stands_against_each_other(tmp_path: Path) -> None:
    row = {"test": "npi", "condition": "c", "sentences": ["right", "wrong", "worse"]}
    pairs = read_pairs(write(tmp_path / "pairs.jsonl.gz", [row]))
    assert [each[:4] for each in pairs] == [("right", "wrong", "npi", "c"), ("right", "worse", "npi", "c")]


def test_a_table_of_good_and_bad_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("good\tbad\na cat\ta cats\n")
    assert read_pairs(path)[0] == ("a cat", "a cats", "", "")


def test_apostrophes_are_set_apart_where_the_text_has_them_so(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("I don 't know .\nI do know .\n" * 8)
    task = prepared(text, "word")
    scores = task.pair_scores(write(tmp_path / "p.jsonl.gz", [pair("I don't know.", "I know don't.")]))
    assert scores.cut == "apostrophes"
    assert scores.tests[0].words_known == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"sentence_good": "a"}\n',
            "no columns of pairs found, expected 'sentence_good' and 'sentence_bad'",
        ),
        ('{"good": "a", "bad": "b"}\n{"good": "", "bad": "b"}\n', ":2: an empty sentence"),
        ('{"sentences": ["a"]}\n', ":1: 1 sentences found, expected two or more"),
        ("", "pairs.jsonl"),
    ],
)
def test_bad_pairs_are_told_by_their_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(text)
    with pytest.raises(Fault) as fault:
        read_pairs(path)
    assert message in str(fault.value)


@pytest.mark.parametrize("unit", ["word", "character", "subword"])
def test_a_choice_is_the_chain_of_its_tokens(tmp_path: Path, unit: str) -> None:
    """ln P(option | text) is ln P(text option) - ln P(text), neither with its end."""
    path = tmp_path / "text.txt"
    path.write_text("\n".join(LINES) + "\n")
    data = {"tokenizer": {"max_size": 270}} if unit == "subword" else {}
    options = LanguageModelTask.DataOptions(
        train=str(path), read_as="sentences", unit=unit, batch_size=4, **data
    )
    task = LanguageModelTask.prepare(options, LanguageModelTask.ModelOptions(hidden=16, embedding=8), seed=1)
    found = task.choice("two cats", ["sleep", "sleeps"])
    assert found.words == ["two", "cats"]
    assert found.log_probabilities.shape == (3, 2)
    ids = task.text.tokenizer.encode("two cats sleeps")
    start = len(task.text.tokenizer.encode("two cats"))
    state, total = task.model.eval().initial_state(1), 0.0
    with torch.no_grad():
        for place, (last, index) in enumerate(zip([task.text.boundary, *ids], ids, strict=False)):
            logits, state = task.model.step(torch.tensor([last]), state)
            total += float(logits[0].log_softmax(-1)[index]) if place >= start else 0.0
    assert float(found.log_probabilities[-1, 1]) == pytest.approx(total, abs=1e-4)


def test_a_choice_is_drawn_and_told(task: LanguageModelTask) -> None:
    inspection = inspect_choice(task, ["a cat", "two cats"], ["sleeps", "sleep"])
    one, other = inspection.findings()
    assert one.numbers["option"] == "sleeps"
    assert other.numbers["option"] == "sleep"
    assert "leads since word" in other.text or "leads from the start" in other.text
    assert json.dumps(inspection.to_dict())
    for dark in (False, True):
        assert inspection.pictures(dark)[0][1].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("sentences", "words", "message"),
    [
        (["a cat"], ["sleeps"], "expected two or more different words"),
        (["a cat"], ["sleeps", "sleeps"], "expected two or more different words"),
        (["a cat"], ["sleeps", "purrs"], "does not know 'purrs'"),
        (["  "], ["sleeps", "sleep"], "a sentence without words"),
    ],
)
def test_bad_choices(task: LanguageModelTask, sentences: list[str], words: list[str], message: str) -> None:
    with pytest.raises(Fault, match=message):
        inspect_choice(task, sentences, words)


@pytest.mark.parametrize(
    ("option", "more", "idle"),
    [
        ("--pairs=p.jsonl", ["--bootstrap", "5"], "--bootstrap"),
        ("--pairs=p.jsonl", ["--by-label", "--best-threshold"], "--by-label, --best-threshold"),
        ("--blind", ["--split", "test"], "--split"),
        ("--blind", ["--pairs", "p.jsonl", "--threshold", "0.5"], "--threshold, --pairs"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    option: str, more: list[str], idle: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(["evaluate", "run", option, *more]) == 2
    assert f"prints figures of its own: leave out {idle}" in capsys.readouterr().err
