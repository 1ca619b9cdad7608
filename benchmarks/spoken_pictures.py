"""Spoken questions about pictures: those of easy-VQA, said by a program, written down by a transcriber that
was trained on other voices, and answered by a network that was trained on typed ones.

    python benchmarks/spoken_pictures.py runs/spoken_pictures
    python benchmarks/spoken_pictures.py runs/spoken_pictures --answerer runs/easy_vqa

It needs espeak-ng, a program of its own. Of the 107 sentences that easy-VQA's questions are, a fifth is said
only to test. Four voices are for the test alone: of other accents and other throats than those of training.
What is trained already is not trained again.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from recurra.cli.app import exit_code
from recurra.data.readers.easy_vqa import read_easy_vqa
from recurra.errors import Fault
from recurra.recipes import find_recipe
from recurra.runs import load
from recurra.train import read_recipe, train

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = "espeak-ng"
VOICES = {
    "train": [f"{accent}+{throat}" for accent in ("en-us", "en-gb") for throat in ("m1", "m3", "f1", "f2")],
    "validation": ["en-gb-x-gbcwmd+m5"],
    "test": ["en-gb-scotland+m7", "en-029+f4", "en-gb-x-rp+f3", "en-us-nyc+m4"],
}
SPEEDS, PITCHES = (120, 190), (30, 70)
"""Words a minute, and pitches on the program's scale from 0 to 99: each sentence's are drawn between them."""
RECIPE = """\
format = 2
task = "transcribe"

[data]
train = "train.csv"
validation = "validation.csv"
unit = "word"
sound = { rate = 8000, resample = true, bands = 40 }
batch_size = 16

[model]
cell = "gru"
hidden = 96
layers = 1
bidirectional = true
dropout = 0.2
normalise = "utterance"
convolution = [{ channels = 64, width = 5 }]
frames = 4

[model.augment]
frequency_masks = 2
frequency_width = 6
time_masks = 1
time_width = 6
warp = 0.15
tilt = 0.3
noise = 0.3

[train]
epochs = 16
average = "ema"
clip_norm = 1.0
optimiser = { name = "AdamW", lr = 3e-3, weight_decay = 1e-2 }
schedule = { name = "CosineAnnealingLR", every = "step" }
warmup = 100
tensorboard = false
"""


class Speech(NamedTuple):
    """A sentence, without its mark, as one voice says it, in words a minute, at a pitch."""

    sentence: str
    voice: str
    speed: int
    pitch: int

    def recording(self, folder: Path) -> Path:
        """The WAV of it, said unless that was done."""
        name = f"{self.voice}_{self.speed}_{self.pitch}_{self.sentence.replace(' ', '-')}.wav"
        path = folder / name
        if not path.exists():
            part = path.with_suffix(".part")
            order = [PROGRAM, "-v", self.voice, "-s", str(self.speed), "-p", str(self.pitch), "-w", str(part)]
            subprocess.run([*order, self.sentence], check=True)
            part.rename(path)
        return path


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--answerer", type=Path, help="a run of easy_vqa; else one is trained")
    options = parser.parse_args(arguments)
    if shutil.which(PROGRAM) is None:
        raise Fault(f"{PROGRAM} is not installed: it says the questions")
    folder: Path = options.folder.resolve()
    answerer_run: Path = (options.answerer or folder / "answerer").resolve()
    os.chdir(ROOT)  # where the paths of recipes start
    if options.answerer is None:
        train(read_recipe(find_recipe("easy_vqa")), answerer_run, resume=answerer_run.exists(), quiet=True)
    data = read_recipe(find_recipe("easy_vqa")).data.test
    examples = read_easy_vqa(data["path"], part="test", questions=True)
    sentences = sorted({bare(question) for question in examples["question"]})
    rare = set(sentences[::5])  # of sorted ones, so that the others have every word
    sounds = folder / "sounds"
    sounds.mkdir(parents=True, exist_ok=True)
    for part, repeats in (("train", 2), ("validation", 1)):
        rows = speeches([each for each in sentences if each not in rare], VOICES[part], part, repeats)
        write(folder / f"{part}.csv", rows, sounds)
    recipe = folder / "transcriber.toml"
    recipe.write_text(RECIPE)
    transcriber_run = folder / "transcriber"
    train(read_recipe(recipe), transcriber_run, resume=transcriber_run.exists(), quiet=True)
    transcriber, answerer = load(transcriber_run), load(answerer_run)

    truths = examples["answer"]
    items = [
        {"question": question, "image": image}
        for question, image in zip(examples["question"], examples["image"], strict=True)
    ]
    to_text = [answer["answer"] for answer in answerer.predict(items)]
    print(line("typed questions", to_text, truths))
    for title, voices in (("voices of training", VOICES["train"]), ("other voices", VOICES["test"])):
        rows = list(speeches(sentences, voices, "test", 1))
        texts = [
            answer["text"] for answer in transcriber.predict([str(row.recording(sounds)) for row in rows])
        ]
        print(f"{title}, sentences without a fault")
        for group, of_group in groups(voices, rare).items():
            some = [k for k, row in enumerate(rows) if of_group(row)]
            print(line(f"  {group}", [texts[k] for k in some], [rows[k].sentence for k in some]))
        transcripts = {(row.sentence, row.voice): text for row, text in zip(rows, texts, strict=True)}
        answers = answers_by_ear(answerer, items, to_text, voices, transcripts)
        print(line(f"{title}, answers", answers, truths))
        some = [k for k, item in enumerate(items) if bare(item["question"]) in rare]
        print(line("  to sentences new to it", [answers[k] for k in some], [truths[k] for k in some]))
    return 0


def bare(question: str) -> str:
    """A question without its mark, which nobody says."""
    return question.removesuffix("?").strip()


def speeches(sentences: Sequence[str], voices: Sequence[str], part: str, repeats: int) -> Iterator[Speech]:
    """Each sentence by each voice, so many times."""
    # the standard library's generator, seeded by text, draws the same numbers everywhere
    rng = random.Random(f"spoken_pictures:{part}:{','.join(voices)}")
    for sentence in sentences:
        for voice in voices:
            for _ in range(repeats):
                yield Speech(sentence, voice, rng.randint(*SPEEDS), rng.randint(*PITCHES))


def write(path: Path, rows: Iterator[Speech], sounds: Path) -> None:
    """A table of recordings, for the task `transcribe`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["audio", "text"])
        for row in rows:
            table.writerow([row.recording(sounds).relative_to(path.parent), row.sentence])


def groups(voices: Sequence[str], rare: set[str]) -> dict[str, Callable[[Speech], bool]]:
    """What is told apart."""
    by_voice = {voice: (lambda row, voice=voice: row.voice == voice) for voice in voices}
    return {
        **by_voice,
        "sentences of training": lambda row: row.sentence not in rare,
        "sentences new to it": lambda row: row.sentence in rare,
    }


def answers_by_ear(
    answerer: Any,
    items: Sequence[dict[str, Any]],
    to_text: Sequence[str],
    voices: Sequence[str],
    transcripts: Mapping[tuple[str, str], str],
) -> list[str | None]:
    """The answer to each question as some voice says it; None where nothing was written down. A transcript
    without a fault has the answer of the typed question.
    """
    rng = random.Random(f"spoken_pictures:{','.join(voices)}")
    texts = [transcripts[bare(item["question"]), rng.choice(voices)] for item in items]
    wrong = [k for k, text in enumerate(texts) if text and text != bare(items[k]["question"])]
    again = answerer.predict([{**items[k], "question": f"{texts[k]}?"} for k in wrong])
    answers: list[str | None] = [
        answer if text else None for answer, text in zip(to_text, texts, strict=True)
    ]
    for k, answer in zip(wrong, again, strict=True):
        answers[k] = answer["answer"]
    return answers


def line(title: str, answers: Sequence[str | None], truths: Sequence[str]) -> str:
    """A row of the table: the share of right ones."""
    hits = sum(answer == truth for answer, truth in zip(answers, truths, strict=True))
    return f"{title:50} {hits / len(truths):7.2%} of {len(truths):,}"


if __name__ == "__main__":
    raise SystemExit(exit_code(lambda: main(sys.argv[1:])))
