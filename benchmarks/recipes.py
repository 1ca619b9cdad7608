"""Trains recipes on real data, evaluates them on held-out data, and keeps the figures of docs/results.md.

    python benchmarks/recipes.py                 every recipe that has no figure yet
    python benchmarks/recipes.py chunking pos    these

A run folder that exists is evaluated, not trained again. Figures go to docs/figures/recipes.json, in the
order of the table here. This is what is learnt of real data; `recurra bench` (src/recurra/bench) times the
library on any machine, without data.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from recurra.storage.files import write_json

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "docs" / "figures" / "recipes.json"
DATA = "../shared/data"


class Figure(NamedTuple):
    """One training and what is read off it: `metric` of the evaluation (several: with a stroke between),
    in percent if `percent`, to so many digits.
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
    removals: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.run}/{self.metric}"

    @property
    def train(self) -> str:
        changes = "".join(f" --set {shlex.quote(change)}" for change in self.changes)
        removals = "".join(f" --unset {key}" for key in self.removals)
        return f"recurra train {self.recipe} -o runs/{self.run}{changes}{removals}"

    @property
    def evaluate(self) -> str:
        return f"recurra evaluate runs/{self.run}" + (f" --data {self.data}" if self.data else "")


class Mean(NamedTuple):
    """The mean of a metric over several trainings."""

    name: str
    what: str
    metric: str
    wanted: str
    runs: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.name}/{self.metric}"


WNUT = f"{DATA}/wnut17/emerging.test.annotated"
SST = f"{DATA}/sst/test.txt"
TOP_DOWN = "model.decoder=top_down"
WIKITEXT = f"{DATA}/wikitext2/test.txt.gz"
# Chung et al. (2014): each cell at the width that gives it about as many parameters
CHUNG = (
    ("tanh", "-tanh", ("model.cell=vanilla", "model.hidden=100")),
    ("GRU", "", ()),
    ("LSTM with peepholes", "-lstm", ("model.cell=peephole_lstm", "model.hidden=36")),
)
# and its negative log-likelihood by each of them
MUSIC = (
    ("jsb", "JSB chorales", (9.10, 8.54, 8.67)),
    ("nottingham", "Nottingham tunes", (3.13, 3.23, 3.20)),
)
LADDER = (
    ("vector", "one vector", "the lowest rung", ("model.attention=none",)),
    ("attention", "attention", ">= 33 (published: 33.7 to 38.1)", ()),
    ("fed", "attention with input feeding", "above", ("model.input_feeding=true",)),
)
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
# hours ahead: MSE and MAE of the LSTM with attention in Zhou et al. (2021)
LSTMA = {
    24: "0.650 / 0.624",
    48: "0.702 / 0.675",
    168: "1.212 / 0.867",
    336: "1.424 / 0.994",
    720: "1.960 / 1.322",
}
# the scene left out, how its files' names begin, and the LSTM of Gupta et al. (2018)
SCENES = (
    ("eth", "biwi_eth", "1.09 / 2.41"),
    ("hotel", "biwi_hotel", "0.86 / 1.91"),
    ("univ", '["students001","students003"]', "0.61 / 1.31"),
    ("zara1", "crowds_zara01", "0.41 / 0.88"),
    ("zara2", "crowds_zara02", "0.52 / 1.11"),
)
SCENE_RUNS = tuple(f"eth_ucy-{scene}" for scene, _, _ in SCENES)

SUBJECTS: dict[str, tuple[Figure | Mean, ...]] = {
    "language": (
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
            WIKITEXT,
            "perplexity",
            "reported",
        ),
        Figure(
            "word-lm",
            "word-lm",
            "sentences above their shuffled selves, of 200",
            WIKITEXT,
            "above_shuffled",
            ">= 95 %",
            percent=True,
        ),
    ),
    "tagging": (
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
    ),
    "parsing": (
        Figure(
            "ewt_dependencies",
            "ewt_dependencies",
            "dependency trees, English EWT, gold tokens, own tags, UAS / LAS",
            "test",
            "uas/las",
            ">= 87.5 / 84.5 (jPTDP)",
            percent=True,
        ),
        Figure(
            "afrikaans_dependencies",
            "afrikaans_dependencies",
            "the same, Afrikaans, 1,315 sentences, UAS / LAS",
            "test",
            "uas/las",
            "LAS >= 80 (UDPipe: 82.5 / 78.4)",
            percent=True,
        ),
        Figure(
            "afrikaans_dependencies-arc_hybrid",
            "afrikaans_dependencies",
            "the same by greedy transitions, UAS / LAS",
            "test",
            "uas/las",
            "beside it",
            ("model.parser=arc_hybrid",),
            percent=True,
            removals=("model.decoder",),
        ),
        *(
            Figure(run, recipe, f"phrases of GUM, {what}, brackets, F1", "test", "f1", wanted, changes, True)
            for run, recipe, what, wanted, changes in (
                ("gum_linearised", "gum_linearised", "written symbol by symbol", "the lowest rung", ()),
                ("gum-top_down", "gum_constituents", "from the top down", "above", (TOP_DOWN,)),
                ("gum", "gum_constituents", "by a chart", ">= 80, above", ()),
            )
        ),
    ),
    "classification": (
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
    ),
    "sequences into others": (
        *(
            Figure(
                f"multi30k-{rung}",
                "multi30k",
                f"English to German, {what}, sacreBLEU",
                "test",
                "bleu",
                wanted,
                changes,
            )
            for rung, what, wanted, changes in LADDER
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
            "autoencode_sentences",
            "autoencode_sentences",
            "words back from one vector, held-out sentences of up to 20",
            "test",
            "tokens_back",
            ">= 90 %",
            percent=True,
        ),
        Figure(
            "autoencode_sentences-untrained",
            "autoencode_sentences",
            "the same from the start alone, before any training",
            "test",
            "tokens_back",
            "beside it",
            ("train.steps=1", "train.optimiser.lr=0"),
            percent=True,
        ),
        Figure(
            "chat",
            "chat",
            "small talk, replies of two topics that were trained on: perplexity",
            None,
            "perplexity",
            "[ten exchanges](samples.md)",
        ),
    ),
    "speech": (
        Figure("fsdd", "fsdd", "spoken digits, character error", "test", "cer", "<= 2 %", percent=True),
        Figure(
            "fsdd_strings",
            "fsdd_strings",
            "strings of 3 to 7 spoken digits, character error",
            "test",
            "cer",
            "<= 4 %",
            percent=True,
        ),
        *(
            Figure(
                f"{recipe}-without-{speaker}",
                recipe,
                f"{what} of {speaker}, never heard before, character error",
                "test",
                "cer",
                "reported",
                (f"data.leave_out={speaker}", "data.test.keep={}"),
                percent=True,
            )
            for recipe, what in (("fsdd", "spoken digits"), ("fsdd_strings", "strings of them"))
            for speaker in SPEAKERS
        ),
    ),
    "pictures and films": (
        Figure(
            "scenes", "scenes", "captions of held-out scenes, exact", "test", "exact", ">= 95 %", percent=True
        ),
        Figure(
            "moving_scenes",
            "moving_scenes",
            "captions of held-out films, exact",
            "test",
            "exact",
            ">= 95 %",
            percent=True,
        ),
        Figure(
            "easy_vqa_captions",
            "easy_vqa_captions",
            "captions of easy-VQA's test pictures, exact",
            "test",
            "exact",
            ">= 95 %",
            percent=True,
        ),
    ),
    "music": (
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
            for name, title, figures in MUSIC
            for (cell, ending, changes), published in zip(CHUNG, figures, strict=True)
        ),
    ),
    "series": (
        *(
            Figure(
                f"etth1-{horizon}",
                "etth1",
                f"ETTh1, {horizon} hours ahead, seven columns, MSE / MAE",
                "test",
                "mse/mae",
                f"<= {published} (published LSTM)",
                (f"data.horizon={horizon}",),
                digits=3,
            )
            for horizon, published in LSTMA.items()
        ),
        Figure(
            "stocks",
            "stocks",
            "sign of tomorrow's change of five prices: hit rate / its interval, low / high / the usual sign",
            "test",
            "hit_rate/hit_rate_low/hit_rate_high/hit_rate_majority",
            "no claim",
            percent=True,
            digits=1,
        ),
    ),
    "paths and drawings": (
        *(
            Figure(
                f"eth_ucy-{scene}",
                "eth_ucy",
                f"pedestrians, 12 steps ahead, {scene} left out, ADE / FDE",
                "test",
                "ade/fde",
                f"published LSTM: {published}",
                (f"data.leave_out={files}",),
            )
            for scene, files, published in SCENES
        ),
        Mean(
            "eth_ucy",
            "pedestrians, mean of the five scenes, ADE / FDE",
            "ade/fde",
            "<= 0.70 / 1.52 (published LSTM)",
            SCENE_RUNS,
        ),
        *(
            Figure(
                f"eth_ucy-{scene}",
                "eth_ucy",
                f"the same at constant velocity, {scene}",
                "test",
                "constant_ade/constant_fde",
                "beside it",
                (f"data.leave_out={files}",),
            )
            for scene, files, _ in SCENES
        ),
        Mean(
            "eth_ucy",
            "the same at constant velocity, mean of the five scenes",
            "constant_ade/constant_fde",
            "beside it",
            SCENE_RUNS,
        ),
        Figure(
            "kanji",
            "kanji",
            "steps of a pen that draws Kanji, nats a step / of one normal distribution",
            "test",
            "nll/nll_independent",
            "reported; [drawn](samples.md)",
        ),
    ),
}
"""Subject -> its figures, in the order in which docs/results.md shows them."""


def main(names: list[str]) -> None:
    figures: dict[str, Any] = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    for figure in (row for rows in SUBJECTS.values() for row in rows if isinstance(row, Figure)):
        if (names and figure.run not in names) or (not names and figure.key in figures):
            continue
        if not (ROOT / "runs" / figure.run / "metrics.json").exists():
            _run(figure.train + " --quiet")
        metrics = json.loads(_run(figure.evaluate + " --json"))
        values = [metrics[metric] * (100 if figure.percent else 1) for metric in figure.metric.split("/")]
        figures[figure.key] = {
            "what": figure.what,
            "wanted": figure.wanted,
            "found": _text(values, figure.digits) + (" %" if figure.percent else ""),
            "values": values,
            "train": figure.train,
            "evaluate": figure.evaluate,
        }
        write(figures)
        print(f"{figure.key}: {figures[figure.key]['found']}", flush=True)


def write(figures: dict[str, Any]) -> None:
    """Figures and their means, in the order of the table and under its subjects."""
    rows = [(subject, row) for subject, rows in SUBJECTS.items() for row in rows]
    figures = figures | {
        row.key: mean for _, row in rows if isinstance(row, Mean) if (mean := _mean(row, figures))
    }
    write_json(
        FIGURES,
        {row.key: {**figures[row.key], "subject": subject} for subject, row in rows if row.key in figures},
    )


def _mean(mean: Mean, figures: dict[str, Any]) -> dict[str, Any] | None:
    """None until every run of it is measured."""
    parts = [figures.get(f"{run}/{mean.metric}") for run in mean.runs]
    if not all(parts):
        return None
    columns = zip(*(part["values"] for part in parts if part), strict=True)
    return {
        "what": mean.what,
        "wanted": mean.wanted,
        "found": _text([sum(column) / len(parts) for column in columns], 2),
        "train": f"python benchmarks/recipes.py {' '.join(mean.runs)}",
    }


def _text(values: Iterable[float], digits: int) -> str:
    return " / ".join(f"{value:.{digits}f}" for value in values)


def _run(command: str) -> str:
    words = [sys.executable, "-m", "recurra.cli", *shlex.split(command)[1:]]
    return subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main(sys.argv[1:])
