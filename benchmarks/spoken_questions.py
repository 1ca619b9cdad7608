"""Questions about strings of spoken digits, from the true words, from what a transcriber writes, and from the
sound itself: three rows over the same 1,000 questions.

    python benchmarks/spoken_questions.py runs/spoken                 the official split
    python benchmarks/spoken_questions.py runs/spoken --speaker theo  theo is never heard in training

What is trained already is not trained again; `--text RUN`, `--transcriber RUN` and `--sound RUN` name runs
that stand elsewhere. Test data are looked at once, when all three are trained.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recurra.cli.app import exit_code
from recurra.data.readers.spoken_digits import read_spoken_digits
from recurra.recipes import find_recipe
from recurra.runs import load
from recurra.train import read_recipe, train

ROOT = Path(__file__).resolve().parent.parent
SILENCE = ["silence"]
"""What a transcriber that writes nothing is taken to have heard."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--speaker", help="left out of training, and tested alone")
    parser.add_argument("--seed", type=int, default=0)
    for name in ("text", "transcriber", "sound"):
        parser.add_argument(f"--{name}", type=Path, metavar="RUN")
    options = parser.parse_args(arguments)
    folder, speaker = options.folder.resolve(), options.speaker
    places = {kind: getattr(options, kind) for kind in ("text", "transcriber", "sound")}
    runs = {kind: place.resolve() for kind, place in places.items() if place is not None}
    os.chdir(ROOT)  # where the paths of recipes start
    without = (
        [] if speaker is None else [f"data.{part}.without=['{speaker}']" for part in ("train", "validation")]
    )
    left_out = [] if speaker is None else [f"data.leave_out={speaker}"]
    suffix = f"-{speaker or 'all'}-{options.seed}"
    seed = f"train.seed={options.seed}"
    recipes = {
        "text": ("digit_questions", without),
        "transcriber": ("fsdd_strings", left_out),
        "sound": ("spoken_digit_questions", without),
    }
    text, transcriber, ear = (
        load(runs[kind]) if kind in runs else trained(recipe, folder / f"{kind}{suffix}", [*changes, seed])
        for kind, (recipe, changes) in recipes.items()
    )
    source = read_recipe(find_recipe("spoken_digit_questions")).data
    examples = read_spoken_digits(
        source.test["path"], part="test", count=1000, only=[] if speaker is None else [speaker]
    )
    items = [
        {"question": question, "audio": audio, "story": story}
        for question, audio, story in zip(
            *(examples[name] for name in ("question", "audio", "story")), strict=True
        )
    ]
    written = [
        answer["text"].split() or SILENCE for answer in transcriber.predict([i["audio"] for i in items])
    ]
    cascade = [{**item, "story": words} for item, words in zip(items, written, strict=True)]
    wrong = sum(words != item["story"] for words, item in zip(written, items, strict=True))
    rows = {
        "the true words": share(text, items, examples["answer"]),
        "a transcriber, then its words": share(text, cascade, examples["answer"]),
        "the sound, end to end": share(ear, items, examples["answer"]),
    }
    print(f"strings with a fault in the transcript: {wrong / len(items):.1%}")
    for name, accuracy in rows.items():
        print(f"{name:32} {accuracy:6.1%}")
    return 0


def trained(name: str, place: Path, changes: Sequence[str]) -> Any:
    """The task of a run, trained unless that was done."""
    train(read_recipe(find_recipe(name), list(changes)), place, resume=place.exists(), quiet=True)
    return load(place)


def share(task: Any, items: Sequence[Any], truths: Sequence[str]) -> float:
    """Of right answers."""
    answers = [answer["answer"] for answer in task.predict(items)]
    return sum(a == b for a, b in zip(answers, truths, strict=True)) / len(truths)


if __name__ == "__main__":
    raise SystemExit(exit_code(lambda: main(sys.argv[1:])))
