"""The transcribe task on tones: each letter is a tone, and a recording says a few of them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

from recurra.errors import Fault
from recurra.storage.models import load_model, save_model
from recurra.tasks.transcribe.model import TranscribeModelOptions
from recurra.tasks.transcribe.options import TranscribeDataOptions
from recurra.tasks.transcribe.search import TranscribeSearchOptions
from recurra.tasks.transcribe.task import TranscribeTask

RATE = 4000
TONES = {"a": 400, "b": 700, "c": 1100}
SOUND = {"rate": RATE, "bands": 12, "window": 0.02}
SMALL: dict[str, Any] = {"cell": "gru", "hidden": 16, "frames": 2}


def say(text: str, rng: random.Random) -> torch.Tensor:
    pieces = [torch.zeros(rng.randint(100, 300))]
    for letter in text:
        time = torch.arange(rng.randint(300, 500)) / RATE
        pieces += [0.3 * torch.sin(2 * torch.pi * TONES[letter] * time), torch.zeros(rng.randint(150, 300))]
    return torch.cat(pieces) + 1e-3 * torch.randn(sum(map(len, pieces)))


def write(folder: Path, name: str, count: int, seed: int) -> str:
    rng = random.Random(seed)
    (folder / "sound").mkdir(parents=True, exist_ok=True)
    lines = ["audio\ttext\twho"]
    for number in range(count):
        text = "".join(rng.choices("abc", k=rng.randint(1, 4)))
        path = f"sound/{name}{number}.wav"
        soundfile.write(folder / path, say(text, rng).numpy(), RATE)
        lines.append(f"{path}\t{text}\t{'xy'[number % 2]}")
    (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    return str(folder / f"{name}.tsv")


def task_of(folder: Path, model: dict[str, Any] | None = None, **data: Any) -> TranscribeTask:
    options = {
        "train": write(folder, "train", 60, 0),
        "validation": write(folder, "held", 12, 1),
        "sound": SOUND,
        "batch_size": 10,
        **data,
    }
    return TranscribeTask.prepare(
        TranscribeDataOptions.model_validate(options),
        TranscribeModelOptions.model_validate({**SMALL, **(model or {})}),
        seed=0,
    )


def trained(task: TranscribeTask, epochs: int) -> TranscribeTask:
    optimiser = torch.optim.Adam(task.model.parameters(), 0.02)
    for epoch in range(epochs):
        for batch in task.batches(epoch):
            loss = task.loss(batch, None)
            (loss.total / loss.items).backward()
            optimiser.step()
            optimiser.zero_grad()
    return task


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> tuple[TranscribeTask, Path]:
    """A causal model that has learnt the tones, and the folder of its recordings."""
    folder = tmp_path_factory.mktemp("tones")
    torch.manual_seed(0)
    return trained(task_of(folder, {"normalise": "running"}), 12), folder


def test_tones_are_heard_and_timed(heard: tuple[TranscribeTask, Path]) -> None:
    task, folder = heard
    scores = task.evaluate()
    assert scores["cer"] <= 0.05
    assert scores["wer"] == pytest.approx(1 - scores["exact"])
    silence, tone = 1e-3 * torch.randn(2000), say("b", random.Random(3))
    soundfile.write(folder / "late.wav", torch.cat([silence, tone]).numpy(), RATE)
    (answer,) = task.predict([str(folder / "late.wav")])
    (symbol,) = answer["symbols"]
    assert (answer["audio"], answer["text"], symbol["symbol"]) == (str(folder / "late.wav"), "b", "b")
    assert 0.5 < symbol["start"] < symbol["end"] < 0.8


def test_a_beam_gives_several_answers_best_first(heard: tuple[TranscribeTask, Path]) -> None:
    task, folder = heard
    paths = [{"audio": str(folder / f"sound/held{n}.wav")} for n in range(3)]
    greedy = list(task.predict(paths))
    task.search = TranscribeSearchOptions(beam=8, best=3)
    try:
        answers = list(task.predict(paths))
    finally:
        task.search = TranscribeSearchOptions()
    assert [one["text"] for one in answers] == [one["text"] for one in greedy]
    for one in answers:
        scores = [each["score"] for each in one["best"]]
        assert len(scores) == 3
        assert scores == sorted(scores, reverse=True)
        assert one["text"] == one["best"][0]["text"]


@pytest.mark.parametrize("cut", [1, 999, 10_000])
def test_a_stream_hears_what_the_whole_says(heard: tuple[TranscribeTask, Path], cut: int) -> None:
    task, folder = heard
    stream = task.open_stream()
    for number in range(2):  # one after another through the same stream
        path = folder / f"sound/held{number}.wav"
        data = path.read_bytes()
        pieces = (
            [data[at : at + cut] for at in range(0, len(data), cut)] if cut > 1 else [data[:301], data[301:]]
        )
        found = [answer for piece in pieces for answer in stream.feed(piece)] + list(stream.finish())
        (whole,) = task.predict([str(path)])
        assert [(one["symbol"], one["start"]) for one in found] == [
            (one["symbol"], one["start"]) for one in whole["symbols"]
        ]
        assert all(0 < one["probability"] <= 1 for one in found)


def test_a_latency_controlled_model_streams_and_one_of_whole_recordings_does_not(tmp_path: Path) -> None:
    late = {"bidirectional": True, "lookahead": 3, "chunk": 4, "convolution": [{"channels": 8, "width": 3}]}
    task = task_of(tmp_path, late, sound={**SOUND, "margin": 0.03})
    data = (tmp_path / "sound/held0.wav").read_bytes()
    stream = task.open_stream()
    found = [answer for at in range(0, len(data), 777) for answer in stream.feed(data[at : at + 777])]
    found += stream.finish()
    (whole,) = task.predict([str(tmp_path / "sound/held0.wav")])
    assert [(one["symbol"], one["start"]) for one in found] == [
        (one["symbol"], one["start"]) for one in whole["symbols"]
    ]
    for whole_rows in ({"bidirectional": True}, {"normalise": "utterance"}):
        with pytest.raises(Fault, match="hears whole recordings, so it can't be streamed"):
            task_of(tmp_path, whole_rows).open_stream()


def test_a_restored_task_answers_alike(heard: tuple[TranscribeTask, Path], tmp_path: Path) -> None:
    task, folder = heard
    save_model(task.model, tmp_path)
    task.save_assets(tmp_path)
    other = TranscribeTask.restore(task.options, task.model_options, load_model(tmp_path), tmp_path)
    assert other.evaluate(folder / "held.tsv") == task.evaluate()
    assert other.evaluate() == task.evaluate()
    lines = "\n".join(task.check())
    assert "train: 60 examples" in lines
    assert "vocabulary: 3 symbols and the blank; a step every 20 ms" in lines


def test_strings_speakers_and_speeds(tmp_path: Path) -> None:
    asked: dict[str, Any] = {
        "speaker": "who",
        "leave_out": "x",
        "strings": {"count": 7, "held_out": 5, "min_items": 2, "max_items": 3},
        "speeds": [0.8, 1.25],
    }
    task = task_of(tmp_path, **asked, test=str(tmp_path / "held.tsv"))
    train, held, test = task.data.train, task.data.validation, task.evaluation("test")
    assert [len(part.texts) for part in (train, held, test)] == [7, 5, 5]
    assert all(2 <= len(text.split()) <= 3 for text in train.texts)
    assert str(train.places[0]) == f"{tmp_path}/train.tsv: first of string 1"
    slow, fast = train.features[0]
    assert len(slow) / len(fast) == pytest.approx(1.25 / 0.8, rel=0.05)
    drawn = {len(row) for epoch in range(20) for row in task.batches(epoch)[0][0].to_list()}
    known = {len(row) for rows in train.features for row in rows}
    assert drawn == known
    asked["strings"]["held_out"] = 0
    single = task_of(tmp_path, **asked, test=str(tmp_path / "held.tsv"))
    assert len(single.data.train.texts) == 7
    assert all(len(text.split()) == 1 for text in single.data.validation.texts)
    with pytest.raises(Fault, match=r"leave_out = \['z'\] leaves nothing to test on; its speakers are: x, y"):
        task_of(tmp_path, speaker="who", leave_out="z", test=str(tmp_path / "held.tsv")).evaluation("test")


def test_bad_data_are_told_by_item(tmp_path: Path) -> None:
    write(tmp_path, "held", 4, 1)
    soundfile.write(tmp_path / "loud.wav", [1.0] * 900, RATE)
    soundfile.write(tmp_path / "none.wav", [], RATE)
    soundfile.write(tmp_path / "fast.wav", [0.1] * 900, 2 * RATE)
    soundfile.write(tmp_path / "two.wav", torch.zeros(900, 2).numpy(), RATE)
    (tmp_path / "text.wav").write_text("no sound at all")

    def task(rows: list[str], **changes: Any) -> TranscribeTask:
        (tmp_path / "a.tsv").write_text("audio\ttext\n" + "\n".join(rows) + "\n")
        good = [f"sound/held{n}.wav\tabc" for n in range(2)]
        (tmp_path / "b.tsv").write_text("audio\ttext\n" + "\n".join(good) + "\n")
        files = {"train": str(tmp_path / "a.tsv"), "validation": str(tmp_path / "b.tsv")}
        options = TranscribeDataOptions.model_validate({**files, "sound": SOUND, **changes})
        return TranscribeTask.prepare(options, TranscribeModelOptions.model_validate(SMALL), seed=0)

    def fault(row: str, **changes: Any) -> str:
        with pytest.raises(Fault) as told:
            task(["sound/held0.wav\tabc", row], **changes)
        return str(told.value)

    assert "a.tsv:3: " in fault("gone.wav\ta")
    assert "gone.wav: no such file" in fault("gone.wav\ta")
    assert "text.wav: not a recording" in fault("text.wav\ta")
    assert "recorded at 8,000 Hz, expected 4,000" in fault("fast.wav\ta")
    assert "2 channels found" in fault("two.wav\ta")
    assert "a.tsv:3: a sequence of length 0" in fault("none.wav\ta")
    assert "a.tsv:3: a sequence of length 0" in fault("sound/held1.wav\t ")
    assert "a.tsv:2: 0.3 seconds found, expected at most 0.2" in fault("loud.wav\ta", max_seconds=0.2)
    needed = "a.tsv:3: 'aabbccaabb' needs 15 steps (10 symbols, and a blank between two that are the same)"
    assert needed in fault("loud.wav\taabbccaabb")
    assert "the recording has 10 of 20 ms" in fault("loud.wav\taabbccaabb")
    rows = ["sound/held0.wav\tabc", "loud.wav\tab", "none.wav\ta", "loud.wav\taabbccaabb", "two.wav\tabc"]
    kept = task(rows, too_long="skip", empty="skip", sound={**SOUND, "mix": True})
    assert len(kept.data.train.texts) == 3
    said = "\n".join(kept.check())
    assert "loud.wav" not in said.split("clipped")[0]
    assert "clipped" in said
    assert "needs 15 steps" in said
    assert "1 sequence of length 0 dropped" in said
    for item, why in (
        (str(tmp_path / "none.wav"), "none.wav: an empty recording"),
        (str(tmp_path / "fast.wav"), "expected 4,000"),
        ({"sound": "x"}, "expected the path of a recording"),
    ):
        with pytest.raises(Fault, match=why):
            list(kept.predict([item]))


def test_a_language_model_must_know_the_symbols(heard: tuple[TranscribeTask, Path], tmp_path: Path) -> None:
    from recurra.tasks.language_model.model import LanguageModelOptions
    from recurra.tasks.language_model.task import LanguageModelTask
    from recurra.tasks.transcribe.search import Search

    def run(text: str, **changes: Any) -> str:
        (tmp_path / "text.txt").write_text(text)
        made = LanguageModelTask.prepare(
            LanguageModelTask.DataOptions.model_validate(
                {
                    "train": str(tmp_path / "text.txt"),
                    "read_as": "sentences",
                    "unit": "character",
                    **changes,
                }
            ),
            LanguageModelOptions(cell="gru", hidden=8),
            seed=0,
        )
        folder = tmp_path / "lm"
        save_model(made.model, folder)
        made.save_assets(folder)
        (folder / "recipe.toml").write_text('task = "language_model"\n[data]\nread_as = "sentences"\n')
        return str(folder)

    task, _ = heard
    sentences = "a b c a.\n" * 40
    options = TranscribeSearchOptions(beam=4, language_model=run(sentences), weight=0.0)
    rows = [torch.randn(6, 4).log_softmax(-1)]
    plain = Search(TranscribeSearchOptions(beam=4), task.tokenizer)(rows)
    assert Search(options, task.tokenizer)(rows)[0][0].ids == plain[0][0].ids
    lonely = TranscribeSearchOptions(beam=4, language_model=run("a b d a.\n" * 40))
    with pytest.raises(Fault, match="does not know 'c'"):
        Search(lonely, task.tokenizer)
    words = TranscribeSearchOptions(beam=4, language_model=run(sentences, unit="word"))
    with pytest.raises(Fault, match="over word tokens, expected character tokens"):
        Search(words, task.tokenizer)
    (tmp_path / "lm" / "recipe.toml").write_text('task = "tag"\n')
    with pytest.raises(Fault, match="a run of the task 'tag'"):
        Search(words, task.tokenizer)
    with pytest.raises(Fault, match="not a run folder"):
        Search(TranscribeSearchOptions(beam=4, language_model=str(tmp_path / "no")), task.tokenizer)


@pytest.mark.data
def test_spoken_digits(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recurra.recipes import find_recipe
    from recurra.train.recipe import read_recipe

    monkeypatch.chdir(Path(__file__).resolve().parents[3])
    task: Any = read_recipe(find_recipe("fsdd"), ["data.speeds=[1.0]"]).prepare()
    test = task.evaluation("test")
    assert (len(task.data.train.texts), len(task.data.validation.texts)) == (2000, 270)
    assert {len(text.split()) for text in task.data.train.texts} == {1, 2, 3, 4}
    assert len(test.texts) == 300
    assert sorted(set(test.texts)) == sorted(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    )
    assert len({(place.file, text) for place, text in zip(test.places, test.texts, strict=True)}) == 300
    loss = task.loss(task.batches(0)[0], None)
    assert float(loss.total.detach()) / loss.items > 1
