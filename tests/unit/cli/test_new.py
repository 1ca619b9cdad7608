"""A recipe for a person's own data: what its columns show is set, and it passes `check`."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recurra.tasks.base import TASKS
from recurra.train.guesses import GUESSES
from recurra.train.recipe import recipe_of
from tests.laws.table_tasks import (
    MINIMA,
    NUMBERS,
    REVERSED,
    REVIEWS,
    SPOKEN,
    TEXT,
    _arrays,
    _caption,
    _conll,
    _drawings,
    _picture,
    _recording,
    _rolls,
)  # fmt: skip

from .command_line import Command, told

Files = dict[str, bytes | Callable[[], bytes]]


def lines(*rows: str) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


def json_lines(*rows: Any) -> bytes:
    return lines(*map(json.dumps, rows))


def daily(count: int, *, gap: bool = False) -> list[str]:
    days = [f"2024-{1 + k // 28:02}-{1 + k % 28:02}" for k in range(count)]
    return days[:30] + days[33:] if gap else days


CONLLU = "\n".join(
    "".join(f"{n}\t{word}\t{word}\t{tag}\t_\t_\t0\troot\t_\t_\n" for n, (word, tag) in enumerate(row, 1))
    for row in [[("dogs", "NOUN"), ("run", "VERB")], [("a", "DET"), ("cat", "NOUN")], [("go", "VERB")]] * 2
).encode()
WAVES = {f"{n}.wav": _recording(text) for n, text in enumerate(SPOKEN)}

CASES: dict[str, tuple[str, Files, str, dict[str, Any]]] = {
    "texts with labels": (
        "classify",
        {"a.csv": lines("id,review,mood", *(f"{n},{t}!,{label}" for n, (t, label) in enumerate(REVIEWS)))},
        "a.csv",
        {"tokens": "review", "label": "mood", "tokenizer": {"rule": "words"}},
    ),
    "tokenised texts": (
        "classify",
        {"a.jsonl": json_lines(*({"text": t, "label": label} for t, label in REVIEWS))},
        "a.jsonl",
        {"tokens": "text", "label": "label"},
    ),
    "rows with labels": (
        "classify",
        {"a.jsonl": json_lines(*({"row": row, "label": n % 2} for n, row in enumerate(NUMBERS)))},
        "a.jsonl",
        {"vectors": "row", "label": "label"},
    ),
    "texts with numbers": (
        "regress",
        {"a.tsv": lines("text\tprice", "a big dog\t90", "a cat\t40.5", "small dog\t55", "one dog\t60")},
        "a.tsv",
        {"tokens": "text", "target": "price"},
    ),
    "rows with numbers": (
        "regress",
        {"a.jsonl": json_lines(*({"row": row, "sum": row[0][0]} for row in NUMBERS))},
        "a.jsonl",
        {"vectors": "row", "target": "sum"},
    ),
    "words with tags": (
        "tag",
        {"a.conll": _conll},
        "a.conll",
        {"train": "a.conll", "tokens": "token", "tags": "tag"},
    ),
    "words with tags in four columns": (
        "tag",
        {
            "a.txt": lines(
                "-DOCSTART- -X- O O",
                "",
                "EU NNP B O",
                "rejects VBZ I O",
                "",
                "Peter NNP B B-PER",
                "",
                "He PRP B O",
            )
        },
        "a.txt",
        {
            "train": {
                "path": "a.txt",
                "format": "conll",
                "names": ["token", "_", "_", "tag"],
                "comment": "-DOCSTART-",
            },
            "tokens": "token",
            "tags": "tag",
        },
    ),
    "treebank": (
        "tag",
        {"a.conllu": CONLLU},
        "a.conllu",
        {"tokens": "form", "tags": "upos", "scheme": "none"},
    ),
    "plain text": (
        "language_model",
        {"a.txt": lines(*TEXT * 4)},
        "a.txt",
        {"column": "text", "unit": "character"},
    ),
    "a column of texts": (
        "language_model",
        {"a.csv": lines("n,body", *(f"{n},{text}" for n, text in enumerate(TEXT * 4)))},
        "a.csv",
        {"column": "body"},
    ),
    "pairs": (
        "translate",
        {"a.tsv": lines("source\ttarget", *("\t".join(pair) for pair in REVERSED))},
        "a.tsv",
        {"source": "source", "target": "target"},
    ),
    "two files": (
        "translate",
        {
            "t.en": lines("a cat .", "dogs run", "so it is"),
            "t.de": lines("eine Katze .", "Hunde laufen", "so ist es"),
        },
        "t.{en,de}",
        {"train": "t.{en,de}"},
    ),
    "symbols": (
        "transduce",
        {"a.tsv": lines("input\toutput", *("\t".join(pair) for pair in MINIMA))},
        "a.tsv",
        {"source": "input", "target": "output", "unit": "character", "ratio": 2},
    ),
    "texts alone": ("autoencode", {"a.txt": lines(*TEXT)}, "a.txt", {"text": "text", "unit": "word"}),
    "rows alone": (
        "autoencode",
        {"a.jsonl": json_lines(*({"row": row} for row in NUMBERS))},
        "a.jsonl",
        {"vectors": "row"},
    ),
    "a table of recordings": (
        "transcribe",
        {
            "d/list.csv": lines("path,transcript", *(f"{n}.wav,{t}" for n, t in enumerate(SPOKEN))),
            **{f"d/{k}": v for k, v in WAVES.items()},
        },
        "d",
        {"train": "d/list.csv", "audio": "path", "text": "transcript", "sound": {"rate": 4000}},
    ),
    "recordings with texts beside them": (
        "transcribe",
        {
            f"d/{n}.{ending}": content
            for n, t in enumerate(SPOKEN)
            for ending, content in (("wav", _recording(t)), ("txt", t.encode()))
        },
        "d",
        {
            "train": {"path": "d", "format": "audio"},
            "audio": "audio",
            "text": "text",
            "sound": {"rate": 4000},
        },
    ),
    "days": (
        "forecast",
        {
            "a.csv": lines(
                "date,sales,shop", *(f"{day},{k % 7 + k / 10}," for k, day in enumerate(daily(120)))
            )
        },
        "a.csv",
        {"time": "date", "targets": ["sales"], "context": 24, "horizon": 6},
    ),
    "days with gaps": (
        "forecast",
        {"a.csv": lines("date,sales", *(f"{day},{k % 7}" for k, day in enumerate(daily(120, gap=True))))},
        "a.csv",
        {"gaps": "allow"},
    ),
    "several series": (
        "forecast",
        {
            "a.csv": lines(
                "shop,day,sales",
                *(f"{shop},{day},{k % 5}" for shop in ("north", "south") for k, day in enumerate(daily(80))),
            )
        },
        "a.csv",
        {"series": "shop", "time": "day", "targets": ["sales"]},
    ),
    "paths": (
        "trajectory",
        {
            "a.csv": lines(
                "frame,id,x,y", *(f"{k},{w},{w + k / 3},{k % 4}" for w in range(4) for k in range(40))
            )
        },
        "a.csv",
        {"x": "x", "y": "y", "time": "frame", "series": "id"},
    ),
    "pictures": (
        "caption",
        {
            "a.tsv": lines("image\tcaption", *(f"{n}.png\t{_caption(n)}" for n in range(6))),
            **{f"{n}.png": _picture(n) for n in range(6)},
        },
        "a.tsv",
        {"image": "image", "caption": "caption"},
    ),
    "several series of other sizes": (
        "forecast",
        {
            "a.csv": lines(
                "month,shop,sales",
                *(
                    f"{2010 + n // 12}-{n % 12 + 1:02},{shop},{'' if n == 40 else n % 12 + size}"
                    for n in range(96)
                    for shop, size in (("north", 20), ("south", 500))
                ),
            )
        },
        "a.csv",
        {
            "time": "month",
            "series": "shop",
            "targets": ["sales"],
            "incomplete": "previous",
            "scale": "series",
        },
    ),
    "a folder of labels": (
        "classify",
        {f"set/{label}/{n}.txt": f"{text}!".encode() for n, (text, label) in enumerate(REVIEWS)},
        "set",
        {"train": {"path": "set", "format": "labelled"}, "tokens": "text", "label": "label"},
    ),
    "tunes": (
        "language_model",
        {"a.abc": lines(*("X:1\nT:A tune\nK:G\nGABc|d2 e2|\n" for _ in range(40)))},
        "a.abc",
        {"column": "text", "unit": "character"},
    ),
    "a genome": (
        "language_model",
        {"a.fa": lines(">one chromosome", *["ACGTTGCA" * 8] * 20)},
        "a.fa",
        {"column": "sequence"},
    ),
    "measured series": (
        "classify",
        {
            "a.ts": lines(
                "@classLabel true x y", "@data", *(f"{n},2,3:1,{n}.5,2:{'xy'[n % 2]}" for n in range(20))
            )
        },
        "a.ts",
        {"vectors": "vectors", "label": "label"},
    ),
    "questions about pictures": (
        "answer",
        {
            "a.tsv": lines(
                "image\tquestion\tanswer", *(f"{n % 3}.png\tIs it {n // 3}?\t{n % 2}" for n in range(6))
            ),
            **{f"{n}.png": _picture(n) for n in range(3)},
        },
        "a.tsv",
        {"evidence": "picture", "image": "image", "question": "question", "answer": "answer"},
    ),
    "questions about stories": (
        "answer",
        {
            "a.jsonl": lines(
                *(
                    f'{{"said": ["Ann left.", "Bob ran."], "question": "Who ran {n}?", "answer": "b{n % 2}"}}'
                    for n in range(6)
                )
            )
        },
        "a.jsonl",
        {"evidence": "story", "story": "said", "unseen": "wrong"},
    ),
    "drawings": (
        "draw",
        {"a.npz": _arrays(sequences=_drawings()["train"], sequences_lengths=_drawings()["train_lengths"])},
        "a.npz",
        {"column": "vectors"},
    ),
    "music": (
        "compose",
        {"a.npz": _arrays(sequences=_rolls()["train"], sequences_lengths=_rolls()["train_lengths"])},
        "a.npz",
        {"column": "vectors"},
    ),
}
NEEDS = {"transcribe": ("soundfile",), "caption": ("PIL",), "answer": ("PIL",)}
TRAINED = ("texts with labels", "words with tags", "days", "a table of recordings", "plain text", "pairs")


@pytest.fixture
def new(call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    def write(name: str) -> Path:
        task, files, data, _ = CASES[name]
        for module in NEEDS.get(task, ()):
            pytest.importorskip(module, reason=f"{module} is not installed")
        monkeypatch.chdir(tmp_path)
        for file, content in files.items():
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_bytes(content if isinstance(content, bytes) else content())
        said = call("new", task, "my.toml", "--data", data)
        assert (said.code, said.out, said.error) == (0, ["my.toml"], [])
        return tmp_path / "my.toml"

    return write


def test_every_task_can_be_guessed() -> None:
    assert {task for task, *_ in CASES.values()} == set(GUESSES)
    assert set(GUESSES) <= set(TASKS)


@pytest.mark.parametrize("name", CASES)
def test_a_new_recipe_passes_check(call: Command, new: Callable[[str], Path], name: str) -> None:
    path = new(name)
    table = tomllib.loads(path.read_text())
    for key, value in CASES[name][3].items():
        assert table["data"][key] == value, key
    said = call("check", path)
    assert said.code == 0, said.error


@pytest.mark.parametrize("name", TRAINED)
def test_a_new_recipe_trains(call: Command, new: Callable[[str], Path], name: str) -> None:
    path = new(name)
    said = call("train", path, "--set", "train.steps=1", "--set", "train.tensorboard=false", "--quiet")
    assert said.code == 0, said.error
    assert Path("runs/my/model.safetensors").is_file()


@pytest.mark.parametrize(
    "name", ["texts with labels", "words with tags", "days", "pairs", "a table of recordings", "pictures"]
)
def test_every_other_key_stands_there_and_can_be_set(new: Callable[[str], Path], name: str) -> None:
    """A line with its # taken away is valid TOML, and means its default, or some value of the key's type."""
    text = new(name).read_text()
    task = CASES[name][0]
    comments = re.findall(r"^#([a-z_.]+ = .*)$", text, re.M)
    assert len(comments) > 20
    wrong = []
    for line in comments:
        one = text.replace(f"\n#{line}\n", f"\n{line}\n", 1)
        try:
            table = tomllib.loads(one)
            key = line.split(" = ")[0].split(".")[0]
            assert any(key in table[section] for section in ("data", "model", "train"))
            recipe_of(table, "r")
        except Exception as error:
            wrong.append((line, str(error)))
    assert len([w for w in wrong if not tied(w)]) == 0, wrong
    assert TASKS[task]


def tied(wrong: tuple[str, str]) -> bool:
    """Keys that say nothing by themselves: what they need is told."""
    return any(word in wrong[1] for word in ("expected", "needs", "compares", "leave_out names", "both"))


@pytest.mark.parametrize(
    ("task", "content", "said"),
    [
        ("classify", "a,b\n1,2\n3,4\n", "no column of"),
        ("classify", "text,other\na b,1.5\nc d,2.5\ne f,3.5\n", "no column of labels (two or more"),
        ("forecast", "a,b\nx,y\n", "no column of numbers found"),
        ("transcribe", "a,b\nx,y\nz,w\n", "no column of recordings found"),
        ("transduce", "source,target\nabc,ab\nab,abc\n", "lengths have no one ratio"),
        ("tga", "a,b\n1,2\n", "did you mean 'tag'?"),
        ("char-lm", "a,b\n1,2\n", "no task is called 'char-lm'"),
        ("language_model", "", "empty file"),
    ],
)
def test_data_that_shows_too_little_is_told(
    call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, content: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text(content)
    line = told(call("new", task, "my.toml", "--data", "a.csv"))
    assert said in line
    assert not Path("my.toml").exists()


def test_a_task_of_ones_own_is_told(call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    assert "a folder without a table or recordings" in told(call("new", "transcribe", "--data", "empty"))
    assert "no such file" in told(call("new", "tag", "--data", "gone.conll"))
