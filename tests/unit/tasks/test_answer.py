"""Answers to questions: what is counted, what is learnt, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra.data.memory import lending
from recurra.data.sound.recording import Recording
from recurra.errors import Fault
from recurra.models import Inquiry, MemoryNetwork, Words
from recurra.models.questions.memory_network import position_weights
from recurra.ragged import Ragged
from recurra.tasks.answer.scores import exact_match, normal, overlap, word_scores
from recurra.tasks.answer.span_task import best_spans
from recurra.train.recipe import recipe_of
from tests.unit.tasks.fitting import fit

PLACES = ("hall", "park", "shop")


def task_of(data: dict[str, Any], model: dict[str, Any]) -> Any:
    return recipe_of({"task": "answer", "data": data, "model": model}, "recipe").prepare()


# scores


@pytest.mark.parametrize(
    ("answer", "golds", "exact", "f1"),
    [
        ("The Broncos!", ["broncos"], 1.0, 1.0),  # capitals, marks and articles do not count
        ("the an a", [""], 1.0, 0.0),  # the script's F1 of two empty texts is 0
        ("Denver Broncos", ["Broncos", "Denver"], 0.0, 2 / 3),  # 1 of 2 and 1 of 1
        ("a b b c", ["b b d"], 0.0, 2 * (2 / 3) * (2 / 3) / (4 / 3)),  # "a" is an article
        ("U.S.", ["US"], 1.0, 1.0),
        ("well-known", ["well known"], 0.0, 0.0),  # a mark is taken out, and leaves no blank
        ("“one”", ["one"], 0.0, 0.0),  # nor is it one of ASCII
        ("x", [], 0.0, 0.0),
    ],
)
def test_spans_are_counted_as_the_script_counts(
    answer: str, golds: list[str], exact: float, f1: float
) -> None:
    assert exact_match(answer, golds) == exact
    assert overlap(answer, golds) == pytest.approx(f1)


def test_the_normal_form() -> None:
    assert normal(" An  Answer, the\tother: a.b ") == "answer other ab"
    assert normal("theatre and an.") == "theatre and"


def test_words_are_counted_by_number() -> None:
    assert word_scores(range(2, 4), [[2, 3], [0]]) == (1.0, 1.0)
    assert word_scores([1, 2, 3], [[3, 5], [9]]) == (0.0, pytest.approx(2 / 5))


def test_the_best_span_is_the_best_of_all_that_are_short_enough() -> None:
    logs = torch.randn(5, 2, 9, generator=torch.Generator().manual_seed(3)).log_softmax(-1)
    for longest in (1, 3, 20):
        for row, (first, last, share) in zip(logs, best_spans(logs, longest), strict=True):
            every = {
                (a, b): float(row[0, a] + row[1, b]) for a in range(9) for b in range(a, min(9, a + longest))
            }
            assert (first, last) == max(every, key=every.__getitem__)
            assert share == pytest.approx(float(torch.tensor(every[first, last]).exp()))


# what a memory network sees


def asked(network: MemoryNetwork, *sentences: list[int]) -> torch.Tensor:
    def rows(*ids: list[int]) -> Words:
        return Words(Ragged.from_list([torch.tensor(row) for row in ids]))

    inquiry = Inquiry(rows([1, 2]), rows(*sentences), torch.tensor([len(sentences)]))
    scores: torch.Tensor = network.eval()(inquiry).scores
    return scores


def test_position_weights_are_those_of_the_paper() -> None:
    rows = Ragged.from_list([torch.zeros(3, 1), torch.zeros(1, 1)])
    weights = rows.with_data(position_weights(rows, 2)).to_list()
    expected = [[(1 - j / 3) - (k / 2) * (1 - 2 * j / 3) for k in (1, 2)] for j in (1, 2, 3)]
    torch.testing.assert_close(weights[0], torch.tensor(expected))
    torch.testing.assert_close(weights[1], torch.tensor([[0.5, 1.0]]))


def test_position_weights_of_the_program_are_twice_those_and_1_on_average() -> None:
    rows = Ragged.from_list([torch.zeros(4, 1), torch.zeros(2, 1)])
    one, other = rows.with_data(position_weights(rows, 3, 4)).to_list()
    assert float(one.mean()) == pytest.approx(1.0)
    assert torch.equal(other, one[:2])  # a shorter sentence has those of its places
    twice = 2 * position_weights(Ragged.from_list([torch.zeros(400, 1)]), 300)
    torch.testing.assert_close(
        position_weights(Ragged.from_list([torch.zeros(400, 1)]), 300, 400), twice, atol=0.02, rtol=0
    )


def test_blank_sentences_take_their_share_of_a_look() -> None:
    words = Words(Ragged.from_list([torch.tensor([3, 4]), torch.tensor([5])]))
    inquiry = Inquiry(Words(Ragged.from_list([torch.tensor([1])])), words, torch.tensor([2]))
    for memory, blanks in ((2, 0), (7, 5), (1, 0)):  # a longer story has none
        network = MemoryNetwork(9, 6, 3, hops=1, memory=memory, blanks=True).eval()
        looks = network(inquiry).looks[0].detach()
        assert float(looks.sum()) == pytest.approx(2 / (2 + blanks), rel=0.1)  # weights near 0 score near 0
    plain = MemoryNetwork(9, 6, 3, hops=1, memory=7).eval()
    assert float(plain(inquiry).looks[0].detach().sum()) == pytest.approx(1.0)


def test_sentences_that_stories_share_are_read_once(tmp_path: Path) -> None:
    for kind in ("memory_network", "entity_network"):
        task = task_of(moves(tmp_path), {"kind": kind})
        batch = task.batches(0)[0][0]
        assert len(batch.evidence.ids) == len(PLACES) < int(batch.counts.sum()) == len(batch.which)
        ids = [row.tolist() for row in batch.evidence.ids.to_list()]
        repeated = Words(Ragged.from_list([torch.tensor(ids[k]) for k in batch.which.tolist()]))
        model = task.model.eval()
        torch.testing.assert_close(
            model(batch).scores, model(batch._replace(evidence=repeated, which=None)).scores
        )


def test_answers_are_words_in_the_network_of_the_program(tmp_path: Path) -> None:
    task = task_of(moves(tmp_path), {"as_program": True, "embedding": 12, "hops": 1})
    model, words = task.model, task.reader.words.words
    assert [words.tokens[k] for k in model.answers] == [*task.labels.names]
    assert model.answer is None
    assert (model.memory, model.longest) == (2, 6)  # sentences of a story; "Ann went to the hall ."
    fit(task, 60, lr=0.05)
    assert task.evaluate()["accuracy"] == 1.0
    story = [f"Ann went to the {place}." for place in PLACES]  # longer than any of training
    (answer,) = task.predict([{"story": story, "question": "Where is Ann?"}])
    assert len(answer["looked"]) == 3


def test_answers_that_are_one_word_are_told(tmp_path: Path) -> None:
    data = story_file(tmp_path, [(["Ann left."], "Where is Ann?", "Hall"), (["A b."], "Where?", "hall")])
    with pytest.raises(Fault, match="answer 'hall' is the word that 'Hall' is, expected a word of its own"):
        task_of(data, {"as_program": True})


def test_without_positions_a_sentence_is_a_bag() -> None:
    for position in (True, False):
        network = MemoryNetwork(9, 6, 3, position=position)
        same = torch.allclose(asked(network, [3, 4, 5]), asked(network, [5, 4, 3]), atol=1e-6)
        assert same != position


def test_without_ages_the_order_of_sentences_is_not_seen() -> None:
    for time in (True, False):
        network = MemoryNetwork(9, 6, 3, time=time)
        same = torch.allclose(asked(network, [3], [4, 5]), asked(network, [4, 5], [3]), atol=1e-6)
        assert same != time


def story_file(folder: Path, facts: list[tuple[list[str], str, str]]) -> dict[str, Any]:
    lines = []
    for story, question, answer in facts:
        lines += [f"{n} {sentence}" for n, sentence in enumerate(story, 1)]
        lines.append(f"{len(story) + 1} {question}\t{answer}\t1")
    path = folder / "stories.txt"
    path.write_text("\n".join(lines) + "\n")
    source = {"path": str(path), "format": "babi"}
    return {"evidence": "story", "train": source, "validation": source, "batch_size": 9}


def moves(folder: Path) -> dict[str, Any]:
    """Ann goes to two places, in either order; asked is the last."""
    return story_file(
        folder,
        [
            ([f"Ann went to the {a}.", f"Ann went to the {b}."], "Where is Ann?", b)
            for a in PLACES
            for b in PLACES
            if a != b
        ],
    )


def relations(folder: Path) -> dict[str, Any]:
    """The same words in either order."""
    return story_file(
        folder,
        [([f"The {a} is above the {b}."], "What is above?", a) for a in PLACES for b in PLACES if a != b],
    )


@pytest.mark.parametrize(("data", "encoding"), [(moves, "time"), (relations, "position")])
def test_an_encoding_is_what_makes_a_memory_network_learn(data: Any, encoding: str, tmp_path: Path) -> None:
    model = {"kind": "memory_network", "embedding": 12, "hops": 1, "gaps": 0.0}
    plain = {**model, encoding: False}
    accuracy = {}
    for name, options in (("with", model), ("without", plain)):
        task = task_of(data(tmp_path), options)
        fit(task, 60, lr=0.05)
        accuracy[name] = task.evaluate()["accuracy"]
    assert accuracy["with"] == 1.0
    assert accuracy["without"] <= 0.5  # of two places that look alike


def test_an_entity_network_learns_what_came_last(tmp_path: Path) -> None:
    task = task_of(moves(tmp_path), {"kind": "entity_network", "embedding": 16, "slots": 4})
    fit(task, 60, lr=0.02)
    assert task.evaluate()["accuracy"] == 1.0
    (answer,) = task.predict(
        [{"story": ["Ann went to the hall.", "Ann went to the park."], "question": "Where is Ann?"}]
    )
    assert answer["answer"] == "park"
    assert [len(each["weights"]) for each in answer["looked"]] == [1, 1]


def test_a_linear_start_ends(tmp_path: Path) -> None:
    task = task_of(moves(tmp_path), {"linear_epochs": 2})
    assert [task.batches(epoch)[0][0].linear for epoch in range(3)] == [True, True, False]


def test_a_memory_is_looked_over_without_a_softmax_in_a_linear_start() -> None:
    network = MemoryNetwork(9, 6, 3, hops=2)
    words = Words(Ragged.from_list([torch.tensor([3, 4]), torch.tensor([5])]))
    inquiry = Inquiry(Words(Ragged.from_list([torch.tensor([1])])), words, torch.tensor([2]))
    looks = network.eval()(inquiry).looks[0]
    torch.testing.assert_close(looks.sum(0), torch.ones(2))
    looks = network(inquiry._replace(linear=True)).looks[0]
    assert not torch.allclose(looks.sum(0), torch.ones(2), atol=1e-3)


def test_predict_says_at_which_sentence_it_looked(tmp_path: Path) -> None:
    task = task_of(moves(tmp_path), {"embedding": 12, "hops": 2, "gaps": 0.0})
    fit(task, 60, lr=0.05)
    story = ["Ann went to the shop.", "Ann went to the park."]
    (answer,) = task.predict([{"story": story, "question": "Where is Ann?"}])
    assert answer["answer"] == "park"
    first, last = (each["weights"] for each in answer["looked"])
    assert last[0] > 0.8 > first[0]
    assert answer["looked"][0]["sentence"] == "Ann went to the shop ."


def test_a_blind_twin_does_not_see(tmp_path: Path) -> None:
    items = [
        {"story": [f"Ann went to the {place}."], "question": f"Where is {who}?"} for place, who in
        (("hall", "Ann"), ("park", "Ann"), ("hall", "it"))
    ]  # fmt: skip
    for kind in ("memory_network", "entity_network", "recurrent"):
        shares = {}
        for sees in ("both", "question", "evidence"):
            task = task_of(moves(tmp_path), {"kind": kind, "sees": sees})
            shares[sees] = [answer["probability"] for answer in task.predict(items)]
        assert len({*shares["both"]}) == 3
        assert shares["question"][0] == shares["question"][1] != shares["question"][2]
        assert shares["evidence"][0] == pytest.approx(shares["evidence"][2], abs=1e-6)
        assert shares["evidence"][0] != shares["evidence"][1]


def test_whole_groups_are_held_out(tmp_path: Path) -> None:
    data = moves(tmp_path) | {"validation": None, "group": "answer", "hold_out": 1, "unseen": "wrong"}
    task = task_of(data, {})
    assert len(task.data.validation.questions) == 2
    assert task.data.validation.answers == [-1, -1]
    assert task.evaluate()["accuracy"] == 0.0
    assert any("training has none of 2 answers like this one" in line for line in task.check())


def test_what_is_no_question_is_told(tmp_path: Path) -> None:
    task = task_of(moves(tmp_path) | {"max_sentences": 2}, {})
    for item, line in {
        "Where?": "expected a table with 'question'",
        '{"story": ["Ann ran."]}': "expected a table with 'question'",
        '{"story": ["Ann ran."], "question": "?"}': "'?' has no words",
        '{"story": 3, "question": "Who?"}': "expected a list of sentences",
        '{"story": ["a", "b", "c"], "question": "Who?"}': "a story of 3 sentences, expected at most 2",
    }.items():
        with pytest.raises(Fault, match=line):
            task.row(json.loads(item) if item[0] == "{" else item)


def test_a_story_longer_than_the_memory_is_told_by_its_line(tmp_path: Path) -> None:
    data = moves(tmp_path) | {"max_sentences": 1}
    with pytest.raises(Fault, match=r"stories.txt:3: a story of 2 sentences, expected at most 1"):
        task_of(data, {})
    task = task_of(data | {"longer": "cut"}, {})
    assert any("6" in line and "their last ones are read" in line for line in task.check())


def test_an_answer_never_seen_is_told_by_its_line(tmp_path: Path) -> None:
    data = moves(tmp_path)
    other = tmp_path / "other.txt"
    other.write_text("1 Ann left.\n2 Where is Ann?\tmoon\t1\n")
    with pytest.raises(Fault, match=r"other.txt:2: answer 'moon': training has no such answer"):
        task_of(data, {}).evaluate(other)
    assert task_of(data | {"unseen": "wrong"}, {}).evaluate(other)["accuracy"] == 0.0


def test_a_setting_of_another_kind_is_told(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="kind = 'recurrent' has no hops"):
        task_of(moves(tmp_path), {"kind": "recurrent", "hops": 2})
    with pytest.raises(Fault, match="kind = 'memory_network' has no cell"):
        task_of(moves(tmp_path), {"cell": "gru"})
    with pytest.raises(
        Fault,
        match="data.evidence = 'stories' found, expected what answers are found in: did you mean 'story'",
    ):
        task_of(moves(tmp_path) | {"evidence": "stories"}, {})


# spans


def passages(folder: Path, *rows: tuple[str, str, list[str], list[Any]]) -> dict[str, Any]:
    names = ("passage", "question", "answers", "spans")
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows))
    return {"evidence": "passage", "train": str(path), "validation": str(path), "batch_size": 4}


NAMES = ("Ann", "Bob", "Eve", "Kim")
SEEN = [
    (f"{a} sees {b}.", question, [answer], [[[start, start + 3]]])
    for a in NAMES
    for b in NAMES
    if a != b
    for question, answer, start in (("Who sees?", a, 0), ("Who is seen?", b, 9))
]
SMALL = {"embedding": 8, "hidden": 8, "cell": "gru"}


@pytest.mark.parametrize("attention", ["aligned", "flow", "none"])
def test_a_reader_learns_where_answers_stand(attention: str, tmp_path: Path) -> None:
    task = task_of(passages(tmp_path, *SEEN), {**SMALL, "attention": attention})
    fit(task, 25, lr=0.02)
    scores = task.evaluate()
    assert scores["exact"] == scores["f1"] == scores["word_exact"] == 1.0
    (answer,) = task.predict([{"passage": "Kim sees Ann.", "question": "Who is seen?"}])
    assert (answer["answer"], answer["start"], answer["end"]) == ("Ann", 9, 12)
    assert answer["looked"][0]["word"] == "Ann"


def test_an_answer_that_cuts_a_word_is_scored_and_not_learnt(tmp_path: Path) -> None:
    data = passages(tmp_path, *SEEN[:2], ("Ann sees Bobby.", "Who is seen?", ["Bob"], [[[9, 12]]]))
    task = task_of(data, SMALL)
    assert len(task.learnable) == 2
    assert "1 of 3 questions have no answer that is whole words" in "\n".join(task.check())
    assert 0 <= task.evaluate()["f1"] <= 1


def test_several_answers_count_alike(tmp_path: Path) -> None:
    data = passages(tmp_path, ("Ann sees Bob.", "Who?", ["Ann", "Bob"], [[[0, 3]], [[9, 12]]]))
    task = task_of(data, SMALL)
    batch = task.batches(0)[0]
    assert batch.ends.tolist() == [[0, 0], [2, 2]]
    logs = task.model.eval()(batch.inquiry).scores.log_softmax(-1)[0]
    expected = -(logs[0, 0] + logs[1, 0] + logs[0, 2] + logs[1, 2]) / 2
    torch.testing.assert_close(task.loss(batch, None).total, expected)


def test_a_twin_of_passages_sees_no_word(tmp_path: Path) -> None:
    items = ["Ann sees Bob.\tWho sees?", "Eve sees Kim.\tWho sees?", "Ann sees Bob.\tWhere is Rome?"]
    for sees, same in (("question", (0, 1)), ("evidence", (0, 2))):
        task = task_of(passages(tmp_path, *SEEN), {**SMALL, "sees": sees})
        shares = [answer["probability"] for answer in task.predict(items)]
        one, other = same
        assert shares[one] == pytest.approx(shares[other], abs=1e-6)
        assert len({round(share, 6) for share in shares}) == 2


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (
            ("Ann.", "Who?", ["Ann"], [[[0, 9]]]),
            r"rows.jsonl:1: the span \[0, 9\] lies outside its passage of 4",
        ),
        (("Ann.", "?!", ["Ann"], [[[0, 3]]]), r"rows.jsonl:1: the question: '\?!' has no words"),
        (("", "Who?", ["Ann"], [[]]), r"rows.jsonl:1: the passage: a passage of 0 words"),
        (("Ann.", "Who?", [], []), r"rows.jsonl:1: answers \[\] found, expected a list of texts"),
        (("Ann.", "Who?", ["Ann"], []), r"rows.jsonl:1: spans \[\] found"),
        (("Ann.", "Who?", ["An"], [[[0, 2]]]), "no question has an answer that is whole words"),
    ],
)
def test_a_passage_that_is_wrong_is_told(row: Any, line: str, tmp_path: Path) -> None:
    with pytest.raises(Fault, match=line):
        task_of(passages(tmp_path, row), SMALL)


# pictures and recordings


def view(colour: int, size: int = 16) -> Any:
    """A square of one colour, at the left or at the right."""
    pixels = np.zeros((size, size, 3), np.uint8)
    pixels[4:8, 2:6] = [[200, 0, 0], [0, 0, 200]][colour]
    return pixels


def views() -> dict[str, Any]:
    colours = ("red", "blue")
    return {
        "image": [view(k % 2) for k in range(8)],
        "question": ["what colour?", "what colour?", "is it red?", "is it red?"] * 2,
        "answer": [colours[k % 2] if k % 4 < 2 else ("yes", "no")[k % 2] for k in range(8)],
    }


LOOK = {"convolution": [{"channels": 8, "stride": 2}, {"channels": 8, "stride": 2}], "width": 16, "hidden": 8}


@pytest.mark.parametrize(
    ("model", "batch"),
    [
        ({"kind": "places"}, {}),
        ({"kind": "places", "hops": 2, "modulation": True, "norm": "none"}, {"pictures": 3}),
        ({"kind": "relations", "norm": "batch"}, {}),
        ({"kind": "distances", "hops": 2}, {"pictures": 3}),
    ],
)
def test_pictures_are_answered_from(model: dict[str, Any], batch: dict[str, int], tmp_path: Path) -> None:
    with lending({"views": views()}):
        data = {"evidence": "picture", "train": "memory:views", "validation": "memory:views", "batch_size": 4}
        task = task_of(data | batch, LOOK | model)
        fit(task, 40, lr=0.01)
        assert task.evaluate()["accuracy"] == 1.0
        (answer,) = task.predict([{"image": view(1), "question": "what colour?"}])
        assert answer["answer"] == "blue"
        assert np.array(answer["looked"]).shape == (4, 4)
        with pytest.raises(Fault, match="12 x 12 pixels .* found, expected 16 x 16 pixels"):
            task.row({"image": view(1, 12), "question": "what colour?"})
        task.picture([{"image": view(0), "question": "what colour?"}], tmp_path / "view.png")
    assert (tmp_path / "view.png").stat().st_size > 2000


def test_a_batch_has_all_questions_about_its_pictures() -> None:
    one, other = view(0), view(1)
    rows = {
        "image": [one, other, one, other, one],
        "question": ["what colour?", "is it red?", "is it blue?", "what colour?", "is it red?"],
        "answer": ["red", "no", "no", "blue", "yes"],
    }
    with lending({"rows": rows}):
        data = {"evidence": "picture", "train": "memory:rows", "validation": "memory:rows", "pictures": 1}
        task = task_of(data, LOOK)
        for epoch in range(3):
            batches = [task.batches(epoch)[k] for k in range(len(task.batches(epoch)))]
            assert sorted(len(answers) for _, answers in batches) == [2, 3]
            assert all(len(inquiry.evidence) == 1 for inquiry, _ in batches)
            answers = sorted(int(answer) for _, each in batches for answer in each)
            assert answers == sorted(task.data.train.answers)
        # two processes share the pictures between them
        task.options = task.options.model_copy(update={"pictures": 2})
        parts = [task.batches(0, rank, 2)[0] for rank in (0, 1)]
        assert sorted(len(answers) for _, answers in parts) == [2, 3]


@pytest.mark.parametrize("kind", ["places", "distances", "relations"])
def test_a_picture_of_many_questions_is_looked_at_once(kind: str) -> None:
    with lending({"views": views()}):
        data = {"evidence": "picture", "train": "memory:views", "validation": "memory:views"}
        task = task_of(data, LOOK | {"kind": kind})
        picture, words = torch.from_numpy(view(0))[None], [["what", "colour", "?"], ["is", "it", "red", "?"]]
        inquiry = task.reader.inquiry(words, [picture, picture], False)
        assert inquiry.evidence.shape == (1, 1, 16, 16, 3)
        apart = task.reader.inquiry(words, [picture, picture.clone()], False)
        task.model.eval()
        torch.testing.assert_close(task.model(inquiry).scores, task.model(apart).scores)


def test_pairs_of_places_are_looked_at_once() -> None:
    data = {"evidence": "picture", "train": "memory:views", "validation": "memory:views"}
    again = {"kind": "relations", "hops": 2}
    with lending({"views": views()}), pytest.raises(Fault, match="hops = 2, .* leave them out"):
        task_of(data, LOOK | again)


def test_distances_are_scaled_by_the_question_anyway() -> None:
    data = {"evidence": "picture", "train": "memory:views", "validation": "memory:views"}
    with lending({"views": views()}), pytest.raises(Fault, match="modulation = true, .*: leave it out"):
        task_of(data, LOOK | {"kind": "distances", "modulation": True})


def tone(*pitches: float) -> Recording:
    t = torch.arange(800) / 4000
    samples = torch.cat([0.3 * torch.sin(2 * torch.pi * pitch * t) for pitch in pitches])
    return Recording(samples.unsqueeze(1), 4000)


def test_recordings_are_answered_from(tmp_path: Path) -> None:
    heard = {
        "audio": [tone(a, b) for a in (300.0, 900.0) for b in (300.0, 900.0) for _ in range(2)],
        "question": ["which is first?", "which is last?"] * 4,
        "answer": ["low", "low", "low", "high", "high", "low", "high", "high"],
    }
    with lending({"heard": heard}):
        sound = {"rate": 4000, "bands": 10}
        data = {
            "evidence": "recording",
            "train": "memory:heard",
            "validation": "memory:heard",
            "sound": sound,
        }
        task = task_of(data | {"batch_size": 8}, {"hidden": 16, "cell": "gru", "width": 16, "frames": 2})
        fit(task, 60, lr=0.02)
        assert task.evaluate()["accuracy"] == 1.0
        item = {"audio": tone(300.0, 900.0), "question": "which is last?"}
        (answer,) = task.predict([item])
        assert answer["answer"] == "high"
        moments = [(each["from"], each["to"]) for each in answer["looked"]]
        assert moments == sorted(moments)
        assert 0 <= moments[0][0] <= moments[-1][1] <= 0.4
        for samples, line in (
            (torch.zeros(900, 1), r"a recording of silence \(900 samples\)"),
            (torch.zeros(0, 1), "a recording of silence"),
            (torch.ones(20, 1), "shorter than one frame"),
        ):
            with pytest.raises(Fault, match=line):
                task.row({**item, "audio": Recording(samples, 4000)})
        with pytest.raises(Fault, match="expected a table with 'audio'"):
            task.row({"question": "which is last?"})
        task.picture([item], tmp_path / "heard.png", dark=True)
    assert (tmp_path / "heard.png").stat().st_size > 2000


def test_what_is_said_is_learnt_beside_the_answer(tmp_path: Path) -> None:
    heard = {
        "audio": [tone(300.0, 900.0), tone(900.0, 300.0)],
        "question": ["which is first?"] * 2,
        "answer": ["low", "high"],
        "said": ["low high", "high low"],
    }
    data = {
        "evidence": "recording",
        "train": "memory:heard",
        "validation": "memory:heard",
        "transcript": "said",
    }
    data["sound"] = {"rate": 4000, "bands": 10}  # type: ignore[assignment]
    hearing = {"cell": "gru", "hidden": 8, "frames": 2}
    model = {"hidden": 8, "cell": "gru", "width": 8, "transcriber": hearing}
    with lending({"heard": heard}):
        task = task_of(data, model)
        inquiry, answers = task.batches(0)[0]
        reply = task.model(inquiry)
        nats = torch.nn.functional.cross_entropy(reply.scores, answers, reduction="sum")
        torch.testing.assert_close(task.loss((inquiry, answers), None).total, nats + reply.cost)
        assert reply.cost > 0
        (answer,) = task.predict([{"audio": tone(300.0, 900.0), "question": "which is first?"}])
        assert answer["answer"] in ("low", "high")
        with pytest.raises(Fault, match="needs 2 steps, the recording has 1 of 30 frames"):
            task_of(data, {**model, "transcriber": {**hearing, "frames": 30}})
        for options, settings in ((model, {**data, "transcript": None}), ({"hidden": 8}, data)):
            with pytest.raises(Fault, match="belong together: set both, or none"):
                task_of(settings, options)


def test_a_question_alone_has_nothing_to_look_at(tmp_path: Path) -> None:
    asked_alone = {"question": ["is it?", "was it?"], "answer": ["yes", "no"]}
    with lending({"alone": asked_alone}):
        task = task_of({"evidence": "none", "train": "memory:alone", "validation": "memory:alone"}, {})
        with pytest.raises(Fault, match="does not say where it looks"):
            task.picture([{"question": "is it?"}], tmp_path / "nothing.png")
        one, other = task.predict([{"question": "is it?"}, "is it?"])
        assert one == other
        assert "looked" not in one


def test_pictures_show_where_it_looked(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    story = {"story": ["Ann went to the shop."], "question": "Where is Ann?"}
    task_of(moves(tmp_path), {}).picture([story], tmp_path / "story.png", dark=True)
    task_of(passages(tmp_path, *SEEN), SMALL).picture(["Ann sees Bob.\tWho?"], tmp_path / "words.png")
    assert (tmp_path / "story.png").stat().st_size > 2000 < (tmp_path / "words.png").stat().st_size
