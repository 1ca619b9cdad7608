"""Tagging: words to tags, spans, streams and bad input."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from recurra.data.text.spans import convert
from recurra.errors import Fault
from recurra.tasks import TASKS, TagTask
from recurra.tasks.readers.word_stream import WordStream

from .fitting import fit, reloaded

Data, Model = TagTask.DataOptions, TagTask.ModelOptions

NAMES = ["Ann", "Bob", "Eve", "Max"]


def sentences(count: int, seed: int) -> list[list[tuple[str, str]]]:
    """Names are persons, two in a row one person; a word that ends in -burg is a place."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        row: list[tuple[str, str]] = []
        for _ in range(rng.randint(1, 4)):
            kind = rng.randrange(3)
            if kind == 0:
                row += [(rng.choice(NAMES), "B-PER"), (rng.choice(NAMES), "I-PER"), ("sees", "O")]
            elif kind == 1:
                row += [("".join(rng.choices("abcdef", k=4)) + "burg", "B-LOC"), ("and", "O")]
            else:
                row += [(rng.choice(["runs", "the", "dog"]), "O")]
        made.append(row)
    return made


def write(path: Path, rows: list[list[tuple[str, str]]]) -> str:
    path.write_text("\n\n".join("\n".join(f"{w}\t{t}" for w, t in row) for row in rows) + "\n")
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    train = write(tmp_path / "train.conll", sentences(60, 1))
    return {"train": train, "validation": write(tmp_path / "dev.conll", sentences(20, 2))}


def prepared(files: dict[str, str], model: dict[str, Any] | None = None, **data: Any) -> TagTask:
    small = {"hidden": 12, "embedding": 8, "character_hidden": 6, "character_embedding": 4, **(model or {})}
    return TagTask.prepare(Data(**files, batch_size=8, **data), Model(**small), seed=1)


def test_it_is_registered() -> None:
    assert TASKS["tag"] is TagTask


@pytest.mark.parametrize("head", ["softmax", "crf"])
@pytest.mark.parametrize("characters", ["lstm", "cnn"])
def test_it_learns_unseen_words_by_their_spelling(
    files: dict[str, str], tmp_path: Path, head: str, characters: str
) -> None:
    task = prepared(files, {"head": head, "characters": characters, "word_dropout": 0.2})
    losses = fit(task, 12, lr=0.02)
    assert losses[-1] < 0.5 * losses[0]
    found = task.evaluate()
    assert task.score.metric == "f1"
    assert found["f1"] > 0.8
    again = reloaded(task, task.options, Model(), tmp_path / "run")
    assert again.evaluate() == found
    assert again.evaluate(files["validation"]) == found
    with pytest.raises(Fault, match="loaded to predict"):
        again.batches(0)


def test_predictions_name_tags_and_spans(files: dict[str, str]) -> None:
    task = prepared(files)
    fit(task, 12, lr=0.02)
    text, words, table, empty = task.predict(
        ["Ann Bob sees", ["Ann", "Bob", "sees"], {"tokens": ["Ann", "Bob", "sees"]}, ""]
    )
    assert text == words == table
    assert text["tags"] == ["B-PER", "I-PER", "O"]
    least = min(text["probabilities"][:2])
    assert text["spans"] == [{"label": "PER", "start": 0, "end": 2, "text": "Ann Bob", "probability": least}]
    assert empty == {"tokens": [], "tags": [], "probabilities": [], "spans": []}
    assert [0 < share <= 1 for share in text["probabilities"]] == [True] * 3
    with pytest.raises(Fault, match="expected a text, a list of words"):
        list(task.predict([3]))


def test_a_threshold_drops_spans_and_makes_tags_unsure(files: dict[str, str]) -> None:
    task = prepared(files)
    fit(task, 4, lr=0.02)
    (before,) = task.predict(["Ann Bob sees"])
    assert before["tags"] == ["B-PER", "I-PER", "O"]
    recall = task.evaluate()["recall"]
    task.set_threshold(str(min(before["probabilities"][:2]) + 1e-4))
    (after,) = task.predict(["Ann Bob sees"])
    assert (after["tags"], after["spans"]) == (["O", "O", "O"], [])
    assert after["probabilities"] == before["probabilities"]
    assert task.evaluate()["recall"] < recall
    with pytest.raises(Fault, match="no label is called 'PER'"):
        task.set_threshold("PER=0.5")
    plain = prepared(files, scheme="none")
    plain.set_threshold("1")
    assert next(plain.predict(["Ann sees"]))["tags"] == ["unsure", "unsure"]
    assert plain.evaluate() == {"accuracy": 0.0}


def test_spans_and_tokens_are_told_by_label(files: dict[str, str]) -> None:
    task = prepared(files)
    fit(task, 6, lr=0.02)
    measured = task.measure()
    assert measured.confusions is not None
    spans, tokens = (measured.confusions()[what] for what in ("spans", "tokens"))
    assert [row.label for row in spans.scores()] == ["LOC", "PER"]
    count = sum(tag.startswith("B-") for row in task.data.validation.tags for tag in row)
    assert sum(row.support for row in spans.scores()) == count
    hits = sum(row.recall * row.support for row in spans.scores())
    assert hits / count == pytest.approx(measured.scores["recall"])
    right = sum(row.recall * row.support for row in tokens.scores())
    words = sum(row.support for row in tokens.scores())
    assert right / words == pytest.approx(measured.scores["accuracy"])


def test_rare_tags_weigh_more_in_the_loss(files: dict[str, str]) -> None:
    plain = prepared(files, {"head": "softmax"})
    heavy = prepared(files, {"head": "softmax", "label_weights": {"LOC": 3.0}})
    words, tags = plain.batches(0)[0]
    for task in (plain, heavy):
        task.model.eval()
    names = plain.tags.names.names
    weights = torch.tensor([3.0 if name.endswith("LOC") else 1.0 for name in names])
    scores = plain.model(words)[0].data.detach()
    costs = torch.nn.functional.cross_entropy(scores, tags.data, reduction="none")
    total = float((costs * weights[tags.data]).sum())
    assert float(heavy.loss((words, tags), None).total.detach()) == pytest.approx(total, rel=1e-5)
    assert prepared(files, {"head": "softmax", "label_weights": "balanced"}).weights is not None
    with pytest.raises(Fault, match="no label of the training data is called 'ORG'"):
        prepared(files, {"head": "softmax", "label_weights": {"ORG": 3.0}})
    with pytest.raises(ValidationError, match="label_weights needs head = 'softmax': a CRF weighs"):
        Model(label_weights="balanced")
    with pytest.raises(ValidationError, match="greater than 0"):
        Model(head="softmax", label_weights={"LOC": 0})


def test_sentences_that_are_all_empty_have_no_tags(files: dict[str, str]) -> None:
    nothing = {"tokens": [], "tags": [], "probabilities": [], "spans": []}
    assert list(prepared(files).predict(["", []])) == [nothing, nothing]


@pytest.mark.parametrize("inner", ["BIO", "BIOES"])
def test_the_scheme_inside_is_not_seen_outside(files: dict[str, str], inner: str) -> None:
    task = prepared(files, inner=inner)
    assert ("S-LOC" in task.tags.names) == (inner == "BIOES")
    for row in (["B-LOC", "I-LOC", "O", "B-PER"], ["B-LOC", "B-LOC"], []):
        assert task.tags.decode(task.tags.encode(row)) == row


def test_tags_without_spans_are_scored_by_accuracy(files: dict[str, str]) -> None:
    task = prepared(files, scheme="none")
    assert task.score.metric == "accuracy"
    assert set(task.evaluate()) == {"accuracy"}
    assert "spans" not in next(task.predict(["Ann"]))


def test_a_batch_costs_what_its_sentences_cost(files: dict[str, str]) -> None:
    task = prepared(files, {"characters": "lstm", "shapes": True})
    task.model.eval()
    words, tags = task.batches(0)[0]
    together = task.loss((words, tags), None)
    assert together.items == len(tags.data)
    whole = task.loss(task.batch(range(8)), None)
    alone = [task.loss(task.batch([i]), None) for i in range(8)]
    assert torch.allclose(whole.total, sum(one.total for one in alone), rtol=1e-5)


@pytest.mark.parametrize("lookahead", [None, 2])
def test_a_stream_gives_the_tags_of_whole_sentences(files: dict[str, str], lookahead: int | None) -> None:
    options = {"bidirectional": lookahead is not None, "lookahead": lookahead, "chunk": 2}
    task = prepared(files, {"head": "softmax", "characters": "lstm", "shapes": True, **options})
    rows = [["Ann", "Bob", "sees", "the", "dog"], ["aburg"], ["the", "dog", "runs"]]
    text = "\n".join(" ".join(row) for row in rows)

    def answers(pieces: list[str]) -> list[tuple[str, str]]:
        stream = task.open_stream()
        found = [one for piece in pieces for one in stream.feed(piece)] + list(stream.finish())
        return [(one["token"], one["tag"]) for one in found]

    assert [word for word, _ in answers([text])] == [word for row in rows for word in row]
    assert answers([text]) == answers(list(text)) == answers([text[:7], text[7:]])
    task.model.eval()
    for row in rows:
        (whole,) = task.predict([row])
        assert whole["tags"] == [tag for _, tag in answers([" ".join(row)])]


@pytest.mark.parametrize("inner", ["BIO", "BIOES"])
@pytest.mark.parametrize("scheme", ["BIO", "IOB1", "BIOES"])
def test_a_stream_has_the_scheme_of_the_data(tmp_path: Path, scheme: Any, inner: Any) -> None:
    """Whatever the network says: it has learnt nothing, so its tags are ill-formed."""
    rows = [list(zip(*row, strict=True)) for row in sentences(60, 1)]
    tagged = [list(zip(words, convert(tags, "BIO", scheme), strict=True)) for words, tags in rows]
    files = {"train": write(tmp_path / "a.conll", tagged), "validation": write(tmp_path / "b.conll", tagged)}
    task = prepared(files, {"head": "softmax", "bidirectional": False}, scheme=scheme, inner=inner)
    text = "Ann Bob sees the dog\naburg\nthe Ann Ann Bob\n"
    stream = task.open_stream()
    streamed = [*stream.feed(text), *stream.finish()]
    whole = list(task.predict(text.splitlines()))
    assert [one["token"] for one in streamed] == [word for each in whole for word in each["tokens"]]
    assert [one["tag"] for one in streamed] == [tag for each in whole for tag in each["tags"]]
    shares = [share for each in whole for share in each["probabilities"]]
    assert [one["probability"] for one in streamed] == pytest.approx(shares, rel=1e-5)


def test_what_can_not_be_streamed_says_why(files: dict[str, str]) -> None:
    with pytest.raises(Fault, match="CRF weighs whole sentences"):
        prepared(files, {"bidirectional": False}).open_stream()
    with pytest.raises(Fault, match="needs the whole row"):
        prepared(files, {"head": "softmax"}).open_stream()


def test_words_are_complete_with_the_blank_after_them() -> None:
    stream = WordStream()
    assert stream.feed("one tw") == [["one"]]
    assert stream.feed("o\nth") == [["two"], []]
    assert stream.feed("ree ") == [["three"]]
    assert stream.finish() == []


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("Ann\tB-PER\nsees\tO\nit\tB-THING\n", ":3: label 'B-THING' was not seen in training"),
        ("Ann\tB-PER\nsees\tX\n", ":2: label 'X' was not seen in training"),
        ("Ann\tB-PER\nsees\n", ":2: 1 columns found, expected 2"),
        ("", "empty file"),
    ],
)
def test_bad_data_at_evaluation_is_told_by_its_line(
    files: dict[str, str], tmp_path: Path, lines: str, message: str
) -> None:
    task = prepared(files)
    path = tmp_path / "other.conll"
    path.write_text(lines)
    with pytest.raises(Fault) as fault:
        task.evaluate(path)
    assert message in str(fault.value)
    assert "other.conll" in str(fault.value)


def test_tags_that_fit_no_scheme_are_told(files: dict[str, str], tmp_path: Path) -> None:
    rows = sentences(10, 3)
    rows[4] = [("a", "B-PER"), ("b", "E-PER"), ("c", "I-LOC"), ("d", "O")]
    files["train"] = write(tmp_path / "train.conll", rows)
    with pytest.raises(Fault, match="fit none of the schemes"):
        prepared(files)


def test_check_tells_what_is_odd(files: dict[str, str], tmp_path: Path) -> None:
    files["train"] = write(tmp_path / "train.conll", [*sentences(30, 1), [("Oz", "B-ODD")]])
    said = "\n".join(prepared(files, {"characters": "cnn"}).check())
    assert "label 'B-ODD' is seen only once in training" in said
    assert "tags: 13 (BIO in the data, BIOES inside)" in said
    assert "train: 31 examples" in said
    assert "of the validation words are unknown" in said


@pytest.mark.parametrize(
    ("data", "message"),
    [({"tokens": "word"}, "no column 'word'"), ({"max_length": 3}, "expected at most 3")],
)
def test_bad_settings_are_told(files: dict[str, str], data: dict[str, Any], message: str) -> None:
    with pytest.raises(Fault, match=message):
        prepared(files, **data)


def test_unknown_keys_and_values_are_refused(files: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="crff"):
        Model(head="crff")
    with pytest.raises(ValidationError, match="embeddings"):
        Model(frozen=True)


def test_words_start_from_given_vectors(files: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("3 4\nAnn 1 2 3 4\nsees 0 0 0 1\nnever 5 5 5 5\n")
    task = prepared(files, {"embeddings": str(path), "frozen": True})
    table = task.model.input.words.table.weight
    assert table[task.reader.words["Ann"]].tolist() == [1, 2, 3, 4]
    assert table[task.reader.words["never"]].tolist() == [5, 5, 5, 5]
    before = table.clone()
    fit(task, 1)
    assert torch.equal(table, before)


def test_words_that_training_never_meets_keep_their_vectors(files: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("3 4\nAnn 1 2 3 4\nsees 0 0 0 1\nnever 5 5 5 5\n")
    task = prepared(files, {"embeddings": str(path)})
    words, numbers = task.model.input.words, task.reader.words
    assert words.table.num_embeddings == len(numbers) - 1
    ids = torch.tensor([numbers[word] for word in ("Ann", "never", "sees")])
    assert words(ids).tolist() == [[1, 2, 3, 4], [5, 5, 5, 5], [0, 0, 0, 1]]
    fit(task, 2)
    ann, never, sees = words(ids).tolist()
    assert never == [5, 5, 5, 5]
    assert ann != [1, 2, 3, 4]
    assert sees != [0, 0, 0, 1]


def test_only_the_words_of_the_data_enter_the_model(files: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("never 5 5 5 5\nAnn 1 2 3 4\nsees 0 0 0 1\nAnn 9 9 9 9\nlast 1 1 1 1\n")
    task = prepared(files, {"embeddings": str(path), "embeddings_words": "data"})
    plain, words = prepared(files, {}), task.model.input.words
    assert task.reader.words.tokens == plain.reader.words.tokens
    assert words.table.num_embeddings == len(plain.reader.words)
    ids = torch.tensor([task.reader.words[word] for word in ("Ann", "sees")])
    assert words(ids).tolist() == [[1, 2, 3, 4], [0, 0, 0, 1]]
    told = task.check()
    assert any("the word 'Ann' found twice: the first of its rows is taken" in line for line in told)
    assert any("of the training words have one" in line for line in told)
    again = reloaded(task, task.options, Model(characters="none"), tmp_path / "run")
    assert again.reader.words.tokens == task.reader.words.tokens


def test_only_the_first_rows_of_a_file_are_read(files: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("never 5 5\nAnn 1 2\nlast 1 1\n")
    task = prepared(files, {"embeddings": str(path), "embeddings_limit": 2})
    assert "Ann" in task.reader.words
    assert "never" in task.reader.words
    assert "last" not in task.reader.words
    path.write_text("nie 5 5\nnimmer 1 1\n")
    with pytest.raises(Fault, match=r"vectors.txt: has none of the \d+ words of the training data"):
        prepared(files, {"embeddings": str(path), "embeddings_words": "data"})
    with pytest.raises(ValidationError, match="expected embeddings"):
        Model(embeddings_words="data")


def test_what_is_taken_off_the_score_of_outside(files: dict[str, str]) -> None:
    """More words are in spans the more is taken off, and what is learnt does not depend on it."""
    for head in ("crf", "softmax"):
        counts = []
        for discount in (-30.0, 0.0, 30.0):
            options = {"head": head, "outside_discount": discount, "bidirectional": head == "crf"}
            task = prepared(files, options)
            sentences = task.data.validation.words
            tags = task.tag(sentences)
            counts.append(sum(tag != "O" for row in tags for tag in row))
            plain = prepared(files, {**options, "outside_discount": 0.0})
            batch = task.batches(0)[0]
            torch.testing.assert_close(task.loss(batch, None).total, plain.loss(batch, None).total)
            if head == "softmax":
                stream = task.open_stream()
                text = " ".join(sentences[0]) + "\n"
                assert [each["tag"] for each in [*stream.feed(text), *stream.finish()]] == tags[0]
        assert counts[0] == 0
        assert counts[0] < counts[2] == sum(map(len, sentences))
        assert counts[0] <= counts[1] <= counts[2]


def test_tags_of_no_spans_have_no_outside(tmp_path: Path) -> None:
    rows = [[("a", "X"), ("b", "Y")], [("b", "Y")]]
    files = {"train": write(tmp_path / "a.conll", rows), "validation": write(tmp_path / "b.conll", rows)}
    with pytest.raises(Fault, match="model.outside_discount = 0.5: these tags mark no spans"):
        prepared(files, {"outside_discount": 0.5})
