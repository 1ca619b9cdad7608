"""Stories, passages and pictures with questions: what is read of them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recurra.data import read
from recurra.errors import Fault

STORY = "1 Ann is here.\n2 Bob left.\n3 Where is Ann? \there\t1\n4 Ann left.\n5 Who left?\tBob,Ann\t2 4\n"


def told(folder: Path, text: str, name: str = "a.txt", **options: Any) -> str:
    (folder / name).write_text(text)
    with pytest.raises(Fault) as fault:
        read(folder / name, **options)
    return str(fault.value).replace(f"{folder}/", "")


def test_a_story_grows_from_question_to_question(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(STORY + "1 Eve ran.\n2 Who ran?\tEve\n")
    examples = read(tmp_path / "a.txt", format="babi")
    assert examples["story"] == [
        ["Ann is here.", "Bob left."],
        ["Ann is here.", "Bob left.", "Ann left."],
        ["Eve ran."],
    ]
    assert examples["support"] == [[0], [1, 2], []]  # line 4 is the third sentence
    assert examples["answer"] == ["here", "Bob,Ann", "Eve"]
    assert examples["number"] == ["1", "1", "2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 Ann ran.\nWho ran?\tAnn\n", "a.txt:2: 'Who ran?\\tAnn' found, expected a number"),
        ("1 Ann ran.\n2 ?\tAnn\t1\n", "a.txt:2: a question without words"),
        ("1 Ann ran.\n2 Who ran?\t \t1\n", "a.txt:2: a question without answer"),
        ("1 Ann ran.\n2 Who ran?\tAnn\t3\n", "a.txt:2: supported by line '3'"),
        ("1 Ann ran.\n1 Bob ran.\n2 Who ran?\tAnn\tx\n", "a.txt:3: supported by line 'x'"),
        ("2 Ann ran.\n2 Bob ran.\n", "a.txt:2: number 2 after 2"),
        ("1 Ann ran.\n", "a.txt: no question found"),
    ],
)
def test_a_story_that_is_none_is_told_by_its_line(tmp_path: Path, text: str, expected: str) -> None:
    assert told(tmp_path, text, format="babi").startswith(expected)


def squad(answer: dict[str, Any]) -> str:
    entry = {"id": "q", "question": "Who?", "answers": [answer]}
    article = {"title": "T", "paragraphs": [{"context": "Ann sees Bob.", "qas": [entry]}]}
    return json.dumps({"data": [article, article]})


def test_a_span_outside_its_passage_is_told(tmp_path: Path) -> None:
    text = squad({"text": "Bob", "answer_start": 12})
    line = told(tmp_path, text, "a.json", format="squad")
    assert (
        line
        == "a.json: T: question 1: the answer 'Bob' at character 12 lies outside its passage of 13 characters"
    )
    text = squad({"text": "Bob", "answer_start": 1})
    assert "the answer 'Bob' is not at character 1 of its passage" in told(
        tmp_path, text, "a.json", format="squad"
    )
    kept = read(tmp_path / "a.json", format="squad", misplaced="keep")
    assert kept["spans"] == [[[]], [[]]]
    assert kept["answers"] == [["Bob"], ["Bob"]]


def test_articles_are_taken_by_number(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(squad({"text": "Bob", "answer_start": 9}))
    examples = read(tmp_path / "a.json", format="squad", articles=[1, 2])
    assert examples["spans"] == [[[[9, 12]]]]
    with pytest.raises(Fault, match=r"articles = \[1, 3\] found, expected numbers from 0 to 2"):
        read(tmp_path / "a.json", format="squad", articles=[1, 3])


def test_what_is_not_squad_is_told(tmp_path: Path) -> None:
    assert told(tmp_path, "[1]", "a.json", format="squad") == (
        "a.json: no list 'data' found, expected the articles of SQuAD's layout"
    )
    assert "KeyError: 'paragraphs'" in told(tmp_path, '{"data": [{"title": ""}]}', "a.json", format="squad")


def test_words_of_an_answer_that_stand_apart_are_several_runs(tmp_path: Path) -> None:
    (tmp_path / "sentences.tsv").write_text("w:1:2:3\tAnn and Bob see Eve\n")
    row = "w:1:2:3\t0\t7\t0\t0\tWho?\t0 2\t8:0\t9:1 2\n"
    (tmp_path / "a.tsv").write_text(row)
    examples = read(tmp_path / "a.tsv", format="qamr", sentences="sentences.tsv")
    assert examples["answers"] == [["Ann Bob", "Ann", "and Bob"]]
    assert examples["spans"] == [[[[0, 3], [8, 11]], [[0, 3]], [[4, 11]]]]
    assert examples["title"] == ["w:1"]
    (tmp_path / "a.tsv").write_text(row.replace("9:1 2", "9:1 5"))
    with pytest.raises(Fault, match="a.tsv:1: the answer '1 5' lies outside its sentence of 5 words"):
        read(tmp_path / "a.tsv", format="qamr", sentences="sentences.tsv")


@pytest.mark.data
def test_the_real_files_are_whole(shared_data: Path) -> None:
    stories = read(shared_data / "babi/en.tar.gz", format="babi", task=8)
    assert len(stories) == 1000
    assert {"milk,football", "nothing"} <= {*stories["answer"]}
    with pytest.raises(Fault, match="no file qa3_NAME_train.txt in the archive"):
        read(shared_data / "babi/en-10k.tar.gz", format="babi", task=3)
    assert len(read(shared_data / "squad/dev-v1.1.json.gz", format="squad", articles=[40, 48])) > 1000
    sentences = read(shared_data / "qamr/dev.tsv.gz", format="qamr")
    assert len(sentences) == 18_908
    assert sum(len(spans[0]) > 1 for spans in sentences["spans"]) == 464
    pictures = read(shared_data / "easy_vqa/easy_vqa.tar.gz", format="easy_vqa", part="test", questions=True)
    assert len(pictures) == 9_673
    assert len({*pictures["number"]}) <= 1_000


def test_questions_about_drawn_pictures_are_answered_by_them() -> None:
    examples = read({"builtin": "relations", "count": 40, "questions": 10})
    assert examples["kind"].count("relational") == 200
    for question, answer in zip(examples["question"], examples["answer"], strict=True):
        kinds = {"is": {"yes", "no"}, "what": {"circle", "square"}, "how": {*"123456"}}
        assert answer in kinds[question.split()[0]]
    counted: dict[str, set[str]] = {}
    for question, answer, number in zip(
        *(examples[c] for c in ("question", "answer", "number")), strict=True
    ):
        if question.startswith("how many"):
            counted.setdefault(number, set()).add(answer)
    # of six things, as many have the one shape as six less those of the other
    assert all(len(counts) == 1 or sum(map(int, counts)) == 6 for counts in counted.values())
    other = read({"builtin": "relations", "part": "test", "count": 2})
    assert not (other["image"][0] == examples["image"][0]).all()
    with pytest.raises(Fault, match="questions = 3 found, expected an even number"):
        read({"builtin": "relations", "questions": 3})


@pytest.mark.data
def test_spoken_digits_answer_their_questions_whatever_their_length(shared_data: Path) -> None:
    pytest.importorskip("soundfile", reason="soundfile is not installed")
    archive = shared_data / "fsdd/fsdd_recordings.tar.gz"
    names = "zero one two three four five six seven eight nine".split()
    examples = read(archive, format="spoken_digits", count=300, without=["theo"])
    lengths: dict[str, list[int]] = {}
    for row in zip(*(examples[c] for c in ("digits", "question", "answer", "kind", "speaker")), strict=True):
        digits, question, answer, kind, speaker = row
        said, words = [names.index(word) for word in digits.split()], question.rstrip("?").split()
        assert speaker != "theo"
        lengths.setdefault(f"{kind} {answer}", []).append(len(said))
        if kind == "place":
            place = {"first": 0, "second": 1, "third": 2, "last": -1}[words[-1]]
            assert names[said[place]] == answer
        elif kind == "next":
            assert names[said[said.index(names.index(words[-1])) + 1]] == answer
        elif kind == "largest":
            assert names[max(said)] == answer
        elif kind == "presence":
            assert (names.index(words[-1]) in said) == (answer == "yes")
        else:
            digit = next(k for k, name in enumerate(names) if words[2].startswith(name))
            assert said.count(digit) == int(answer)
    means = [
        sum(each) / len(each) for key, each in lengths.items() if key.split()[0] in ("count", "presence")
    ]
    assert max(means) - min(means) < 1.2  # of 3 to 7 digits
    with pytest.raises(Fault, match="no recording left to train on: its speakers are"):
        read(archive, format="spoken_digits", only=["nobody"])


@pytest.mark.data
def test_spoken_digits_are_validated_on_recordings_of_their_own(shared_data: Path) -> None:
    pytest.importorskip("soundfile", reason="soundfile is not installed")
    archive = shared_data / "fsdd/fsdd_recordings.tar.gz"
    every = read(archive, format="audio", names=r"(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<index>\d+)")
    owner: dict[bytes, int] = {
        each.samples[:200].numpy().tobytes(): int(index)
        for each, index in zip(every["audio"], every["index"], strict=True)
    }
    kept = {"test": range(5), "validation": range(5, 8), "train": range(8, 50)}
    for part, indices in kept.items():
        examples = read(archive, format="spoken_digits", part=part, validation=3, count=60)
        begins = [owner[each.samples[:200].numpy().tobytes()] for each in examples["audio"]]
        assert set(begins) <= set(indices)
        assert [" ".join(words) for words in examples["story"]] == examples["digits"]
    with pytest.raises(Fault, match="part = 'validation', test = 5, validation = 0: expected how many"):
        read(archive, format="spoken_digits", part="validation")
