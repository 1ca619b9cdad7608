"""Bad input gives one line: where, what was found, what was expected."""

from __future__ import annotations

import gzip
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.data import LabelSet, Vocabulary, check_lengths, columns, load_tokenizer, read
from recurra.errors import Fault

# file name, content, options, what the line says
GENBANK = b"""LOCUS       TINY 9 bp
FEATURES             Location/Qualifiers
     CDS             1..9
                     /codon_start=%b
                     /translation="MKV"
ORIGIN
        1 atgaaagta
//
"""
FILES: list[tuple[str, bytes, dict[str, Any], str]] = [
    ("e.txt", b"", {}, "e.txt: empty file"),
    ("e.csv", b" \n\n", {}, "e.csv: empty file"),
    ("e.npy", b"", {}, "e.npy: empty file"),
    ("e.parquet", b"", {}, "e.parquet: empty file"),
    ("e.csv.gz", gzip.compress(b"", mtime=0), {}, "e.csv.gz: empty file"),
    ("h.csv", b"a,b\n", {}, "h.csv: no example after the header line (a, b)"),
    ("r.csv", b"a,b\n1,2\n1,2,3\n", {}, "r.csv:3: 3 columns found, expected 2 (a, b)"),
    ("r.tsv", b"a\tb\n1\n", {}, "r.tsv:2: 1 columns found, expected 2 (a, b)"),
    ("q.csv", b'a\n1\n"x\n', {}, "q.csv:3: not a row of comma-separated values"),
    ("d.csv", b"a,a\n1,2\n", {}, "d.csv:1: column name 'a' found twice"),
    ("u.txt", b"ab\ncaf\xe9\n", {}, "u.txt:2: byte 6 (0xe9) is not utf-8"),
    ("u.txt", "ab".encode("utf-16"), {}, "perhaps encoding = 'utf-16'"),
    ("u.txt", b"x", {"encoding": "utf9"}, "no encoding is called 'utf9'"),
    ("u.txt", b"x", {"encoding": "hex"}, "no encoding is called 'hex'"),
    ("g.txt.gz", gzip.compress(b"abc" * 99, mtime=0)[:20], {}, "g.txt.gz: broken gzip file"),
    ("j.jsonl", b'{"a": 1}\n{"a": \n', {}, "j.jsonl:2: not JSON at character 7"),
    ("j.jsonl", b"[1]\n", {}, "j.jsonl:1: a JSON list found, expected an object"),
    ("j.jsonl", b"[" * 99_999, {}, "j.jsonl:1: JSON that can't be read"),
    ("c.conll", b"a N\nb N O\n", {}, "c.conll:2: 3 columns found, expected 2 (token, tag)"),
    ("c.conll", b"a N O\n", {}, "c.conll:1: 3 columns found: name them"),
    ("c.conll", b"#a\n\n", {"comment": "#"}, "c.conll: no sentence found"),
    ("w.conllu", b"1\ta\n", {}, "w.conllu:1: 2 columns found, expected the 10"),
    ("w.conllu", b"2" + b"\ta" * 9, {}, "w.conllu:1: word number '2' found, expected 1"),
    (
        "w.conllu",
        b"1\ta\ta\ta\ta\ta\t3\ta\ta\ta\n",
        {},
        "w.conllu:1: head '3' found, expected a word number from 0 to 1",
    ),
    ("t.trees", b"(a b)\n(a (b c)\n", {}, "t.trees:2: a bracket opened here is not closed"),
    ("t.trees", b"(a b))\n", {}, "t.trees:1: ')' found, expected '('"),
    ("t.trees", b"(a)\n", {}, "t.trees:1: a bracket with 'a' alone"),
    ("t.trees", b"(a b c)\n", {}, "t.trees:1: 'c' found, expected ')'"),
    ("t.trees", b"(a b (c d))\n", {}, "t.trees:1: a word ('b') and a tree"),
    *(
        ("g.gb", GENBANK % codon.encode(), {}, f"g.gb:3: /codon_start={codon[:9]}")
        for codon in ("one", "0", "-1", "4", "9" * 5000, "1.0", "٣")
    ),
    ("t.trees", b"(S (HYPH ) (NN loan))\n", {}, "t.trees:1: a bracket with 'HYPH' alone"),
    ("t.trees", b"()\n", {}, "t.trees:1: a bracket without label"),
    ("n.npz", b"PK\x03\x04broken", {}, "n.npz: not a complete NumPy file"),
    ("p.parquet", b"PAR1 cut", {}, "p.parquet: not a complete Parquet table"),
    ("x.pos", b"a\n", {}, "the ending '.pos' does not tell the format"),
    ("x.txt", b"a\n", {"format": "cvs"}, "no format is called 'cvs': did you mean 'csv'?"),
    (
        "x.txt",
        b"a\n",
        {"documents": True},
        "format 'text' has no option 'documents': did you mean 'document'?",
    ),
    ("x.txt", b"a\n", {"drop": {"text": ["a"]}}, "every example is dropped"),
]


@pytest.mark.parametrize(
    ("name", "content", "options", "line"), FILES, ids=[f"{f[0]}-{k}" for k, f in enumerate(FILES)]
)
def test_files(tmp_path: Path, name: str, content: bytes, options: dict[str, Any], line: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Fault) as caught:
        read(name, base=tmp_path, **options)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_object_arrays_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(Fault, match="plain numbers"):
        read(tmp_path / "o.npy")


def test_altered_files_are_read_or_told(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(24.0).reshape(8, 3), x_lengths=np.array([5, 3]))
    np.save(tmp_path / "b.npy", np.arange(24.0).reshape(2, 4, 3))
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(b"hello world\n" * 9))
    draw = random.Random(3)
    told = []
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        for _ in range(150):
            altered = bytearray(whole[: draw.choice([len(whole), draw.randrange(1, len(whole))])])
            altered[draw.randrange(len(altered))] = draw.randrange(256)
            path.write_bytes(altered)
            try:
                read(path)
            except Fault as fault:
                told.append((path.name, str(fault)))
    assert len(told) > 200
    assert all(name in line for name, line in told)


def test_missing_files(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("a\n")
    with pytest.raises(Fault, match=r"trian\.txt: no such file: did you mean 'train\.txt'\?"):
        read("trian.txt", base=tmp_path)
    with pytest.raises(Fault, match="nor is there a folder"):
        read("no/train.txt", base=tmp_path)
    with pytest.raises(Fault, match="is a folder"):
        read(tmp_path, format="text")
    with pytest.raises(
        Fault, match="no built-in data is called 'python_manul': did you mean 'python_manual'"
    ):
        read("builtin:python_manul")
    with pytest.raises(Fault, match="expected the key 'path' or 'builtin'"):
        read({"pth": "x"})
    with pytest.raises(Fault, match="no data given"):
        read([])


def test_files_read_together_must_agree(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    (tmp_path / "b.csv").write_text("b\n1\n")
    with pytest.raises(Fault, match=r"b\.csv: columns b differ from those of .*a\.csv: a"):
        read(["a.csv", "b.csv"], base=tmp_path)


def test_missing_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(Fault, match=r"needs pyarrow: install recurra\[data\]"):
        read(tmp_path / "p.parquet")


CELLS: list[tuple[str, Callable[..., Any], str]] = [
    ('{"x": NaN}', columns.numbers, "j.jsonl:1: column 'x': nan found, expected a finite number"),
    ('{"x": -Infinity}', columns.numbers, "j.jsonl:1: column 'x': -inf found"),
    ('{"x": 1e39}', columns.numbers, "j.jsonl:1: column 'x': 1e+39 found, expected a finite number"),
    ('{"x": "12a"}', columns.numbers, "j.jsonl:1: column 'x': '12a' found, expected a number"),
    ('{"x": true}', columns.numbers, "True found, expected a number"),
    ('{"x": [[1, 2], [3, NaN]]}', columns.vectors, "j.jsonl:1: column 'x': nan found at step 2, number 2"),
    ('{"x": [[1, 2], [3]]}', columns.vectors, "expected numbers: a list of rows of one length"),
    ('{"x": [[[1]]]}', columns.vectors, "nested 3 deep"),
    (
        '{"x": [[1, 2]]}\n{"x": [[1]]}',
        columns.vectors,
        "j.jsonl:2: column 'x': vectors of 1 numbers found, expected 2",
    ),
    ('{"x": null}', columns.text, "j.jsonl:1: column 'x': no value found"),
    ('{"x": 1}\n{"y": 1}', columns.numbers, "j.jsonl:2: column 'x': no value found"),
    ('{"x": 1}', columns.text, "1 found, expected text"),
    ('{"x": ""}', columns.labels, "'' found, expected a label"),
    ('{"x": 1.5}', columns.labels, "1.5 found, expected a label"),
    ('{"x": [1]}', columns.tokens, "[1] found, expected tokens"),
    ('{"xs": 1, "y": 2}', columns.text, "j.jsonl: no column 'x'; its columns are: xs, y: did you mean 'xs'?"),
]


@pytest.mark.parametrize(
    ("content", "convert", "line"), CELLS, ids=[f"{c[0][:20]}-{k}" for k, c in enumerate(CELLS)]
)
def test_entries(tmp_path: Path, content: str, convert: Callable[..., Any], line: str) -> None:
    (tmp_path / "j.jsonl").write_text(content)
    with pytest.raises(Fault) as caught:
        convert(read(tmp_path / "j.jsonl"), "x")
    assert line in str(caught.value)


def test_tags_and_tokens_must_match(tmp_path: Path) -> None:
    (tmp_path / "j.jsonl").write_text('{"t": "a b", "g": "O"}')
    with pytest.raises(
        Fault, match=r"j\.jsonl:1: column 'g' has 1 tags, expected 2, one for each token of 't'"
    ):
        columns.tags(read(tmp_path / "j.jsonl"), "g", like="t")


def test_unknown_tag_is_told_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("# c\na B-per\n\nb O\nc B-loc\n")
    (tmp_path / "b.conll").write_text("x O\ny B-pre\n")
    known = LabelSet.from_column(read(tmp_path / "a.conll", comment="#"), "tag", sequences=True)
    with pytest.raises(
        Fault, match=r"b\.conll:2: label 'B-pre' was not seen in training: did you mean 'B-per'\?"
    ):
        known.encode_tags(read(tmp_path / "b.conll"), "tag")


def test_label_seen_once_is_a_note_and_one_label_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("label\na\na\nb\n")
    found = LabelSet.from_column(read(path), "label")
    assert [str(note) for note in found.notes] == [
        f"{path}:4: label 'b' is seen only once in training: too little to learn it"
    ]
    path.write_text("label\na\na\n")
    with pytest.raises(Fault, match=r"a\.csv: column 'label': a set of one label \('a'\)"):
        LabelSet.from_column(read(path), "label")


def test_lengths(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one\n\ntwo two\n\n")
    examples = read(path)
    lengths = [len(t) for t in columns.tokens(examples, "text")]
    with pytest.raises(Fault, match=r"a\.txt:2: a sequence of length 0"):
        check_lengths(lengths, examples.places)
    kept, notes = check_lengths(lengths, examples.places, empty="skip")
    assert kept == [0, 2]
    assert [str(n) for n in notes] == [f"{path}:2: 2 sequences of length 0 dropped, this one first"]
    with pytest.raises(
        Fault, match=r"a\.txt:3: a sequence of 1000000 steps, expected at most 100000: cut it"
    ):
        check_lengths([1, 1, 10**6, 1], examples.places)
    assert check_lengths([10**6] * 4, examples.places, longest=None) == ([0, 1, 2, 3], [])
    with pytest.raises(Fault, match="nothing is left"):
        check_lengths([0] * 4, examples.places, empty="skip")


def test_vocabulary_of_one() -> None:
    with pytest.raises(Fault, match=r"a vocabulary of one token \('a'\) leaves nothing to learn"):
        Vocabulary.build(["aaa"])
    with pytest.raises(Fault, match="a vocabulary of no token"):
        Vocabulary.build([["a"], ["b"]], min_count=2)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('{"format": 1, "tok', "not a complete JSON file"),
        ('{"format": 2}', "format 2 found, this version reads up to 1: install a newer recurra"),
        ("{}", "format number None found"),
        ("[]", "a JSON list found, expected an object"),
        ('{"format": 1, "tokens": ["a", 1], "counts": [1, 1]}', "not a vocabulary"),
        ('{"format": 1, "tokens": ["a", "a"], "counts": [1, 1]}', "found 'a' twice"),
        ('{"format": 1, "tokens": ["a", "b"], "counts": [1]}', "2 tokens has 1 counts"),
        ('{"format": 1, "tokens": ["a", "b"], "counts": [1, 1], "end": "E"}', "special token 'E' is not in"),
    ],
)
def test_altered_vocabulary_file(tmp_path: Path, content: str, line: str) -> None:
    path = tmp_path / "v.json"
    path.write_text(content)
    with pytest.raises(Fault) as caught:
        Vocabulary.load(path)
    assert str(caught.value).startswith(str(path))
    assert line in str(caught.value)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('{"format": 1, "labels": ["a"], "counts": [1]}', "one label"),
        ('{"format": 1, "labels": ["a", "a"], "counts": [1, 1]}', "each label once"),
        ('{"format": 1, "labels": "ab", "counts": [1, 1]}', "not a label set"),
    ],
)
def test_altered_label_file(tmp_path: Path, content: str, line: str) -> None:
    (tmp_path / "l.json").write_text(content)
    with pytest.raises(Fault, match=rf"l\.json: .*{line}"):
        LabelSet.load(tmp_path / "l.json")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('{"model": {"type": "BPE"}}', "not a complete file of the tokenizers library"),
        (
            '{"format": 1, "kind": "wrd", "vocabulary": '
            '{"format": 1, "tokens": ["a", "b"], "counts": [1, 1]}}',
            "'wrd'",
        ),
        ('{"format": 1, "kind": "word"}', "'vocabulary' is missing"),
    ],
)
def test_altered_tokenizer_file(tmp_path: Path, content: str, line: str) -> None:
    pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(Fault) as caught:
        load_tokenizer(tmp_path / "t.json")
    assert line in str(caught.value)


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "v.json"
    old, new = Vocabulary.build(["ab"]), Vocabulary.build(["abc"])
    old.save(path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Fault, match=r"v\.json: can't be written: No space left on device"):
        new.save(path)
    assert Vocabulary.load(path) == old
    assert [p.name for p in tmp_path.iterdir()] == ["v.json"]
