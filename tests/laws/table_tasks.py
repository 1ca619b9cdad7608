"""A tiny recipe of every task. The census fails where a registered one has none: a new task is under the laws
of tasks, and in the next set of files that `tests/data` keeps, by one entry here.
"""

from __future__ import annotations

import io
import json
import math
import random
import wave
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Answer = dict[str, Any]


class Streaming(NamedTuple):
    """What a task's stream reads, and how its answers compare with those to whole inputs.

    Attributes:
        pieces: one whole input, as the stream gets it.
        item: the same, as `predict` gets it.
        whole: of the answer to the item, and streamed: of all answers of the stream, what must agree.
    """

    pieces: str | bytes
    item: Any
    whole: Callable[[Answer], Any]
    streamed: Callable[[Sequence[Answer]], Any]


class Tiny(NamedTuple):
    """A recipe small enough to train in a second.

    Attributes:
        data, model: sections of the recipe; files in them lie in the working directory.
        files: name -> content of each of them.
        items: what is predicted.
        held_out: the argument of `evaluate` that names data like that of the recipe.
        stream: see there; None: the task refuses to stream this model.
        sample: prompt and options, where the task makes new data.
        encodes: whether it makes vectors of its items.
        extras: modules without which there is nothing to test.
    """

    data: Mapping[str, Any]
    model: Mapping[str, Any]
    files: Mapping[str, Callable[[], bytes]]
    items: Sequence[Any]
    held_out: str
    stream: Streaming | None = None
    sample: tuple[str, Mapping[str, Any]] | None = None
    encodes: bool = False
    extras: Sequence[str] = ()

    def write(self, folder: Path) -> None:
        """Puts its files there."""
        for name, content in self.files.items():
            (folder / name).write_bytes(content())


def _lines(*rows: str) -> Callable[[], bytes]:
    return lambda: "".join(f"{row}\n" for row in rows).encode()


def _json_lines(*rows: Any) -> Callable[[], bytes]:
    return _lines(*(json.dumps(row) for row in rows))


def _arrays(**arrays: Any) -> Callable[[], bytes]:
    def content() -> bytes:
        file = io.BytesIO()
        np.savez(file, **arrays)
        return file.getvalue()

    return content


TEXT = ("the cat sees a dog.", "a dog runs.", "the dog sees the cat.", "a cat runs.") * 2
TAGGED = (
    [("Ann", "B-PER"), ("Lee", "I-PER"), ("sees", "O"), ("Rome", "B-LOC")],
    [("Bob", "B-PER"), ("runs", "O")],
    [("Oslo", "B-LOC"), ("and", "O"), ("Rome", "B-LOC")],
    [("the", "O"), ("dog", "O"), ("sees", "O"), ("Ann", "B-PER")],
)
REVIEWS = (
    ("a good film", "yes"),
    ("not good", "no"),
    ("the film is bad", "no"),
    ("not bad at all", "yes"),
    ("good plot", "yes"),
    ("bad plot", "no"),
)
BRACKETED = (
    "(ROOT (S (NP-SBJ (NNP Ann)) (VP (VBZ sees) (NP (NNP Rome))) (. .)))",
    "(ROOT (S (NP (DT the) (NN dog)) (VP (VBZ runs))))",
    "(ROOT (FRAG (NP (NNP Oslo) (CC and) (NNP Rome))))",
    "(ROOT (S (NP (NP (DT the) (NN dog)) (PP (IN of) (NP (NNP Ann)))) (VP (VBZ sees) (NP (NNP Bob)))))",
    "(ROOT (INTJ (UH no)))",
)
STORIES = "".join(
    f"1 {one} is in {first}.\n2 {two} is in {then}.\n3 Where is {name}?\t{place}\t{line}\n"
    for one, first, two, then, name, place, line in (
        ("Ann", "Rome", "Bob", "Oslo", "Ann", "Rome", 1),
        ("Ann", "Oslo", "Bob", "Rome", "Ann", "Oslo", 1),
        ("Bob", "Rome", "Ann", "Oslo", "Bob", "Rome", 1),
        ("Bob", "Oslo", "Ann", "Oslo", "Ann", "Oslo", 2),
    )
)
PASSAGES = (
    ("Ann sees Bob in Rome.", "Where is Bob?", "Rome", 16),
    ("A dog runs.", "What runs?", "A dog", 0),
    ("Eve left Oslo.", "Who left Oslo?", "Eve", 0),
)
ABOUT = {"story": ["Ann is in Rome.", "Bob is in Oslo."], "question": "Where is Bob?"}
REVERSED = (("a b c", "c b a"), ("c a", "a c"), ("b", "b"), ("b c a a", "a a c b"), ("a c", "c a"))
MINIMA = (("badc", "ac"), ("ab", "a"), ("cdba", "ca"), ("dd", "d"), ("bcab", "ba"))


def _conll() -> bytes:
    return "\n".join("".join(f"{word}\t{tag}\n" for word, tag in row) for row in TAGGED).encode()


PARSED = (
    (("Ann", "PROPN", 2, "nsubj"), ("sees", "VERB", 0, "root"), ("Rome", "PROPN", 2, "obj")),
    (("dogs", "NOUN", 2, "nsubj:pass"), ("seen", "VERB", 0, "root")),
    (
        ("a", "DET", 2, "det"),
        ("dog", "NOUN", 3, "nsubj"),
        ("runs", "VERB", 0, "root"),
        (".", "PUNCT", 3, "punct"),
    ),
    (("Run", "VERB", 0, "root"),),
    (
        ("Ann", "PROPN", 4, "obj"),
        ("a", "DET", 3, "det"),
        ("dog", "NOUN", 4, "nsubj"),
        ("sees", "VERB", 0, "root"),
    ),
)


def _conllu() -> bytes:
    return "\n".join(
        "".join(
            f"{number}\t{word}\t_\t{tag}\t_\t_\t{head}\t{label}\t_\t_\n"
            for number, (word, tag, head, label) in enumerate(row, 1)
        )
        for row in PARSED
    ).encode()


TREES = (
    "(3 (2 It) (3 (2 -LRB-) (4 (3 really) (3 works))))",
    "(1 (2 It) (1 (1 not) (3 works)))",
    "(1 bad)",
    "(2 (2 the) (2 film))",
    "(3 (3 good) (2 plot))",
    "(1 (1 (1 bad) (2 plot)) (2 .))",
)
FORMULAS = (("<", "a", "( a ( or b ) )"), ("=", "( not ( not a ) )", "a"), ("#", "a", "b"), ("=", "b", "b"))


def _rows_of_numbers(count: int, seed: int) -> list[list[list[float]]]:
    draw = random.Random(seed)
    return [
        [[round(draw.uniform(-1, 1), 2), round(draw.uniform(2, 4), 2)] for _ in range(draw.randint(2, 5))]
        for _ in range(count)
    ]


NUMBERS = _rows_of_numbers(6, 0)


def _waves() -> bytes:
    """Hours of two waves, and what is known ahead."""
    lines = ["time,wave,double,plan"]
    for hour in range(72):
        first, second = 10 + 3 * math.sin(hour / 4), 5 + math.sin(hour / 2)
        time = f"2024-01-{1 + hour // 24:02}T{hour % 24:02}:00:00"
        lines.append(f"{time},{first:.3f},{second:.3f},{hour % 5}")
    return "".join(f"{line}\n" for line in lines).encode()


def _shops() -> bytes:
    """Two shops by month, one a hundred times as large, closed for a month, and without a number once."""
    rows = ["month,shop,sales"]
    for n in range(60):
        month, wave = f"{2019 + n // 12}-{n % 12 + 1:02}", math.sin(n / 2)
        rows.append(f"{month},north,{8 + wave:.3f}")
        if n != 20:
            rows.append(f"{month},south,{'' if n == 30 else f'{800 + 50 * wave:.2f}'}")
    return "\n".join([*rows, ""]).encode()


def _wave_table() -> dict[str, list[str]]:
    """The first day as a table of cells, and what is known of the three hours after it."""
    header, *rows = (line.split(",") for line in _waves().decode().splitlines()[:28])
    cells = {name: [row[k] for row in rows] for k, name in enumerate(header)}
    return {
        name: cells[name] if name in ("time", "plan") else [*cells[name][:24], *[""] * 3] for name in header
    }


def _day() -> bytes:
    """The same as a file."""
    table = _wave_table()
    return "".join(",".join(row) + "\n" for row in [[*table], *zip(*table.values(), strict=True)]).encode()


def _walkers() -> bytes:
    """Walkers who turn left, each from another place."""
    lines = []
    for walker in range(3):
        x, y, heading = 3.0 * walker, -2.0 * walker, 2.0 * walker
        for step in range(12):
            lines.append(f"{step * 10}\t{walker}\t{x:.3f}\t{y:.3f}")
            x, y, heading = x + 0.4 * math.cos(heading), y + 0.4 * math.sin(heading), heading + 0.1
    return "".join(f"{line}\n" for line in lines).encode()


def _drawings() -> dict[str, Any]:
    steps = [[0, 10, 0], [8, 0, 1], [3, -6, 0], [7, 1, 1]]
    lengths = {"train": [4, 4, 2, 4, 4], "valid": [4, 2], "test": [4]}
    parts: dict[str, Any] = {}
    for name, rows in lengths.items():
        moves = [[x + k, y - k, lifted] for k, n in enumerate(rows) for x, y, lifted in steps[:n]]
        parts |= {name: np.array(moves, np.int16), f"{name}_lengths": np.array(rows, np.int32)}
    return parts


def _rolls() -> dict[str, Any]:
    """Two notes that go up five keys."""
    parts: dict[str, Any] = {}
    for name, rows in {"train": [6, 4, 5], "valid": [5], "test": [4]}.items():
        roll = np.zeros((sum(rows), 5), np.uint8)
        steps = [step for n in rows for step in range(n)]
        for row, step in enumerate(steps):
            roll[row, [step % 3, 3 + step % 2]] = 1
        parts |= {name: roll, f"{name}_lengths": np.array(rows, np.int32)}
    return parts


def _parts(file: str) -> dict[str, Any]:
    """Training, validation and test data out of one file of arrays."""
    names = {"train": "train", "validation": "valid", "test": "test"}
    return {key: {"path": file, "sequences": name} for key, name in names.items()}


def _features() -> dict[str, Any]:
    """Rows of what a network may have seen in pictures, and two captions each."""
    rows = [np.eye(3, dtype=np.float32)[[k % 3, (k + 1) % 3]] + 0.1 * k for k in range(6)]
    words = ("red", "green", "blue")
    captions = [[f"{words[k % 3]} and {words[(k + 1) % 3]}", f"a {words[k % 3]} one"] for k in range(6)]
    return {"sequences": np.stack(rows), "captions": np.array(captions)}


def _picture(number: int) -> Callable[[], bytes]:
    """A square of one of three colours, on the left or on the right."""

    def content() -> bytes:
        from PIL import Image

        pixels = np.full((6, 8, 3), 20, np.uint8)
        left = 4 * (number % 2)
        pixels[1:5, left : left + 4, number % 3] = 230
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "png")
        return file.getvalue()

    return content


def _caption(number: int) -> str:
    return f"{('red', 'green', 'blue')[number % 3]} on the {('left', 'right')[number % 2]}"


RATE, TONES = 4000, {"a": 400, "b": 700, "c": 1100}


def _samples(text: str) -> bytes:
    """A tone for each letter, silence between them; 16 bits, little-endian."""
    sound: list[int] = [0] * 200
    for letter in text:
        turn = 2 * math.pi * TONES[letter] / RATE
        sound += [round(9000 * math.sin(turn * n)) for n in range(400)] + [0] * 200
    return np.array(sound, "<i2").tobytes()


def _recording(text: str) -> Callable[[], bytes]:
    def content() -> bytes:
        file = io.BytesIO()
        with wave.open(file, "wb") as sound:
            sound.setparams((1, 2, RATE, 0, "NONE", ""))
            sound.writeframes(_samples(text))
        return file.getvalue()

    return content


SPOKEN = ("ab", "c", "ba", "cab", "a", "bc")
SOUND = {"rate": RATE, "bands": 6, "window": 0.02, "margin": 0.02}

TEXT_FILE = {
    "train": "text.txt",
    "batch_size": 2,
    "window": 12,
    "validation_streams": 1,
    "validation": "text.txt",
}
WORDS = {"embedding": 4, "hidden": 5}


def _total_bits(answers: Sequence[Answer]) -> float:
    return sum(answer["surprisal_bits"] for answer in answers)


def _bits(answer: Answer) -> float:
    return -float(answer["log_probability"]) / math.log(2)


TASKS: dict[str, Tiny] = {
    "language_model": Tiny(
        {**TEXT_FILE, "unit": "character"},
        {"cell": "gru", "embedding": 4, "hidden": 6},
        {"text.txt": _lines(*TEXT)},
        ["a cat sees", {"text": "the dog"}],
        "text.txt",
        Streaming("a cat sees a dog.\n", "a cat sees a dog.", _bits, _total_bits),
        ("the ", {"length": 12, "seed": 1, "count": 2}),
    ),
    "language_model of words, in sentences": Tiny(
        {**TEXT_FILE, "unit": "word", "read_as": "sentences"},
        {
            "cell": "lstm",
            "embedding": 5,
            "hidden": 5,
            "tied": True,
            "layers": 2,
            "residual": True,
            "dropout": 0.2,
        },
        {"text.txt": _lines(*TEXT)},
        ["a cat sees", "the dog runs."],
        "text.txt",
        Streaming("a cat runs.\n", "a cat runs.", _bits, _total_bits),
        ("the", {"length": 6, "beam": 2}),
    ),
    "language_model of subwords": Tiny(
        {**TEXT_FILE, "unit": "subword", "tokenizer": {"max_size": 265}},
        {"cell": "simplified_gru", "embedding": 0, "hidden": 6, "zoneout": 0.1},
        {"text.txt": _lines(*TEXT)},
        ["a cat sees"],
        "text.txt",
        Streaming("a dog runs.\n", "a dog runs.", _bits, _total_bits),
        ("a", {"length": 5, "temperature": 0.5}),
        extras=("tokenizers",),
    ),
    "tag": Tiny(
        {
            "train": "tags.conll",
            "validation": "tags.conll",
            "batch_size": 2,
            "tokens": "token",
            "tags": "tag",
        },
        {**WORDS, "cell": "lstm", "characters": "lstm", "character_embedding": 3, "character_hidden": 3},
        {"tags.conll": _conll},
        ["Ann sees Rome", "", ["the", "dog"]],
        "tags.conll",
    ),
    "tag as it reads": Tiny(
        {"train": "tags.conll", "validation": "tags.conll", "batch_size": 2},
        {
            **WORDS,
            "cell": "gru",
            "head": "softmax",
            "lookahead": 1,
            "chunk": 2,
            "characters": "cnn",
            "shapes": True,
        },
        {"tags.conll": _conll},
        ["Ann sees Rome", {"tokens": ["Bob"]}],
        "tags.conll",
        Streaming(
            "the dog sees Ann\n",
            "the dog sees Ann",
            lambda answer: len(
                answer["tags"]
            ),  # the stream tells the network's own scheme, predict the data's
            len,
        ),
    ),
    "parse": Tiny(
        {"kind": "dependency", "train": "trees.conllu", "validation": "trees.conllu", "batch_size": 2},
        {**WORDS, "characters": "cnn", "arc_size": 4, "label_size": 3, "tag_size": 3, "decoder": "eisner"},
        {"trees.conllu": _conllu},
        ["Ann sees a dog.", "", ["Run"], {"tokens": ["a", "cat", "runs"]}],
        "trees.conllu",
    ),
    "parse by transitions": Tiny(
        {"kind": "dependency", "train": "trees.conllu", "validation": "trees.conllu", "tags": []},
        {**WORDS, "cell": "gru", "parser": "arc_hybrid", "choice_size": 4, "label_size": 3},
        {"trees.conllu": _conllu},
        ["Ann sees a dog.", {"text": "Run"}],
        "trees.conllu",
    ),
    "classify": Tiny(
        {"train": "said.jsonl", "validation": "said.jsonl", "tokens": "text", "batch_size": 3},
        {**WORDS, "cell": "gru"},
        {"said.jsonl": _json_lines(*({"text": text, "label": label} for text, label in REVIEWS))},
        ["not a bad film", {"text": "good"}],
        "said.jsonl",
        Streaming(
            "not a bad film",
            "not a bad film",
            lambda answer: answer["probability"],
            lambda answers: answers[-1]["probability"],
        ),
    ),
    "classify by all words": Tiny(
        {"train": "said.jsonl", "validation": "said.jsonl", "tokens": "text", "batch_size": 3},
        {**WORDS, "kind": "feed_forward"},
        {"said.jsonl": _json_lines(*({"text": text, "label": label} for text, label in REVIEWS))},
        ["not a bad film"],
        "said.jsonl",
        Streaming(
            "not a bad film",
            "not a bad film",
            lambda answer: answer["probability"],
            lambda answers: answers[-1]["probability"],
        ),
    ),
    "classify trees": Tiny(
        {"train": "said.trees", "validation": "said.trees", "tree": "tree", "batch_size": 3},
        {"embedding": 4, "hidden": 5, "cell": "tree_gru", "characters": "cnn", "dropout": 0.2},
        {"said.trees": _lines(*TREES)},
        [TREES[0], ["not", ["a", "film"]], {"tree": ["film"]}],
        "said.trees",
    ),
    "classify trees without labels": Tiny(
        {
            "train": "formulas.tsv",
            "validation": "formulas.tsv",
            "tree": "second",
            "label": "relation",
            "node_labels": False,
        },
        {"embedding": 4, "hidden": 5, "cell": "child_sum_lstm", "recurrent_dropout": 0.1},
        {"formulas.tsv": _lines("relation\tfirst\tsecond", *("\t".join(row) for row in FORMULAS))},
        ["( not c )", "a"],
        "formulas.tsv",
    ),
    "classify pairs of trees": Tiny(
        {
            "train": "formulas.tsv",
            "validation": "formulas.tsv",
            "pair": ["first", "second"],
            "label": "relation",
            "node_labels": False,
            "batch_size": 2,
        },
        {"embedding": 4, "hidden": 5, "cell": "recursive", "head": 3},
        {"formulas.tsv": _lines("relation\tfirst\tsecond", *("\t".join(row) for row in FORMULAS))},
        ["a\t( not a )", ["b", ["or", "a"]], {"first": "b", "second": "a"}],
        "formulas.tsv",
    ),
    "classify pairs of texts": Tiny(
        {
            "train": "formulas.tsv",
            "validation": "formulas.tsv",
            "pair": ["first", "second"],
            "label": "relation",
            "by": "relation",
            "batch_size": 2,
        },
        {"kind": "recurrent", "embedding": 4, "hidden": 5, "bidirectional": True},
        {"formulas.tsv": _lines("relation\tfirst\tsecond", *("\t".join(row) for row in FORMULAS))},
        ["a\t( not a )", {"first": "b", "second": "a"}],
        "formulas.tsv",
    ),
    "classify rows of numbers": Tiny(
        {
            "train": {"path": "rows.npz", "targets": "label"},
            "validation": {"path": "rows.npz", "targets": "label"},
            "vectors": "vectors",
            "label": "target",
            "batch_size": 3,
        },
        {"hidden": 5, "cell": "peephole_lstm", "pool": "attention", "bidirectional": True},
        {
            "rows.npz": _arrays(
                sequences=np.concatenate([np.array(row, np.float32) for row in NUMBERS]),
                sequences_lengths=np.array([len(row) for row in NUMBERS], np.int32),
                label=np.arange(6) % 2,
            )
        },
        NUMBERS[:2],
        "rows.npz",
    ),
    "regress": Tiny(
        {"train": "sums.jsonl", "validation": "sums.jsonl", "vectors": "row", "batch_size": 3},
        {"hidden": 5, "cell": "light_gru"},
        {
            "sums.jsonl": _json_lines(
                *({"row": row, "target": round(row[0][0] + row[-1][1], 2)} for row in NUMBERS)
            )
        },
        [[[0.5, 1.0], [0.1, 0.0], [0.25, 1.0]]],
        "sums.jsonl",
        Streaming(
            "[0.5, 1]\n[0.1, 0]\n[0.25, 1]\n",
            [[0.5, 1.0], [0.1, 0.0], [0.25, 1.0]],
            lambda answer: answer["target"],
            lambda answers: answers[-1]["target"],
        ),
    ),
    "regress of texts": Tiny(
        {
            "train": "prices.tsv",
            "validation": "prices.tsv",
            "tokens": "text",
            "target": ["price", "age"],
            "batch_size": 2,
        },
        {**WORDS, "cell": "coupled_lstm", "pool": "max"},
        {
            "prices.tsv": _lines(
                "text\tprice\tage", "a big dog\t90\t3", "a cat\t40\t5", "small dog\t55\t1", "dog\t60\t2"
            )
        },
        ["a small cat"],
        "prices.tsv",
    ),
    "forecast": Tiny(
        {
            "train": "waves.csv",
            "time": "time",
            "targets": ["wave"],
            "covariates": ["double"],
            "known": ["plan"],
            "calendar": ["hour"],
            "split": (0.6, 0.2, 0.2),
            "context": 6,
            "horizon": 3,
            "batch_size": 8,
            "season": 6,
            "direction": True,
        },
        {"cell": "gru", "hidden": 5, "output": "gaussian"},
        {"waves.csv": _waves, "day.csv": _day},
        ["day.csv", _wave_table()],
        "test",
    ),
    "forecast of several series": Tiny(
        {
            "train": "shops.csv",
            "time": "month",
            "series": "shop",
            "targets": ["sales"],
            "gaps": "fill",
            "incomplete": "previous",
            "masks": True,
            "scale": "series",
            "context": 6,
            "horizon": 2,
            "batch_size": 8,
        },
        {"cell": "gru", "hidden": 5, "output": "quantiles"},
        {"shops.csv": _shops},
        ["shops.csv"],
        "test",
    ),
    "forecast at once": Tiny(
        {"train": "waves.csv", "targets": ["wave", "double"], "context": 6, "horizon": 3, "batch_size": 8},
        {"cell": "elman", "hidden": 5, "ahead": "direct", "output": "quantiles", "anchor": "mean"},
        {"waves.csv": _waves},
        ["waves.csv"],
        "test",
    ),
    "trajectory": Tiny(
        {
            "train": {"path": "walks.txt", "format": "tsv", "names": ["frame", "id", "x", "y"]},
            "validation": {"path": "walks.txt", "format": "tsv", "names": ["frame", "id", "x", "y"]},
            "context": 4,
            "horizon": 3,
            "batch_size": 4,
        },
        {"cell": "gru", "hidden": 5, "ahead": "direct"},
        {"walks.txt": _walkers},
        [[[0.0, 0.0], [0.4, 0.1], [0.8, 0.3], [1.1, 0.6]]],
        "walks.txt",
    ),
    "algorithm": Tiny(
        {"lengths": [1, 3], "test_lengths": [2, 4], "bits": 3, "rows": 5, "batch_size": 2, "batches": 3},
        {
            "cell": "ntm",
            "hidden": 5,
            "cell_options": {"slots": 5, "width": 3, "controller": "feed_forward"},
        },
        {},
        [2, [[0, 1, 1], [1, 0, 0]], "4"],
        "test",
    ),
    "algorithm of recall": Tiny(
        {
            "problem": "recall",
            "lengths": [2, 3],
            "test_lengths": [4],
            "rows": 3,
            "batch_size": 2,
            "batches": 2,
        },
        {"cell": "gru", "hidden": 5},
        {},
        [2, 5],
        "test",
    ),
    "algorithm of order": Tiny(
        {
            "problem": "temporal_order",
            "lengths": [10, 12],
            "test_lengths": [15],
            "rows": 3,
            "batch_size": 2,
            "batches": 2,
        },
        {"cell": "lstm", "hidden": 5},
        {},
        [10, 20],
        "test",
    ),
    "parse constituents": Tiny(
        {
            "kind": "constituency",
            "train": "trees.brackets",
            "validation": "trees.brackets",
            "batch_size": 2,
        },
        {"embedding": 4, "hidden": 5, "tag_size": 3, "layers": 1, "span_size": 6, "characters": "cnn"},
        {"trees.brackets": _lines(*BRACKETED)},
        ["Ann sees the dog.", {"tokens": ["Bob", "(", ")"]}, "no"],
        "trees.brackets",
    ),
    "parse constituents from the top down": Tiny(
        {
            "kind": "constituency",
            "train": {"path": "trees.brackets", "functions": True},
            "validation": {"path": "trees.brackets", "functions": True},
            "batch_size": 3,
        },
        {
            "embedding": 4,
            "hidden": 5,
            "tag_size": 3,
            "layers": 1,
            "span_size": 6,
            "cell": "gru",
            "decoder": "top_down",
        },
        {"trees.brackets": _lines(*BRACKETED)},
        ["the dog of Ann runs"],
        "trees.brackets",
    ),
    "parse constituents as symbols": Tiny(
        {"kind": "linearised", "train": "trees.brackets", "validation": "trees.brackets", "batch_size": 2},
        {
            "embedding": 5,
            "encoder": {"hidden": 5, "cell": "gru"},
            "decoder": {"hidden": 6, "cell": "gru"},
            "search": {"beam": 2},
        },
        {"trees.brackets": _lines(*BRACKETED)},
        ["Ann sees the dog .", {"tokens": ["Bob", "("]}],
        "trees.brackets",
    ),
    "translate": Tiny(
        {"train": "pairs.tsv", "validation": "pairs.tsv", "unit": "word", "batch_size": 2},
        {
            "embedding": 5,
            "encoder": {"hidden": 5, "cell": "gru"},
            "decoder": {"hidden": 6, "cell": "gru"},
            "attention": "additive",
            "input_feeding": True,
            "search": {"best": 2},
        },
        {"pairs.tsv": _lines("source\ttarget", *(f"{source}\t{target}" for source, target in REVERSED))},
        ["a b c", {"source": "c a b"}],
        "pairs.tsv",
        extras=("sacrebleu",),
    ),
    "translate by one vector": Tiny(
        {
            "train": "pairs.tsv",
            "validation": "pairs.tsv",
            "unit": "character",
            "shared": True,
            "batch_size": 2,
        },
        {
            "embedding": 5,
            "encoder": {"hidden": 5, "cell": "lstm", "bidirectional": False},
            "decoder": {"hidden": 5, "cell": "lstm"},
            "attention": "none",
        },
        {"pairs.tsv": _lines("source\ttarget", *(f"{source}\t{target}" for source, target in REVERSED))},
        ["a b c"],
        "pairs.tsv",
        extras=("sacrebleu",),
    ),
    "transduce": Tiny(
        {"train": "minima.tsv", "validation": "minima.tsv", "ratio": 2, "batch_size": 2},
        {"below": {"cell": "gru", "hidden": 5}, "above": {"cell": "gru", "hidden": 5, "bidirectional": True}},
        {"minima.tsv": _lines("source\ttarget", *(f"{source}\t{target}" for source, target in MINIMA))},
        ["dcba", {"source": "bd"}],
        "minima.tsv",
    ),
    "autoencode": Tiny(
        {"train": "text.txt", "validation": "text.txt", "text": "text", "batch_size": 2, "replaced": 0.1},
        {
            "embedding": 5,
            "encoder": {"cell": "gru", "hidden": 5},
            "decoder": {"cell": "gru", "hidden": 5},
            "vector": 4,
            "pool": "max",
        },
        {"text.txt": _lines(*TEXT)},
        ["a cat runs.", {"text": "the dog"}],
        "text.txt",
        encodes=True,
    ),
    "autoencode rows of numbers": Tiny(
        {"train": "rows.jsonl", "validation": "rows.jsonl", "vectors": "row", "batch_size": 3},
        {"encoder": {"cell": "gru", "hidden": 5}, "decoder": {"cell": "gru", "hidden": 5}, "vector": 3},
        {"rows.jsonl": _json_lines(*({"row": row} for row in NUMBERS))},
        NUMBERS[:2],
        "rows.jsonl",
        encodes=True,
    ),
    "caption": Tiny(
        {"train": "captions.tsv", "validation": "captions.tsv", "batch_size": 2},
        {
            "convolution": [{"channels": 4, "stride": 2}, {"channels": 5}],
            "view_width": 5,
            "embedding": 4,
            "attention": "additive",
            "decoder": {"hidden": 6, "cell": "gru"},
            "search": {"max_length": 6},
        },
        {
            "captions.tsv": _lines("image\tcaption", *(f"{n}.png\t{_caption(n)}" for n in range(6))),
            **{f"{n}.png": _picture(n) for n in range(6)},
        },
        ["0.png", {"image": "3.png"}],
        "captions.tsv",
        extras=("PIL", "sacrebleu"),
    ),
    "caption of features": Tiny(
        {
            "train": {"path": "seen.npz", "sequences": "sequences", "texts": "captions"},
            "validation": {"path": "seen.npz", "sequences": "sequences", "texts": "captions"},
            "image": "vectors",
            "caption": "text",
            "reads": "features",
            "batch_size": 2,
        },
        {
            "view_width": 5,
            "embedding": 4,
            "attention": "general",
            "encoder": {"hidden": 4, "cell": "gru", "bidirectional": True},
            "decoder": {"hidden": 6, "cell": "lstm"},
            "search": {"max_length": 6},
        },
        {"seen.npz": _arrays(**_features())},
        [_features()["sequences"][0].tolist()],
        "seen.npz",
        extras=("sacrebleu",),
    ),
    "answer from stories": Tiny(
        {
            "evidence": "story",
            "train": {"path": "a.txt", "format": "babi"},
            "validation": {"path": "a.txt", "format": "babi"},
            "batch_size": 3,
        },
        {"embedding": 6, "linear_epochs": 1},
        {"a.txt": _lines(*STORIES.splitlines())},
        [ABOUT, {"story": "Ann is in Oslo. Bob left.", "question": "Where is Ann?"}],
        "a.txt",
    ),
    "answer by an entity network": Tiny(
        {
            "evidence": "story",
            "train": {"path": "a.txt", "format": "babi"},
            "validation": {"path": "a.txt", "format": "babi"},
            "batch_size": 3,
        },
        {"kind": "entity_network", "embedding": 6, "slots": 3},
        {"a.txt": _lines(*STORIES.splitlines())},
        [ABOUT],
        "a.txt",
    ),
    "answer by an LSTM": Tiny(
        {
            "evidence": "story",
            "train": {"path": "a.txt", "format": "babi"},
            "validation": {"path": "a.txt", "format": "babi"},
            "batch_size": 3,
            "group": "number",
        },
        {"kind": "recurrent", "embedding": 6, "hidden": 6, "sees": "question"},
        {"a.txt": _lines(*STORIES.splitlines())},
        [ABOUT],
        "a.txt",
    ),
    **{
        f"answer from pictures, {kind}": Tiny(
            {"evidence": "picture", "train": "a.tsv", "validation": "a.tsv", "batch_size": 3},
            {
                "kind": kind,
                "convolution": [{"channels": 4, "stride": 2}, {"channels": 5, "stride": 2}],
                "embedding": 4,
                "hidden": 4,
                "width": 5,
            },
            {
                "a.tsv": _lines(
                    "image\tquestion\tanswer",
                    "0.png\tIs it?\tyes",
                    "1.png\tIs it?\tno",
                    "0.png\tIs it not?\tno",
                ),
                "0.png": _picture(0),
                "1.png": _picture(1),
            },
            [{"image": "1.png", "question": "Is it not?"}],
            "a.tsv",
            extras=("PIL",),
        )
        for kind in ("places", "distances", "relations")
    },
    "answer from recordings": Tiny(
        {
            "evidence": "recording",
            "train": "a.tsv",
            "validation": "a.tsv",
            "batch_size": 3,
            "sound": SOUND,
        },
        {
            "convolution": [{"channels": 4}],
            "embedding": 4,
            "hidden": 4,
            "width": 5,
            "frames": 2,
            "cell": "gru",
        },
        {
            "a.tsv": _lines(
                "audio\tquestion\tanswer", "0.wav\tWhat?\ta", "1.wav\tWhat?\tb", "0.wav\tWhat not?\tb"
            ),
            "0.wav": _recording("ab"),
            "1.wav": _recording("ba"),
        },
        [{"audio": "1.wav", "question": "What?"}],
        "a.tsv",
        extras=("soundfile",),
    ),
    "answer from what is heard": Tiny(
        {
            "evidence": "recording",
            "transcript": "said",
            "train": "a.tsv",
            "validation": "a.tsv",
            "batch_size": 3,
            "sound": SOUND,
        },
        {
            "transcriber": {"cell": "gru", "hidden": 4, "frames": 2},
            "embedding": 4,
            "hidden": 4,
            "width": 5,
            "cell": "gru",
        },
        {
            "a.tsv": _lines(
                "audio\tquestion\tanswer\tsaid",
                "0.wav\tWhat?\ta\ta b",
                "1.wav\tWhat?\tb\tb a",
                "0.wav\tWhat not?\tb\ta b",
            ),
            "0.wav": _recording("ab"),
            "1.wav": _recording("ba"),
        },
        [{"audio": "1.wav", "question": "What?"}],
        "a.tsv",
        extras=("soundfile",),
    ),
    "answer in words": Tiny(
        {"evidence": "text", "train": "a.jsonl", "validation": "a.jsonl", "batch_size": 3},
        {"embedding": 6, "encoder": {"hidden": 4}, "decoder": {"hidden": 6}},
        {
            "a.jsonl": _lines(
                '{"text": ["Ann went home.", "Bob left."], "question": "Where is Ann?", "answer": "at home"}',
                '{"text": "Bob has a cat.", "question": "What has he?", "answer": ["a cat", "one cat"]}',
                '{"text": "Bob has two.", "question": "How many?", "answer": "two"}',
            )
        },
        [{"text": "Ann left.", "question": "Where is Bob?"}],
        "a.jsonl",
    ),
    "answer from nothing": Tiny(
        {"evidence": "none", "train": "a.tsv", "validation": "a.tsv", "batch_size": 3},
        {"embedding": 6, "hidden": 6, "cell": "gru"},
        {"a.tsv": _lines("question\tanswer", "Is it?\tyes", "Was it?\tno", "Is it not?\tyes")},
        [{"question": "Was it?"}],
        "a.tsv",
    ),
    **{
        f"answer by spans, attention {attention}": Tiny(
            {
                "evidence": "passage",
                "train": {"path": "a.jsonl"},
                "validation": {"path": "a.jsonl"},
                "batch_size": 2,
            },
            {"embedding": 6, "hidden": 4, "cell": "gru", "attention": attention, "shapes": True},
            {
                "a.jsonl": _json_lines(
                    *(
                        {
                            "passage": passage,
                            "question": question,
                            "answers": [answer],
                            "spans": [[[start, start + len(answer)]]],
                        }
                        for passage, question, answer, start in PASSAGES
                    )
                )
            },
            [{"passage": "Ann left.", "question": "Who left?"}, "A dog sees Bob.\tWho?"],
            "a.jsonl",
        )
        for attention in ("aligned", "flow", "none")
    },
    "transcribe": Tiny(
        {
            "train": "spoken.tsv",
            "validation": "spoken.tsv",
            "sound": SOUND,
            "batch_size": 3,
        },
        {"cell": "gru", "hidden": 6, "frames": 2, "normalise": "running"},
        {
            "spoken.tsv": _lines("audio\ttext", *(f"{n}.wav\t{text}" for n, text in enumerate(SPOKEN))),
            **{f"{n}.wav": _recording(text) for n, text in enumerate(SPOKEN)},
        },
        ["0.wav", {"audio": "3.wav"}],
        "spoken.tsv",
        Streaming(
            _samples("ab"),
            "0.wav",
            lambda answer: [symbol["symbol"] for symbol in answer["symbols"]],
            lambda answers: [answer["symbol"] for answer in answers],
        ),
        extras=("soundfile", "jiwer"),
    ),
    "draw": Tiny(
        {**_parts("drawings.npz"), "batch_size": 2},
        {"cell": "lstm", "hidden": 6, "components": 2},
        {"drawings.npz": _arrays(**_drawings())},
        [[[0, 10, 0], [8, 0, 1]]],
        "test",
        sample=("[[1, 2, 0]]", {"length": 4, "seed": 1}),
    ),
    "compose": Tiny(
        {**_parts("rolls.npz"), "batch_size": 2, "window": 4},
        {"cell": "gru", "hidden": 6},
        {"rolls.npz": _arrays(**_rolls())},
        [[[21, 24], [22, 25]]],
        "test",
        sample=("[[21]]", {"length": 4, "seed": 1}),
    ),
}
"""Name -> example; the first word is the registered name."""


def questions(name: str) -> dict[str, Any]:
    """What `answers` asks the task of an example."""
    tiny = TASKS[name]
    return {
        "items": [*tiny.items],
        "held_out": tiny.held_out,
        "stream": None if tiny.stream is None else tiny.stream.pieces,
        "sample": None if tiny.sample is None else {"prompt": tiny.sample[0], **tiny.sample[1]},
        "encode": tiny.encodes,
    }


def table_of(name: str, steps: int = 3, validate_every: int | None = None) -> dict[str, Any]:
    """The whole recipe as a table; validated at the end alone, unless more often."""
    tiny = TASKS[name]
    train = {
        "epochs": 100,
        "steps": steps,
        "validate_every": validate_every or steps,
        "log_every": 1,
        "tensorboard": False,
        "optimiser": {"name": "Adam", "lr": 0.05},
    }
    return {"task": name.split()[0], "data": {**tiny.data}, "model": {**tiny.model}, "train": train}
