"""The translation task on tiny generated pairs."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from recurra.decode import beam_search
from recurra.errors import Fault
from recurra.ragged import Ragged
from recurra.storage.models import load_model, save_model
from recurra.streaming.runner import streaming
from recurra.tasks.seq2seq.pairs import PairOptions
from recurra.tasks.seq2seq.search import SearchOptions, align, hard_alignment, search, words_of
from recurra.tasks.seq2seq.teacher_forcing import with_own_tokens
from recurra.tasks.translate.model import TranslateModelOptions
from recurra.tasks.translate.task import TranslateTask

SMALL = {"embedding": 12, "encoder": {"hidden": 24}, "decoder": {"hidden": 24, "cell": "gru"}}


def _write(path: Path, pairs: list[tuple[str, str]]) -> str:
    path.write_text("source\ttarget\n" + "".join(f"{a}\t{b}\n" for a, b in pairs))
    return str(path)


def _reversals(count: int, seed: int = 0, letters: str = "abcde") -> list[tuple[str, str]]:
    rng = random.Random(seed)
    rows = [[rng.choice(letters) for _ in range(rng.randint(1, 6))] for _ in range(count)]
    return [(" ".join(row), " ".join(reversed(row))) for row in rows]


def _task(folder: Path, model: dict[str, Any], **data: Any) -> TranslateTask:
    train = _write(folder / "train.tsv", _reversals(600))
    held = _write(folder / "held.tsv", _reversals(60, 1))
    options = PairOptions(**{"train": train, "validation": held, "unit": "word", "batch_size": 30, **data})
    return TranslateTask.prepare(options, TranslateModelOptions(**{**SMALL, **model}), seed=0)


def _train(task: TranslateTask, epochs: int) -> float:
    optimiser = torch.optim.Adam(task.model.parameters(), 0.01)
    mean = 0.0
    for epoch in range(epochs):
        for batch in task.batches(epoch):
            task.model.train()
            loss = task.loss(batch, None)
            (loss.total / loss.items).backward()
            nn.utils.clip_grad_norm_(task.model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            mean = float(loss.total.detach()) / loss.items
    task.model.eval()
    return mean


@pytest.mark.parametrize(
    "model",
    [
        {"attention": "general"},
        {"attention": "general", "input_feeding": True, "tied": True, "scheduled_sampling": 0.2},
    ],
)
def test_reversal_is_learnt(tmp_path: Path, model: dict[str, Any]) -> None:
    task = _task(tmp_path, model)
    _train(task, 12)
    scores = task.evaluate()
    assert scores["exact"] >= 0.9
    assert scores["bleu"] >= 90
    (answer,) = task.predict(["a b c"])
    assert answer["text"] == "c b a"
    assert answer["alignment"] == [2, 1, 0]
    json.dumps(answer)


def test_a_vector_alone_learns_short_rows(tmp_path: Path) -> None:
    task = _task(tmp_path, {"attention": "none"})
    before = task.evaluate()
    _train(task, 12)
    after = task.evaluate()
    assert after["exact"] >= 0.3
    assert after["perplexity"] < 0.5 * before["perplexity"]
    (answer,) = task.predict([{"source": "a b"}])
    assert "alignment" not in answer


def test_a_wide_beam_is_the_exhaustive_search(tmp_path: Path) -> None:
    task = _task(tmp_path, {"attention": "general", "input_feeding": True})
    model, end, size = task.model.eval(), task.reader.end, len(task.reader.target)
    source = Ragged.from_list([task.reader.source_ids("a b"), task.reader.source_ids("c")])
    with torch.no_grad():
        logits, state = model.step(torch.tensor([end, end]), model.begin(source))
        found = beam_search(
            model.step, logits, state, width=size**3, length=[3, 2], end=end, length_penalty=0.7
        )
        for row, limit in enumerate((3, 2)):
            expected = []
            for length in range(limit + 1):
                for ids in itertools.product([i for i in range(size) if i != end], repeat=length):
                    said = [*ids, end][:limit]
                    read = Ragged.from_list([torch.tensor([end, *said[:-1]])])
                    alone = Ragged.from_list([source.to_list()[row]])
                    shares = model(alone, read).logits.data.log_softmax(-1)
                    total = sum(float(shares[t, i]) for t, i in enumerate(said))
                    expected.append((total / ((5 + len(said)) / 6) ** 0.7, list(ids)))
            expected.sort(reverse=True)
            assert len(found[row]) == len(expected)
            assert [one.ids for one in found[row][:5]] == [ids for _, ids in expected[:5]]
            for one, (score, _) in zip(found[row], expected, strict=True):
                assert one.score == pytest.approx(score, abs=1e-4)


def test_answers_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    task = _task(tmp_path, {"attention": "additive", "search": {"beam": 3, "best": 2}})
    texts = ["a b c d", "e", "b a", "c c c c c"]
    together = task.translate(texts)
    for text, answers in zip(texts, together, strict=True):
        (alone,) = task.translate([text])
        assert [one["tokens"] for one in alone] == [one["tokens"] for one in answers]
        assert len(answers) == 2
        assert answers[0]["score"] >= answers[1]["score"]
        for one, other in zip(alone, answers, strict=True):
            assert one["log_probability"] == pytest.approx(other["log_probability"], abs=1e-4)


def test_a_greedy_answer_takes_the_likeliest_token_each_time(tmp_path: Path) -> None:
    task = _task(tmp_path, {"attention": "general", "search": {"beam": 1}})
    _train(task, 2)
    source = task.reader.source_ids("a d c")
    (answer,) = search(task.model, [source], task.reader.end, SearchOptions(beam=1))[0]
    read = Ragged.from_list([torch.tensor([task.reader.end, *answer.hypothesis.ids])])
    with torch.no_grad():
        likeliest = task.model(Ragged.from_list([source]), read).logits.data.argmax(-1).tolist()
    assert likeliest[: len(answer.hypothesis.ids)] == answer.hypothesis.ids


def test_alignments_are_the_weights_of_each_choice(tmp_path: Path) -> None:
    task = _task(tmp_path, {"attention": "general"})
    sources = [task.reader.source_ids("a b c"), task.reader.source_ids("d")]
    targets = [[3, 4], [5]]
    found = align(task.model, sources, targets, task.reader.end)
    assert [tuple(one.shape) for one in found if one is not None] == [(2, 4), (1, 2)]
    for one in found:
        assert one is not None
        torch.testing.assert_close(one.sum(-1), torch.ones(len(one)))
    assert hard_alignment(torch.tensor([[0.1, 0.2, 0.7], [0.6, 0.1, 0.3]])) == [1, 0]
    assert hard_alignment(torch.tensor([[1.0]])) == [-1]


def test_unknown_words_are_copied_from_where_the_model_looked(tmp_path: Path) -> None:
    task = _task(tmp_path, {"attention": "general"}, tokenizer={"min_count": 2})
    target = task.reader.target
    assert target.unknown is not None
    known = target.encode("a b")
    ids = [known[0], target.unknown, known[1]]
    assert words_of(ids, target, ["x", "Zaragoza"], [0, 1, 0]) == "a Zaragoza b"
    assert words_of(ids, target, ["x", "Zaragoza"], None) == "a <UNK> b"
    assert words_of(ids, target, [], [-1, -1, -1]) == "a <UNK> b"


def test_own_tokens_are_read_as_often_as_asked(tmp_path: Path) -> None:
    task = _task(tmp_path, {"attention": "general", "scheduled_sampling": 0.5, "sampling_epochs": 4})
    assert [task.model_options.own_share(epoch) for epoch in (0, 2, 4, 9)] == [0.0, 0.25, 0.5, 0.5]
    batch = task.batches(0)[0]
    same = with_own_tokens(task.model, batch.source, batch.inputs, 0.0)
    assert torch.equal(same.data, batch.inputs.data)
    assert same.batch_sizes == batch.inputs.batch_sizes
    mixed = with_own_tokens(task.model, batch.source, batch.inputs, 1.0)
    first = batch.inputs.batch_sizes[0]
    assert torch.equal(mixed.data[:first], batch.inputs.data[:first])
    assert (mixed.data[first:] != batch.inputs.data[first:]).float().mean() > 0.5
    # what a certain model draws is what it says
    with torch.no_grad():
        task.model.bias[3] = 50.0
    assert set(with_own_tokens(task.model, batch.source, batch.inputs, 1.0).data[first:].tolist()) == {3}


def test_smoothing_is_in_the_loss_and_not_in_the_scores(tmp_path: Path) -> None:
    plain = _task(tmp_path, {"attention": "general"})
    smooth = _task(tmp_path, {"attention": "general", "label_smoothing": 0.3})
    smooth.model.load_state_dict(plain.model.state_dict())
    batch = plain.batches(0)[0]
    assert plain.loss(batch, None).total.item() != pytest.approx(smooth.loss(batch, None).total.item())
    assert plain.evaluate()["perplexity"] == pytest.approx(smooth.evaluate()["perplexity"])


def test_a_run_folder_gives_the_same_answers(tmp_path: Path) -> None:
    for number, (model, data) in enumerate(
        [
            ({"attention": "general", "input_feeding": True, "tied": True}, {"shared": True}),
            ({"attention": "scaled", "reach": 2, "decoder": {"hidden": 48}}, {"unit": "character"}),
            ({"attention": "none"}, {"unit": "subword", "tokenizer": {"max_size": 270}}),
        ]
    ):
        task = _task(tmp_path, model, **data)
        folder = tmp_path / str(number)
        save_model(task.model, folder)
        task.save_assets(folder)
        other = TranslateTask.restore(task.options, task.model_options, load_model(folder), folder)
        assert list(other.predict(["a b c"])) == list(task.predict(["a b c"]))
        assert "nrefs:1" in json.loads((folder / "scoring.json").read_text())["bleu"]
        assert other.evaluate(tmp_path / "held.tsv") == other.evaluate()
        with pytest.raises(Fault, match="loaded to predict"):
            other.batches(0)


def test_it_says_that_it_reads_whole_rows(tmp_path: Path) -> None:
    model = _task(tmp_path, {}).model
    assert streaming(model).startswith("not at all: EncoderDecoder has no step(x, state) that takes a row as")


def test_check_says_what_is_worth_knowing(tmp_path: Path) -> None:
    said = "\n".join(_task(tmp_path, {"attention": "general"}, shared=True).check())
    for part in ("train, sources: 600 examples", "the same ones", "bleu: nrefs:1", "epoch: 20 batches"):
        assert part in said


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"attention": "none", "input_feeding": True}, "model.attention = 'none'"),
        ({"attention": "dot", "decoder": {"hidden": 30}}, "make them equal, or use general"),
        ({"attention": "general", "tied": True, "output": 5}, "tied weights need vectors as wide"),
    ],
)
def test_settings_that_contradict_are_told(tmp_path: Path, model: dict[str, Any], said: str) -> None:
    with pytest.raises(Fault, match=said):
        _task(tmp_path, model)


def test_bad_pairs_are_told(tmp_path: Path) -> None:
    empty = _write(tmp_path / "empty.tsv", [("a", "b"), ("a b", " ")])
    with pytest.raises(Fault, match=r"empty\.tsv:3: a sequence of length 0"):
        _task(tmp_path, {}, train=empty)
    with pytest.raises(Fault, match=r"train\.tsv:\d+: a sequence of \d steps, expected at most 3"):
        _task(tmp_path, {}, max_length=3)
    with pytest.raises(Fault, match="no column 'target_text'"):
        _task(tmp_path, {}, target="target_text")
    with pytest.raises(Fault, match="end token is set by the task"):
        _task(tmp_path, {}, tokenizer={"end": "<E>"})
    task = _task(tmp_path, {})
    with pytest.raises(Fault, match="expected a text, or a table with the key 'source'"):
        list(task.predict([3]))
    with pytest.raises(ValueError, match="need a beam at least as wide"):
        SearchOptions(beam=2, best=3)
