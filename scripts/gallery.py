"""Trains small runs from Recurra's own recipes, draws what they answer, and writes docs/gallery.md.

`python scripts/gallery.py` trains what is not in runs/gallery yet; recipes read their data from
`../shared/data`, and those whose data are not there are left as they stand. `--draw` trains nothing.
One thread; about ten minutes.
"""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image

from recurra import vectors
from recurra.errors import Fault
from recurra.recipes import FOLDER
from recurra.runs import load
from recurra.tasks import Task
from recurra.train import train
from recurra.train.recipe import read_recipe

ROOT = Path(__file__).resolve().parent.parent
RUNS, PICTURES, PAGE = ROOT / "runs" / "gallery", ROOT / "docs" / "pictures", ROOT / "docs" / "gallery.md"
MOST_BYTES = 150_000
GLOVE = "../shared/data/glove/glove.6b.50d.txt.gz"
CORPUS = Path("../shared/data/wikitext2/train.txt.gz")

OPENING = """# Gallery

What runs of each task answer, drawn by `recurra plot RUN -o x.png` (see [pictures](pictures.md)). The runs
are small ones: recipes that come with Recurra, cut short by the settings below each picture, so that one
processor trains all of them in less than ten minutes. Their figures are worse than those in
[results](results.md). `python scripts/gallery.py` trains them and writes this page.
"""


class Scene(NamedTuple):
    """One picture.

    Attributes:
        name: of the picture, and of its run. title: what it shows. text: how it is read.
        recipe: that the run is trained by. changes: of its settings.
        items: what is answered; None: `count` examples of the validation data.
    """

    name: str
    title: str
    text: str
    recipe: str
    changes: tuple[str, ...]
    items: tuple[Any, ...] | None = None
    count: int = 2


SCENES = (
    Scene(
        "tags",
        "Names in a text",
        "Each tag below its word, and how probable it is: the surer, the stronger its colour.",
        "wnut17",
        (
            "train.epochs=6",
            "model.character_hidden=15",
            f'model.embeddings="{GLOVE}"',
            "model.unit_spread=true",
        ),
        (
            "Anna Schmidt flew from London to New York with Apple on Monday",
            "watching Game of Thrones in Paris with my friend Justin Bieber",
        ),
    ),
    Scene(
        "captions",
        "Where each word of a caption looked",
        "The picture as it is, and once for each word of its caption: bright is where the word looked.",
        "scenes",
        ("data.train.count=3000", "data.validation.count=60", "train.epochs=6", "model.search.beam=1"),
    ),
    Scene(
        "forecasts",
        "Forecasts with their bands",
        "What was read and what came, and the forecast with its interval of 80 %.",
        "etth1",
        ("train.epochs=1", "data.stride=4", 'model.output="quantiles"', 'data.targets=["OT", "HUFL"]'),
        count=3,
    ),
    Scene(
        "transcripts",
        "Where each letter is heard",
        "The energy of the sound, each letter at its place, and as a line how probable any letter is.",
        "fsdd",
        ("data.strings.count=300", "data.strings.held_out=30", "train.epochs=14", "data.speeds=[1.0]"),
    ),
    Scene(
        "movement",
        "How a sentence's class moves",
        "The answer after each word, as if the sentence ended there.",
        "sentiment",
        ("train.steps=700", "train.validate_every=700", "model.bidirectional=false", 'model.pool="last"'),
        (
            "The plot is clever but the film is not worth your time",
            "It is not the worst film , in fact it is great fun",
        ),
    ),
    Scene(
        "sentiment_trees",
        "Sentiment of every phrase",
        "A scale from red, negative, to blue, positive.",
        "sst_trees",
        ("train.steps=200", "train.validate_every=200", "model.hidden=60"),
        ("(2 (2 (2 the) (2 film)) (2 (2 is) (2 (2 not) (2 (2 very) (2 good)))))",),
    ),
    Scene(
        "arcs",
        "Dependencies",
        "An arrow from each head to its word, the kind of word below it.",
        "afrikaans_dependencies",
        ("train.epochs=2", "model.hidden=80", "model.character_hidden=20", "model.layers=1"),
        ("Die kinders van die dorp speel elke dag in die park .",),
    ),
    Scene(
        "rolls",
        "Music, as it is expected",
        "How probable each note was before its step came; squares are the notes that came.",
        "jsb",
        ("train.epochs=40", "model.hidden=80"),
        count=1,
    ),
    Scene(
        "strokes",
        "Drawings, and what surprised",
        "Each step of the pen in the colour of what it cost: grey was expected, red was not.",
        "kanji",
        ("train.epochs=1", "train.steps=150", "model.hidden=96", "model.layers=1"),
        count=12,
    ),
    Scene(
        "paths",
        "Where walkers go",
        "What was read of each path, what came, and the forecast.",
        "eth_ucy",
        ("train.epochs=1", "train.steps=150"),
        count=4,
    ),
    Scene(
        "reading",
        "A text as a language model reads it",
        "How unexpected each character was, in bits, and the three that were expected after it.",
        "demo",
        ("train.steps=400", "model.hidden=128", "train.validate_every=400"),
        ("The value of the expression is a new object.",),
    ),
)


def main(arguments: list[str]) -> int:
    torch.set_num_threads(1)
    parts = [OPENING]
    for scene in SCENES:
        if "--draw" not in arguments:
            prepare(scene)
        if (RUNS / scene.name / "metrics.json").exists():
            draw(scene, load(RUNS / scene.name))
        if (PICTURES / f"{scene.name}.png").exists():
            changes = [word for change in scene.changes for word in ("--set", change)]
            parts.append(section(scene, shlex.join(["recurra", "train", scene.recipe, *changes])))
    word_map(parts)
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    return 0


def prepare(scene: Scene) -> None:
    """Trains the scene's run as far as it is not trained yet, where its data are here."""
    folder, start = RUNS / scene.name, time.perf_counter()
    try:
        recipe = read_recipe(FOLDER / f"{scene.recipe}.toml", [*scene.changes, "train.tensorboard=false"])
        train(recipe, folder, resume=folder.exists(), quiet=True)
    except Fault as fault:
        print(f"{scene.name}: left as it is: {fault}")
        return
    print(f"{scene.name}: trained in {time.perf_counter() - start:.0f} s", flush=True)


def draw(scene: Scene, task: Task) -> None:
    """Both pictures of a scene."""
    for dark in (False, True):
        path = PICTURES / f"{scene.name}{'-dark' if dark else ''}.png"
        task.picture(scene.items, path, dark, count=scene.count)
        shrink(path)
        if path.stat().st_size > MOST_BYTES:
            raise SystemExit(f"{path}: {path.stat().st_size:,} bytes, expected at most {MOST_BYTES:,}")


def shrink(path: Path) -> None:
    """A palette in place of all colours, where the file would be too large."""
    if path.stat().st_size > MOST_BYTES:
        with Image.open(path) as picture:
            small = picture.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        small.save(path, optimize=True)


def word_map(parts: list[str]) -> None:
    """The map of word vectors, drawn where the corpus is there."""
    scene = Scene(
        "words", "Words with alike vectors", "Words that stand close together are used alike.", "", ()
    )
    folder = RUNS / scene.name
    if not folder.exists() and CORPUS.exists():
        vectors.train(CORPUS, folder, vectors.Options(dimensions=60, epochs=2, min_count=20), threads=1)
    if folder.exists():
        for dark in (False, True):
            path = PICTURES / f"{scene.name}{'-dark' if dark else ''}.png"
            vectors.plot(vectors.load(folder), path, words=120, skip=100, dark=dark)
            shrink(path)
    if (PICTURES / f"{scene.name}.png").exists():
        parts.append(
            section(
                scene,
                f"recurra vectors train {CORPUS} -o runs/words --dimensions 60 --epochs 2 --min-count 20",
            )
        )


def section(scene: Scene, command: str) -> str:
    """A scene of the page."""
    name = f"pictures/{scene.name}"
    return f"""## {scene.title}

{scene.text}

<picture>
<source media="(prefers-color-scheme: dark)" srcset="{name}-dark.png">
<img alt="{scene.title}" src="{name}.png">
</picture>

`{command}`
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
