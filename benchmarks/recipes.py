"""Trains recipes on real data, evaluates them on held-out data, and keeps the figures that the README prints.

    python benchmarks/recipes.py                 every recipe that has no run folder yet
    python benchmarks/recipes.py chunking pos    these

A run folder that exists is evaluated, not trained again. Figures go to docs/figures/recipes.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "docs" / "figures" / "recipes.json"
DATA = "../shared/data"


class Figure(NamedTuple):
    """One training and what is read off it: `metric` of the evaluation, in percent if `percent`, to so many
    digits.
    """

    run: str
    recipe: str
    what: str
    data: str | None
    metric: str
    wanted: str
    changes: tuple[str, ...] = ()
    percent: bool = False
    digits: int = 2

    @property
    def train(self) -> str:
        changes = "".join(f" --set {change}" for change in self.changes)
        return f"recurra train {self.recipe} -o runs/{self.run}{changes}"

    @property
    def evaluate(self) -> str:
        return f"recurra evaluate runs/{self.run}" + (f" --data {self.data}" if self.data else "")


WNUT = f"{DATA}/wnut17/emerging.test.annotated"
SST = f"{DATA}/sst/test.txt"
# Chung et al. (2014): each cell at the width that gives it about as many parameters
CHUNG = (
    ("tanh", "-tanh", ("model.cell=vanilla", "model.hidden=100")),
    ("GRU", "", ()),
    ("LSTM with peepholes", "-lstm", ("model.cell=peephole_lstm", "model.hidden=36")),
)
# hours ahead: MSE and MAE of the LSTM with attention in Zhou et al. (2021)
LSTMA = {
    24: (0.650, 0.624),
    48: (0.702, 0.675),
    168: (1.212, 0.867),
    336: (1.424, 0.994),
    720: (1.960, 1.322),
}
RUNS = (
    Figure(
        "char-lm",
        "char-lm",
        "characters of Shakespeare, nats per character",
        None,
        "nats_per_token",
        "<= 1.60",
    ),
    Figure(
        "word-lm",
        "word-lm",
        "words of Wikipedia, perplexity",
        f"{DATA}/wikitext2/test.txt.gz",
        "perplexity",
        "reported",
    ),
    Figure(
        "word-lm",
        "word-lm",
        "sentences above their shuffled selves, of 200",
        f"{DATA}/wikitext2/test.txt.gz",
        "above_shuffled",
        ">= 95 %",
        percent=True,
    ),
    Figure(
        "chunking",
        "chunking",
        "phrases, CoNLL-2000, F1",
        f"{DATA}/conll2000/test.txt.gz",
        "f1",
        ">= 93.0 (published: 94.13)",
        percent=True,
    ),
    Figure(
        "wnut17-words",
        "wnut17",
        "names in posts, words alone, F1",
        WNUT,
        "f1",
        "the lowest rung",
        ("model.head=softmax", "model.characters=none", "model.shapes=false"),
        percent=True,
    ),
    Figure(
        "wnut17-spelling",
        "wnut17",
        "with spelling and shapes, F1",
        WNUT,
        "f1",
        "above",
        ("model.head=softmax",),
        percent=True,
    ),
    Figure("wnut17", "wnut17", "with a CRF too, F1", WNUT, "f1", "above", percent=True),
    Figure(
        "pos",
        "pos",
        "parts of speech, English EWT, accuracy",
        f"{DATA}/ud_english_ewt/en_ewt-ud-test.conllu.gz",
        "accuracy",
        ">= 94.4 (UDPipe)",
        percent=True,
    ),
    Figure(
        "sentiment",
        "sentiment",
        "sentiment of sentences, two classes, accuracy",
        SST,
        "accuracy",
        ">= 81",
        percent=True,
    ),
    Figure(
        "feed-forward",
        "feed-forward",
        "the same without recurrence, accuracy",
        SST,
        "accuracy",
        "beside it",
        percent=True,
    ),
    Figure(
        "dna_to_protein",
        "dna_to_protein",
        "residues of held-out genes, up to 3 times as long as any seen",
        "test",
        "accuracy",
        ">= 99.9 %",
        percent=True,
        digits=3,
    ),
    Figure(
        "pendigits",
        "pendigits",
        "digits from eight points of the pen, other writers, accuracy",
        f"{DATA}/pendigits/pendigits.tes",
        "accuracy",
        ">= 98 %",
        percent=True,
    ),
    Figure(
        "mnist_rows",
        "mnist_rows",
        "MNIST row by row, accuracy",
        f"{DATA}/mnist/t10k-images-idx3-ubyte.gz",
        "accuracy",
        ">= 99 %",
        percent=True,
    ),
    *(
        Figure(
            f"{name}{ending}",
            name,
            f"{title}, {cell}, nats a step",
            "test",
            "nll",
            f"<= {1.03 * published:.2f} (published: {published:.2f})",
            changes,
            digits=3,
        )
        for name, title, figures in (
            ("jsb", "JSB chorales", (9.10, 8.54, 8.67)),
            ("nottingham", "Nottingham tunes", (3.13, 3.23, 3.20)),
        )
        for (cell, ending, changes), published in zip(CHUNG, figures, strict=True)
    ),
    *(
        Figure(
            f"etth1-{horizon}",
            "etth1",
            f"ETTh1, {horizon} hours ahead, seven columns, {metric.upper()}",
            "test",
            metric,
            f"<= {published:.3f} (published LSTM)",
            (f"data.horizon={horizon}",),
            digits=3,
        )
        for horizon, both in LSTMA.items()
        for metric, published in zip(("mse", "mae"), both, strict=True)
    ),
)


def main(wanted: list[str]) -> None:
    held = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    for figure in RUNS:
        if (wanted and figure.run not in wanted) or (not wanted and _key(figure) in held):
            continue
        if not (ROOT / "runs" / figure.run / "metrics.json").exists():
            _run(figure.train + " --quiet")
        found = json.loads(_run(figure.evaluate + " --json"))
        value = found[figure.metric] * (100 if figure.percent else 1)
        held[_key(figure)] = {
            "what": figure.what,
            "wanted": figure.wanted,
            "found": f"{value:.{figure.digits}f}" + (" %" if figure.percent else ""),
            "train": figure.train,
            "evaluate": figure.evaluate,
        }
        FIGURES.write_text(json.dumps(held, indent=1) + "\n")
        print(f"{_key(figure)}: {held[_key(figure)]['found']}", flush=True)


def _key(figure: Figure) -> str:
    return f"{figure.run}/{figure.metric}"


def _run(command: str) -> str:
    words = [sys.executable, "-m", "recurra.cli", *command.split()[1:]]
    return subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main(sys.argv[1:])
