"""Makes files such as this folder holds, by the version that runs it: `python -m tests.data.make FOLDER` from
the root of the project. See README.md beside it.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

import recurra
from recurra import vectors
from recurra.cells import GRU, LSTM
from recurra.layers import LatencyControlled, Recurrent, Stack
from recurra.storage.models import load_model, save_model
from recurra.train import train
from recurra.train.recipe import recipe_of
from tests.laws.answers import answers, outputs_of, rounded
from tests.laws.table import REGISTERED, build
from tests.laws.table_modules import MODULES, build_module
from tests.laws.table_tasks import TASKS, TEXT, questions, table_of

RESUMED = "language_model"
"""The one run that keeps its checkpoint."""


def write(path: Path, value: Any) -> None:
    """JSON, bytes as base64; a list of numbers or texts stands on one line."""
    text = json.dumps(
        rounded(value), indent=1, default=lambda data: {"base64": base64.b64encode(data).decode()}
    )
    rows = re.compile(r"\[\n\s*([^][{}]*?)\n\s*\]")
    path.write_text(rows.sub(lambda row: f"[{re.sub(chr(10) + ' *', ' ', row[1])}]", text) + "\n")


def slug(name: str) -> str:
    """The name of an example's folder."""
    return name.replace(",", "").replace(" ", "_")


def asked(name: str) -> dict[str, Any]:
    """What every later version answers alike: samples that are drawn depend on torch as well."""
    every = questions(name)
    drawn = every["sample"] is not None and "beam" not in every["sample"]
    return {**every, "sample": None} if drawn else every


def make_task(name: str, folder: Path) -> None:
    """A trained run, its data, what it is asked and what it says."""
    folder.mkdir(parents=True)
    TASKS[name].write(folder)
    os.chdir(folder)
    every = 1 if name == RESUMED else None
    train(recipe_of(table_of(name, 3 if every else 60, every), name), "run", quiet=True)
    said = {"questions": asked(name), "answers": answers(recurra.load("run"), asked(name))}
    if name == RESUMED:
        train(recipe_of(table_of(name, 5, every), name), "unbroken", quiet=True)
        said["answers of the run, resumed to 5 steps"] = answers(recurra.load("unbroken"), asked(name))
        shutil.rmtree("unbroken")
    else:
        shutil.rmtree("run/last")
        for file in ("log.jsonl", "metrics.json"):
            Path("run", file).unlink()
    write(folder / "answers.json", said)


def firsts(examples: Iterable[str]) -> list[str]:
    """The first example of each registered name."""
    return list({name.split()[0]: name for name in reversed([*examples])}.values())


def make_models(folder: Path) -> None:
    """The first example of everything registered as two files; of cells also what they make of some rows."""
    torch.manual_seed(3)
    rows = torch.randn(2, 4, 3).tolist()
    said = {}
    for name in firsts(REGISTERED):
        cell = build(name, torch.float32)
        save_model(cell, folder / f"cell_{slug(name)}")
        said[f"cell_{slug(name)}"] = outputs_of(cell, rows)
    for name in firsts(MODULES):
        save_model(build_module(name).float(), folder / f"module_{slug(name)}")
    write(folder / "answers.json", {"rows": rows, "outputs": said})


def make_streams(folder: Path) -> None:
    """The state of a stream in the middle of its input, and what comes out after it."""
    torch.manual_seed(4)
    x = torch.randn(2, 9, 3)
    models = {
        "causal": Stack(Recurrent(LSTM(3, 4)), Recurrent(GRU(4, 3))),
        "delayed": LatencyControlled(
            Recurrent(GRU(3, 4)), Recurrent(GRU(3, 4), reverse=True), chunk=2, lookahead=2
        ),
    }
    said = {}
    for name, model in models.items():
        save_model(model, folder / name)
        stream = recurra.Stream(load_model(folder / name), batch=2)
        stream.feed(x[:, :5])
        stream.save(folder / f"{name}.stream")
        rest = [stream.feed(x[:, 5:]), stream.finish()]
        said[name] = torch.cat([part for part in rest if part is not None], 1).tolist()
    write(folder / "answers.json", {"rest of the input": x[:, 5:].tolist(), "outputs": said})


def make_vectors(folder: Path) -> None:
    """Word vectors as a folder and in both formats of word2vec, and the nearest words."""
    folder.mkdir(parents=True)
    (folder / "corpus.txt").write_text("".join(f"{line}\n" for line in TEXT))
    options = vectors.Options(dimensions=4, min_count=1, epochs=2, window=2, negatives=2, sample=0.0)
    vectors.train(folder / "corpus.txt", folder / "run", options, threads=1)
    (folder / "corpus.txt").unlink()
    words = vectors.load(folder / "run")
    vectors.write_word2vec(words, folder / "text.vec", binary=False)
    vectors.write_word2vec(words, folder / "binary.bin", binary=True)
    near = [[word, float(cosine)] for word, cosine in words.nearest("dog", 3)]
    write(
        folder / "answers.json",
        {"words": words.words, "matrix": words.matrix.tolist(), "nearest to dog": near},
    )


def main(folder: Path) -> None:
    for name in TASKS:
        make_task(name, folder / "tasks" / slug(name))
    make_models(folder / "models")
    make_streams(folder / "streams")
    make_vectors(folder / "vectors")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
