"""A tiny example of every reader. The census fails where a registered one has none: a new reader is under all
laws of readers by one entry here.
"""

from __future__ import annotations

import gzip
import importlib
import io
import struct
import tarfile
import wave
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from recurra.data.midi import to_midi

Change = Callable[[bytes], bytes]
Files = dict[str, bytes]


class Sample(NamedTuple):
    """Files of a format.

    Attributes:
        files: name -> bytes; every text in them goes through the change that it is given.
        path: what the reader is given. options: its own.
        examples: how many it finds. columns: their names.
        escapes: law -> why it does not apply.
        extra: a module without which there is nothing to test.
    """

    files: Callable[[Change], Files]
    path: str
    examples: int
    columns: Sequence[str]
    options: Mapping[str, Any] = {}
    escapes: Mapping[str, str] = {}
    extra: str | None = None


def _text(name: str, content: str) -> Callable[[Change], Files]:
    return lambda change: {name: change(content.encode())}


def _two_texts(change: Change) -> Files:
    return {"a.de": change("größer\nzwei\n".encode()), "a.en": change(b"bigger\ntwo\n")}


def _arrays(change: Change) -> Files:
    file = io.BytesIO()
    np.savez(file, rows=np.arange(6.0).reshape(3, 2), rows_lengths=np.array([1, 2]), label=np.array([0, 1]))
    return {"rows.npz": file.getvalue()}


def _one_array(change: Change) -> Files:
    file = io.BytesIO()
    np.save(file, np.arange(12.0).reshape(2, 3, 2))
    return {"rows.npy": file.getvalue()}


def _idx(change: Change) -> Files:
    """Two pictures of three rows and two columns, and their labels beside them."""
    pictures = struct.pack(">HBB3I", 0, 8, 3, 2, 3, 2) + bytes(range(12))
    return {
        "train-images-idx3-ubyte": pictures,
        "train-labels-idx1-ubyte": struct.pack(">HBBI", 0, 8, 1, 2) + b"\3\1",
    }


def _parquet(change: Change) -> Files:
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    file = io.BytesIO()
    parquet.write_table(arrow.table({"text": ["one", "zwei"], "label": ["a", None]}), file)
    return {"rows.parquet": file.getvalue()}


def _sound() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 4000, 0, "NONE", ""))
        sound.writeframes(np.arange(-20, 20, dtype="<i2").tobytes())
    return file.getvalue()


def _recording(change: Change) -> Files:
    return {"said.wav": _sound(), "said.txt": change("größer\n".encode())}


def _recordings(change: Change) -> Files:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name in ("one", "two"):
            packed.writestr(f"said/{name}.wav", _sound())
            packed.writestr(f"said/{name}.txt", change(f"{name}\n".encode()))
    return {"said.zip": file.getvalue()}


def _packed(files: Files) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as packed:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return file.getvalue()


def _questions(change: Change) -> Files:
    questions = b'[["what shape is in the image?", "circle", 0],\n ["is there a red shape?", "yes", 0]]\n'
    files = {"train/questions.json": change(questions), "train/images/0.png": b"PNG"}
    return {"easy.tar": _packed(files)}


def _folders(change: Change) -> Files:
    files = {"texts/good/a.txt": change("größer\n".encode()), "texts/bad/b.txt": change(b"no\nnever\n")}
    return {"texts.tar": _packed({**files, "texts/README.txt": b"about"})}


def _piece(change: Change) -> Files:
    roll = torch.zeros(4, 88)
    roll[0:2, 39] = roll[1:4, 43] = 1
    return {"a.mid": to_midi(roll)}


def _formulas(change: Change) -> Files:
    return {"logic.tar": _packed({"train0": change(b"<\ta\tb\n"), "train1": change(b"=\t( not b )\ta\n")})}


def _stories(change: Change) -> Files:
    return {"babi.tar": _packed({"en/qa1_x_train.txt": change(STORIES.encode()), "en/qa1_x_test.txt": b""})}


def _sentences(change: Change) -> Files:
    return {
        "qa.tsv": change("s:9:1:0\t0\t7\t0\t0\tWho is größer?\t0 2\t8:0\n".encode()),
        "sentences.tsv": change(b"s:9:1:0\tAnn and Bob\n"),
    }


def _digits(change: Change) -> Files:
    """One recording of each digit."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for digit in range(10):
            packed.writestr(f"{digit}_ann_7.wav", _sound())
    return {"digits.zip": file.getvalue()}


STORIES = """1 Ann is in Köln.
2 Where is Ann? \tKöln\t1
3 Ann went home.
4 Where is Ann? \thome\t1 3
1 Bob left.
2 Is Bob here? \tno\t1
"""
SQUAD = """{"data": [{"title": "Köln", "paragraphs": [{"context": "Der Dom ist groß.", "qas":
[{"id": "1", "question": "Was?", "answers": [{"text": "Dom", "answer_start": 4}]}]}]}]}
"""
NUMBERS_ALONE = dict.fromkeys(
    (
        "carriage returns",
        "carriage returns doubled",
        "byte order mark",
        "a mark at every line",
        "no last line end",
    ),
    "the format has no lines of text",
)

GENBANK = """LOCUS       TINY 15 bp
FEATURES             Location/Qualifiers
     CDS             complement(1..9)
                     /gene="abc"
                     /translation="MKV"
     CDS             join(1..3,
                     7..9)
                     /translation="L
                     K"
ORIGIN
        1 tacttttaca aaaaa
//
"""
CONLLU = """# text = vámonos
1-2\tvámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tvamos\tir\tVERB\t_\t_\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_

1\tSí\tsí\tINTJ\t_\t_\t_\t_\t_\t_
"""

READERS: dict[str, Sample] = {
    "text": Sample(_text("a.txt", "größer\n\nzwei drei\n"), "a.txt", 3, ["text"]),
    "text as one document": Sample(
        _text("a.txt", "größer\n\nzwei\n"), "a.txt", 1, ["text"], {"document": True}
    ),
    "text with stray carriage returns": Sample(
        _text("a.txt", "größer \r als\u2028alle\n\n\x0czwei\x85drei\n"), "a.txt", 3, ["text"]
    ),
    "csv": Sample(
        _text("a.csv", 'text,label\n"größer, ""so""",yes\nzwei,no\n'), "a.csv", 2, ["text", "label"]
    ),
    "tsv": Sample(_text("a.tsv", 'text\tlabel\n"größer\tyes\nzwei\tno\n'), "a.tsv", 2, ["text", "label"]),
    "jsonl": Sample(
        _text("a.jsonl", '{"text": "größer", "row": [1, 2.5]}\n\n{"text": null}\n'),
        "a.jsonl",
        2,
        ["text", "row"],
    ),
    "parquet": Sample(_parquet, "rows.parquet", 2, ["text", "label"], {}, NUMBERS_ALONE, "pyarrow.parquet"),
    "conll": Sample(_text("a.conll", "größer ADJ\nals SCONJ\n\nzwei NUM\n"), "a.conll", 2, ["token", "tag"]),
    "conllu": Sample(
        _text("a.conllu", CONLLU),
        "a.conllu",
        2,
        ["form", "lemma", "upos", "xpos", "feats", "deprel", "head"],
    ),
    "trees": Sample(
        _text("a.trees", "(3 (2 größer) (4 (2 als) (2 zwei)))\n(1\n (1 nein))\n"),
        "a.trees",
        2,
        ["tokens", "label", "tree"],
    ),
    "trees in empty brackets": Sample(
        _text("a.mrg", "( (S\n  (NP (NN größer))\n  (VP (-LRB- -LRB-) (VB is)))\n)\n( (S (UH no)) (. .) )\n"),
        "a.mrg",
        2,
        ["tokens", "label", "tree"],
    ),
    "brackets": Sample(
        _text(
            "a.brackets",
            "(ROOT (NP-SBJ (NN größer) (-LRB- -LRB-) (NP (-NONE- *T*))))\n(ROOT\n  (INTJ (UH no)) (. .))\n",
        ),
        "a.brackets",
        2,
        ["tokens", "tags", "tree", "brackets", "text", "linearised"],
    ),
    "numpy": Sample(
        _arrays,
        "rows.npz",
        2,
        ["vectors", "target"],
        {"sequences": "rows", "targets": "label"},
        NUMBERS_ALONE,
    ),
    "numpy of one array": Sample(_one_array, "rows.npy", 2, ["vectors"], {}, NUMBERS_ALONE),
    "numbers": Sample(
        _text("a.data", "1,2,3,4,größer\n5,6,7,8,b\n"), "a.data", 2, ["vectors", "label"], {"features": 2}
    ),
    "idx": Sample(_idx, "train-images-idx3-ubyte", 2, ["vectors", "label"], {"divisor": 255}, NUMBERS_ALONE),
    "parallel": Sample(_two_texts, "a.{de,en}", 2, ["source", "target"]),
    "dialogues": Sample(
        _text("a.yml", "conversations:\n- - Hallo!\n  - Größer?\n  - Ja.\n- - one\n"),
        "a.yml",
        2,
        ["source", "target"],
        extra="yaml",
    ),
    "genbank": Sample(_text("a.gb", GENBANK), "a.gb", 2, ["gene", "dna", "protein"]),
    "reading_frames": Sample(_text("a.gb", GENBANK), "a.gb", 2, ["bases", "frames"], {"length": 7}),
    "audio": Sample(_recording, "said.wav", 1, ["audio", "file", "text"], extra="soundfile"),
    "audio in an archive": Sample(_recordings, "said.zip", 2, ["audio", "file", "text"], extra="soundfile"),
    "trees without labels": Sample(
        _text("a.trees", "( größer ( als zwei ) )\n( ( nein )\n nein )\n"),
        "a.trees",
        2,
        ["tokens", "label", "tree"],
        {"node_labels": False},
    ),
    "prop_logic": Sample(
        _formulas, "logic.tar", 2, ["relation", "first", "second", "operators"], {"operators": [0, 1]}
    ),
    "fasta": Sample(
        _text("a.fa", ">one größer\nacgt\nNNa\n\n>two\nAC\n"),
        "a.fa",
        2,
        ["name", "description", "sequence"],
        {"alphabet": "dna"},
    ),
    "fasta in pieces": Sample(
        _text("a.faa", "; a comment\n>one\nMKV\nLAGG*\n"),
        "a.faa",
        3,
        ["name", "description", "sequence"],
        {"alphabet": "protein", "piece": 3},
    ),
    "midi": Sample(_piece, "a.mid", 1, ["vectors", "file"], {}, NUMBERS_ALONE, "mido"),
    "abc": Sample(
        _text("a.abc", "a book\n\nX:1\nT:Größer\nK:G\nGABc|d4|]\n\nX:2\nK:D\nDEFG|A4|]\n"),
        "a.abc",
        2,
        ["text", "number", "title", "key", "metre", "rhythm"],
    ),
    "ts": Sample(
        _text("a.ts", "# größer\n@classLabel true a größer\n@data\n1,2:3,4:a\n5,6,?:7,8,9:größer\n"),
        "a.ts",
        2,
        ["vectors", "label"],
        {"incomplete": "linear"},
    ),
    "labelled": Sample(_folders, "texts.tar", 2, ["text", "label", "file"]),
    "easy_vqa": Sample(_questions, "easy.tar", 1, ["image", "caption"]),
    "easy_vqa as questions": Sample(
        _questions, "easy.tar", 2, ["image", "question", "answer", "number"], {"questions": True}
    ),
    "spoken_digits": Sample(
        _digits,
        "digits.zip",
        5,
        ["audio", "question", "answer", "kind", "digits", "story", "speaker"],
        {"count": 5},
        NUMBERS_ALONE,
        "soundfile",
    ),
    "babi": Sample(
        _text("qa1_x_train.txt", STORIES),
        "qa1_x_train.txt",
        3,
        ["story", "question", "answer", "support", "task", "number"],
    ),
    "babi in an archive": Sample(
        _stories, "babi.tar", 3, ["story", "question", "answer", "support", "task", "number"], {"task": 1}
    ),
    "squad": Sample(
        _text("a.json", SQUAD), "a.json", 1, ["passage", "question", "answers", "spans", "title", "id"]
    ),
    "qamr": Sample(
        _sentences,
        "qa.tsv",
        1,
        ["passage", "question", "answers", "spans", "title", "id"],
        {"sentences": "sentences.tsv"},
    ),
}
"""Name -> example; the first word is the registered name."""


def gzipped(files: Files) -> Files:
    """Every file packed, its name saying so."""
    return {f"{name}.gz": gzip.compress(content) for name, content in files.items()}
