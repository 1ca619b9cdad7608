"""Writes docs/samples.md: what trained models make, as it comes.

    python benchmarks/samples.py

The runs are those of `recurra reproduce chat kanji autoencode_sentences names`.
"""

from __future__ import annotations

import gzip
import json
import shlex
from pathlib import Path
from typing import Any

from commands import output

from recurra.cli.app import exit_code
from recurra.storage.files import write_text

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "samples.md"
TURNS = {
    "as they stand in the corpus": (
        "Hello",
        "What is AI?",
        "What is a computer?",
        "Tell me a joke",
        "what are the laws of thermodynamics",
        "Who was the 37th President of the United States?",
    ),
    "put otherwise": (
        "my computer does not turn on",
        "do you get paid?",
        "are you arrogant?",
        "what do you know about the american civil war",
    ),
}
SENTENCES = ROOT.parent / "shared" / "data" / "multi30k" / "test_2016_flickr.en.gz"
KINDS = ("element", "star", "dinosaur")
KANJI = "recurra sample runs/kanji -n 12 --temperature 0.5 -o docs/figures/kanji.png"


def main() -> None:
    output(*shlex.split(KANJI)[1:])
    write_text(
        PAGE,
        f"""# Samples

What trained models make, as it comes; `python benchmarks/samples.py` writes this page.

## Small talk

`recurra predict runs/chat`: the reply that a beam search finds, after it has learnt 2,300 replies by heart.
Turns {" and, below the line, turns ".join(TURNS)}:

{_chat()}

## Drawings

`{KANJI}`: from nothing, no character is asked for.

![twelve drawings](figures/kanji.png)

## Names

`recurra sample runs/names --prompt "dinosaur: " -n 8`, and so on, after 464 names. What it is worth beside
n-grams, and how many of its names are new, `python benchmarks/names.py runs/names` tells. On the 51 names of
the test part a letter costs 1.99 nats (elements 2.07, stars 2.54, dinosaurs 1.66); the best n-gram, of each
kind by itself, 2.29, single letters 3.09. Of 600 names drawn 1 is one of training.

{_names()}

## Sentences back from 512 numbers

`recurra predict runs/autoencode_sentences`, the first five captions of the test part; words that training
saw fewer than twice can't come back. `text_autoencoder` learns it from a start at random, for up to 15
words: 91.1 % of the words of the test part come back at their place (of the validation part 89.1 %), and
75.4 % of the sentences whole. Those of the first:

{_sentences()}
""",
    )


def _chat() -> str:
    groups = [
        "\n".join(
            f"> **{turn}**<br>\n> {_plain(answer['text'])}\n>" for turn, answer in _answers("chat", turns)
        )
        for turns in TURNS.values()
    ]
    return "\n> ---\n>\n".join(groups).removesuffix("\n>")


def _names() -> str:
    rows = []
    for kind in KINDS:
        prompt = f"{kind}: "
        lines = output("sample", "runs/names", "-n", "8", "--prompt", prompt).splitlines()
        rows.append(f"- {kind}: {', '.join(_plain(line.removeprefix(prompt)) for line in lines)}")
    return "\n".join(rows)


def _sentences() -> str:
    with gzip.open(SENTENCES, "rt", encoding="utf-8") as file:
        texts = [next(file).strip() for _ in range(5)]
    rows = _answers("autoencode_sentences", texts)
    return "\n".join(f"- {text}<br>\n  {_plain(answer['restored'])}" for text, answer in rows)


def _answers(run: str, items: tuple[str, ...] | list[str]) -> list[tuple[str, dict[str, Any]]]:
    lines = output("predict", f"runs/{run}", *items).splitlines()
    return [(item, json.loads(line)) for item, line in zip(items, lines, strict=True)]


def _plain(text: str) -> str:
    """So that Markdown shows it as it is."""
    return text.replace("<", "&lt;").replace("*", "\\*")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
