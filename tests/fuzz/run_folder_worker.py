"""A process that reads altered run folders, one for each seed on stdin, and says in a line what came of it.

It is one of its own so that its memory can be limited, and a crash be told from a failed test.
"""

from __future__ import annotations

import json
import logging
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import recurra
import recurra.runs
from recurra import vectors
from recurra.errors import Fault
from recurra.runs.digests import recipe_digest
from recurra.storage.models import load_model, seal_model
from recurra.storage.seals import Seal, seal_files
from recurra.storage.toml_text import read_toml
from recurra.train import read_recipe, train
from recurra.vectors.folder import read_matrix, read_position, read_words, write_matrices
from tests.fuzz.mutations import copied, mutate, with_fitting_digests
from tests.laws.answers import alike
from tests.laws.test_migration import read

FORMAT_1 = Path(__file__).resolve().parents[1] / "data" / "format_1"
SECONDS, BYTES = 10, 2**31


class Late(BaseException):
    """No answer in time; nothing that a program catches."""


class Subject:
    """Something in a folder, and what is asked of it.

    Args:
        source: the folder. ask: its answers, in the working directory of a copy.
        sealed: whether an alteration is told, or changes nothing.
    """

    def __init__(self, source: Path, part: str, ask: Callable[[], Any], sealed: bool) -> None:
        self.source, self.part, self.ask, self.sealed = source, part, ask, sealed
        self.expected: Any = None


def run_subjects(place: Path) -> list[Subject]:
    subjects = []
    for answers in sorted(FORMAT_1.glob("tasks/*/answers.json")):
        items = read(answers)["questions"]["items"][:2]

        def ask(items: Any = items) -> Any:
            return list(recurra.load("run").predict(items))

        subjects.append(Subject(answers.parent, "run", ask, False))
        sealed = copied(answers.parent, place / "sealed" / answers.parent.name)
        run = sealed / "run"
        names = {"model.json", "model.safetensors", "recipe.toml"}
        shutil.rmtree(run / "last", ignore_errors=True)
        digests = {name: digest for name, digest in seal_files(run).items() if name not in names}
        seal_model(run, Seal(recipe_digest(read_toml(run / "recipe.toml")), digests))
        subjects.append(Subject(sealed, "run", ask, True))
    return subjects


def other_subjects(place: Path) -> list[Subject]:
    """A training that is resumed, a stream that goes on, word vectors."""
    fresh = place / "fresh"
    shutil.copytree(FORMAT_1 / "tasks" / "language_model", fresh)
    shutil.rmtree(fresh / "run")
    os.chdir(fresh)
    recipe = FORMAT_1 / "tasks" / "language_model" / "run" / "recipe.toml"
    train(read_recipe(recipe, ["train.steps=2", "train.tensorboard=false"]), "run", quiet=True)

    def resume() -> Any:
        trained = train(
            read_recipe(recipe, ["train.steps=3", "train.tensorboard=false"]), "run", resume=True, quiet=True
        )
        return [trained.best, trained.steps, list(recurra.load("run").predict(["a cat"]))]

    folder = copied(FORMAT_1 / "streams", place / "streams")
    state = sorted(folder.glob("*.stream"))[0]
    kept = read(folder / "answers.json")

    def stream() -> Any:
        stream = recurra.Stream(load_model(state.stem), batch=2)
        stream.load(state.name)
        return stream.feed(torch.tensor(kept["rest of the input"])).tolist()

    os.chdir(folder)
    recurra_stream = recurra.Stream(load_model(state.stem), batch=2)
    recurra_stream.load(state.name)
    recurra_stream.save(state.name)  # with what this version writes
    for other in folder.iterdir():
        if other.name not in (state.name, state.stem, "answers.json"):
            shutil.rmtree(other) if other.is_dir() else other.unlink()

    def words() -> Any:
        loaded = vectors.load("run")
        return [loaded.words, loaded.matrix.tolist()]

    def word_file(name: str) -> Callable[[], Any]:
        def ask() -> Any:
            loaded = vectors.load(name)
            return [loaded.words, loaded.matrix.tolist()]

        return ask

    source = FORMAT_1 / "vectors"
    sealed = copied(source, place / "vectors")
    matrices = [
        read_matrix(sealed / "run", name, len(read_words(sealed / "run")[0]))
        for name in ("vectors", "output")
    ]
    write_matrices(sealed / "run", *matrices, read_position(sealed / "run"))
    return [
        Subject(fresh, "run", resume, True),
        Subject(folder, "", stream, True),
        Subject(source, "run", words, False),
        Subject(sealed, "run", words, True),
        *(Subject(source, "", word_file(name), False) for name in ("text.vec", "binary.bin")),
    ]


def outcome(subject: Subject, draw: random.Random, place: Path, subjects: list[Subject]) -> str:
    work = place / "work"
    if subject.expected is None:
        os.chdir(copied(subject.source, work))
        subject.expected = json.loads(json.dumps(subject.ask()))
    os.chdir(copied(subject.source, work))
    others = [draw.choice(subjects).source for _ in range(3)]
    how = [mutate(draw, work / subject.part, others) for _ in range(draw.choice([1, 1, 1, 2]))]
    forged = draw.random() < 0.5 and any(each.startswith("model.json") for each in how)
    if forged:
        try:
            with_fitting_digests(work / "run")
        except Exception:  # beyond mending
            forged = False
    label = f"{subject.source.name}{' sealed' if subject.sealed else ''} {'; '.join(how)}"
    started = time.monotonic()
    signal.alarm(SECONDS)
    try:
        told = subject.ask()
        signal.alarm(0)
    except Fault as fault:
        signal.alarm(0)
        text = str(fault)
        return (
            f"fault {label}: {text}"
            if len(text) <= 1000 and text.isprintable()
            else f"WRONG {label}: {text!r}"
        )
    except BaseException:
        signal.alarm(0)
        seconds = time.monotonic() - started
        return f"WRONG {label}: after {seconds:.1f} s: " + traceback.format_exc()[-2500:]
    if subject.sealed and not forged and not alike(told, subject.expected):
        return f"WRONG {label}: answers otherwise in silence"
    return f"same {label}"


def main() -> None:
    place = Path(sys.argv[1])
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    subjects = run_subjects(place) + other_subjects(place)

    def over(*_: Any) -> None:
        raise Late(f"over {SECONDS} s")

    signal.signal(signal.SIGALRM, over)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    if pages:
        limit = pages * resource.getpagesize() + BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print("ready", flush=True)
    for line in sys.stdin:
        draw = random.Random(line.strip())
        said = outcome(draw.choice(subjects), draw, place, subjects)
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
