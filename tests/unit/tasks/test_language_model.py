"""Language modelling: what is learnt, what is said of texts, streams, samples and bad input."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from recurra.errors import Fault
from recurra.tasks import TASKS, LanguageModelTask
from recurra.tasks.language_model.costs import total_cost

from .fitting import fit, reloaded

Data, Model = LanguageModelTask.DataOptions, LanguageModelTask.ModelOptions

LINES = ["the cat sees the dog .", "a dog sees a cat .", "the dog runs .", "a cat runs ."] * 12


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


def prepared(text: Path, model: dict[str, Any] | None = None, **data: Any) -> LanguageModelTask:
    given = {"train": str(text), "batch_size": 4, "window": 12, "validation_streams": 2, **data}
    small = {"hidden": 24, "embedding": 12, **(model or {})}
    return LanguageModelTask.prepare(Data(**given), Model(**small), seed=1)


def test_it_is_registered() -> None:
    assert TASKS["language_model"] is LanguageModelTask


@pytest.mark.parametrize("unit", ["character", "word", "subword"])
@pytest.mark.parametrize("read_as", ["stream", "sentences"])
def test_it_learns_and_comes_back_from_its_folder(
    text: Path, tmp_path: Path, unit: str, read_as: str
) -> None:
    options = {"max_size": 270} if unit == "subword" else {}
    task = prepared(text, unit=unit, read_as=read_as, tokenizer=options)
    before = task.evaluate()
    losses = fit(task, 6)
    after = task.evaluate()
    assert losses[-1] < 0.75 * losses[0]
    assert after["nats_per_token"] < before["nats_per_token"]
    assert after["perplexity"] == pytest.approx(math.exp(after["nats_per_token"]))
    again = reloaded(task, task.options, Model(), tmp_path / "run")
    assert again.evaluate() == after
    assert again.evaluate(text)["nats_per_token"] < before["nats_per_token"]


def test_a_stream_carries_its_state_and_sentences_do_not(text: Path) -> None:
    task = prepared(text)
    first, second = task.batches(0)[0], task.batches(0)[1]
    carry = task.loss(first, None).carry
    task.model.eval()
    assert not torch.equal(task.loss(second, carry).total, task.loss(second, None).total)
    assert not any(leaf.requires_grad for leaf in carry["0"])
    alone = prepared(text, read_as="sentences")
    assert alone.loss(alone.batches(0)[0], None).carry is None


def test_windows_make_one_long_run(text: Path) -> None:
    """The cost of a text does not depend on how long the windows are that it is read in."""
    short, long = prepared(text, window=5), prepared(text, window=1000)
    assert short.evaluate()["nats_per_token"] == pytest.approx(long.evaluate()["nats_per_token"], rel=1e-5)


def test_bits_per_character_count_all_nats_over_all_characters(text: Path) -> None:
    task = prepared(text, unit="word", validation=str(text))
    found = task.evaluate()
    held = text.read_text()
    tokens = len(held.split()) + len(LINES)
    bits = found["nats_per_token"] * tokens / math.log(2)
    assert found["bits_per_character"] == pytest.approx(bits / len(held))


def test_probabilities_of_sentences_follow_the_chain_rule(text: Path) -> None:
    task = prepared(text, unit="word", read_as="sentences")
    words = ["the", "dog", "runs"]
    total = 0.0
    for count, word in enumerate([*words, "<EOS>"]):
        coming = task.next_tokens(" ".join(words[:count]), count=100)
        assert sum(one["probability"] for one in coming) == pytest.approx(1, abs=1e-5)
        total += math.log(next(one["probability"] for one in coming if one["token"] == word))
    (found,) = task.log_probabilities(["the dog runs"])
    assert found == pytest.approx(total, abs=1e-4)
    (said,) = task.predict([{"text": "the dog runs"}])
    assert said["log_probability"] == pytest.approx(total, abs=1e-4)
    assert said["tokens"] == 4


def test_a_trained_model_prefers_sentences_to_their_shuffled_selves(text: Path) -> None:
    task = prepared(text, unit="word", read_as="sentences", rank_shuffled=20)
    fit(task, 8, lr=0.02)
    assert task.evaluate()["above_shuffled"] > 0.9
    with pytest.raises(Fault, match="nothing to shuffle"):
        task.above_shuffled(["dog", "dog dog"])


@pytest.mark.parametrize("unit", ["character", "word", "subword"])
def test_however_a_stream_is_cut_its_answers_are_those_of_the_batch(text: Path, unit: str) -> None:
    given = {"max_size": 270} if unit == "subword" else {}
    task = prepared(text, unit=unit, tokenizer=given, validation_streams=1)
    whole = "the cat sees\na zebra .\n"

    def answers(pieces: list[str]) -> list[tuple[str, float]]:
        stream = task.open_stream()
        found = [one for piece in pieces for one in stream.feed(piece)] + list(stream.finish())
        return [(one["token"], one["surprisal_bits"]) for one in found]

    together, apart = answers([whole]), answers(list(whole))
    assert [token for token, _ in together] == [token for token, _ in apart]
    assert [bits for _, bits in together] == pytest.approx([bits for _, bits in apart], abs=1e-4)
    nats, count = total_cost(task.model, task.corpus.windows(task.text, [whole]))
    assert len(together) == count
    assert sum(bits for _, bits in together) * math.log(2) == pytest.approx(nats, rel=1e-4)


def test_samples_repeat_by_their_seed_and_begin_with_the_prompt(text: Path) -> None:
    task = prepared(text)
    fit(task, 3)
    first = list(task.sample("the ", count=3, length=20, seed=3))
    assert first == list(task.sample("the ", count=3, length=20, seed=3))
    assert first != list(task.sample("the ", count=3, length=20, seed=4))
    assert all(one.startswith("the ") and len(one) == 24 for one in first)
    greedy = list(task.sample("the ", length=20, top_k=1))
    assert greedy == list(task.sample("the ", length=20, beam=1))
    assert "<UNK>" not in "".join(task.sample("", count=20, length=50, temperature=10.0))


def test_sentences_end_by_themselves(text: Path) -> None:
    task = prepared(text, unit="word", read_as="sentences")
    fit(task, 8, lr=0.02)
    (said,) = task.sample("the dog", beam=4, length=30)
    assert len(said.split()) < 20
    (drawn,) = task.sample("the dog", length=60, seed=1)
    assert drawn.startswith("the dog ")
    assert len(drawn.split()) < 60


def test_one_hot_tied_and_mixed_stacks_can_be_built(text: Path) -> None:
    one_hot = prepared(text, {"embedding": 0})
    assert one_hot.model.input.output_size == len(one_hot.text.tokenizer)
    tied = prepared(text, {"embedding": 24, "tied": True})
    assert "weight" not in dict(tied.model.named_parameters())
    mixed = prepared(
        text,
        {"cell": ["gru", "lstm", "elman"], "layers": 3, "hidden": [24, 24, 12], "residual": True,
         "dropout": 0.1, "input_dropout": 0.1, "recurrent_dropout": 0.1, "zoneout": 0.1},
    )  # fmt: skip
    assert math.isfinite(fit(mixed, 1)[0])
    options = prepared(text, {"cell": "elman", "cell_options": {"order": 2}})
    assert options.model.body.layers[0].cell.config["order"] == 2


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"cell": "lstn"}, "no cell is called 'lstn': did you mean 'lstm'?"),
        ({"cell": "zoneout"}, "built around another cell"),
        ({"cell_options": {"oder": 2}, "cell": "elman"}, "no argument 'oder': did you mean 'order'?"),
        ({"hidden": [8, 8], "layers": 3}, "hidden names 2 layers, expected layers = 3"),
        ({"tied": True}, "tied weights need embeddings as wide as the last layer, found 12 and 24"),
    ],
)
def test_bad_models_are_told(text: Path, model: dict[str, Any], message: str) -> None:
    with pytest.raises(Fault) as fault:
        prepared(text, model)
    assert message in str(fault.value)


def test_unknown_keys_are_refused(text: Path) -> None:
    with pytest.raises(ValidationError, match="hiden"):
        Model(hiden=3)
    with pytest.raises(ValidationError, match="colum"):
        Data(train=str(text), colum="x")


@pytest.mark.parametrize(
    ("content", "data", "message"),
    [
        ("", {}, "empty file"),
        ("aaaa\n" * 20, {"unit": "word"}, "a vocabulary of one token"),
        ("ab\n", {}, "too short for 4 streams"),
        ("one line of text alone " * 20, {"unit": "word"}, "leaves one part empty"),
        ("some text\n" * 20, {"column": "txt"}, "no column 'txt'"),
        ("some text\n" * 20, {"hold_out_from": "random"}, "tears a stream apart"),
        ("\n\n\n \n", {"read_as": "sentences"}, "empty file"),
        ("word " * 110_000 + "\nb c\n" * 20, {"read_as": "sentences"}, "text.txt:1: a sequence of 550000"),
        ("some text\n" * 20, {"tokenizer": {"rule": "words"}}, "'character' has no option 'rule'"),
    ],
)
def test_bad_text_is_told(tmp_path: Path, content: str, data: dict[str, Any], message: str) -> None:
    path = tmp_path / "text.txt"
    path.write_text(content)
    with pytest.raises(Fault) as fault:
        prepared(path, **data)
    assert message in str(fault.value)


def test_a_missing_file_is_told_with_where_paths_start(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("x")
    with pytest.raises(Fault) as fault:
        prepared(Path("texd.txt"))
    assert "texd.txt: no such file" in str(fault.value)
    assert "did you mean 'text.txt'" in str(fault.value)
    assert str(tmp_path) in str(fault.value)


def test_check_tells_sizes(text: Path) -> None:
    task = prepared(text, unit="word")
    said = "\n".join(task.check())
    learnt = sum(p.numel() for p in task.model.parameters())
    assert f"{learnt:,} parameters" in said
    assert "batches of 48 steps (4 streams, 12 steps each)" in said
    assert "<UNK> never occurs in training" in said


def test_ranks_share_the_streams(text: Path) -> None:
    task = prepared(text)
    whole = task.batches(0)[0]
    parts = [task.batches(0, rank, 2)[0] for rank in range(2)]
    assert [row.tolist() for row in whole.inputs.to_list()[::2]] == [
        row.tolist() for row in parts[0].inputs.to_list()
    ]
    assert sum(len(part.inputs.data) for part in parts) == len(whole.inputs.data)


def test_the_seed_decides_the_weights(text: Path) -> None:
    one, two = prepared(text), prepared(text)
    torch.manual_seed(99)
    three = prepared(text)
    for a, b, c in zip(one.model.parameters(), two.model.parameters(), three.model.parameters(), strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)


def test_words_that_moses_cut_are_written_as_people_write(text: Path) -> None:
    pytest.importorskip("sacremoses", reason="sacremoses is not installed")
    task = prepared(text, unit="word", read_as="sentences", tokenizer={"rule": "moses_tokens"})
    ids = [task.text.tokenizer.encode(word)[0] for word in ("sees", ".")]
    assert task.text.continued("the cat", [*ids]) == "the cat sees."
    assert task.text.continued("", ids) == "sees."
    plain = prepared(text, unit="word", read_as="sentences")
    assert plain.text.continued("the cat", ids) == "the cat sees ."
    assert all(" ." not in one for one in task.sample("the cat", count=3, length=12))
    whole = prepared(text, unit="word", read_as="sentences", tokenizer={"rule": "moses"})
    with pytest.raises(Fault, match="rule 'moses' looks at whole sentences to cut them"):
        whole.open_stream()
