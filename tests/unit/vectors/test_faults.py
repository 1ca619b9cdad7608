"""Bad input of the word vectors: one clear line each, and nothing half-written."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import vectors
from recurra.errors import Fault
from recurra.vectors import Options, Start, WordVectors

native = pytest.importorskip("recurra.vectors._vectors", reason="the word-vector trainer is not built here")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "the corpus holds no words"),
        (b"  \n \n", "the corpus holds no words"),
        (b"word", r"none of 1 different words comes 5 times or more; lower min_count"),
        (b"word " * 9, "holds one word, 'word', of 1 in the corpus, expected two"),
        (b"one two three\n" * 4, "none of 3 different words comes 5 times"),
        (b"some text\n" + b"\0\1\2" * 9, "text: byte 10 is 0: binary data, expected text"),
        (b"caf\xe9 tea\n", r"text: byte 3 \(0xe9\) is not utf-8 .*: name the encoding, or set errors"),
        (gzip.compress(b"a b c\n" * 999, mtime=0)[:30], "text: cannot be read: Compressed file ended"),
        (b"\x28\xb5\x2f\xfd....", "text: compressed by zstd, expected plain text"),
    ],
)
def test_corpus(tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / "text").write_bytes(text)
    with pytest.raises(Fault, match=message):
        vectors.train(tmp_path / "text", tmp_path / "run", threads=2)
    assert not (tmp_path / "run").exists()


def test_wrong_byte_is_told_by_its_place_in_the_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recurra.vectors.corpus.PIECE", 1000)
    (tmp_path / "text").write_bytes(b"plain words\n" * 500 + b"bad \xff byte\n")
    with pytest.raises(Fault, match=r"byte 6,004 \(0xff\)"):
        vectors.train(tmp_path / "text", tmp_path / "run", threads=2)


def test_a_word_without_end(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"short words\n" + b"x" * 5_000_000)
    with pytest.raises(
        Fault, match="text: a word of more than .* bytes at byte 12, expected text with white"
    ):
        vectors.train(tmp_path / "text", tmp_path / "run", threads=1)


def test_one_line_of_many_bytes_is_read(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"one two three four " * 400_000)
    options = Options(dimensions=4, epochs=1, sample=1e-6)
    assert vectors.train(tmp_path / "text", tmp_path / "run", options, threads=1).words == 1_600_000


def test_no_such_corpus(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="nowhere: no such file or folder"):
        vectors.train(tmp_path / "nowhere", tmp_path / "run")
    with pytest.raises(Fault, match="a folder without files"):
        vectors.train(tmp_path, tmp_path / "run")
    with pytest.raises(Fault, match="no corpus given"):
        vectors.train([], tmp_path / "run")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"algorithm": "glove"}, "found 'glove', expected 'skip-gram' or 'cbow'"),
        ({"dimensions": 0}, "dimensions: found 0, expected 1 to"),
        ({"window": 0}, "window: found 0"),
        ({"negatives": -1}, "negatives: found -1"),
        ({"rate": float("nan")}, "rate: found nan"),
        ({"rate": 0.01, "last_rate": 0.02}, "last_rate 0.02: expected"),
        ({"encoding": "utf-9"}, "'utf-9' is unknown"),
        ({"encoding": "utf-16"}, "convert the corpus to UTF-8 first"),
        ({"errors": "ignore"}, "expected 'stop' or 'replace'"),
    ],
)
def test_options(given: dict[str, Any], message: str) -> None:
    with pytest.raises(Fault, match=message):
        Options(**given)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "text").write_bytes(b"one two three four\n" * 50)
    vectors.train(tmp_path / "text", tmp_path / "run", Options(dimensions=4, epochs=1), threads=1)
    return tmp_path / "run"


def test_an_existing_run_is_not_overwritten(run: Path) -> None:
    with pytest.raises(Fault, match="holds a run already"):
        vectors.train(run.parent / "text", run)


def test_run_cut_short_or_altered(run: Path) -> None:
    whole = (run / "vectors.safetensors").read_bytes()
    (run / "vectors.safetensors").write_bytes(whole[:-4])
    with pytest.raises(Fault, match="not a complete safetensors file"):
        vectors.load(run)
    (run / "vectors.safetensors").write_bytes(whole)
    words = (run / "vocabulary.tsv").read_text().splitlines(keepends=True)
    (run / "vocabulary.tsv").write_text("".join(words[:-1]))
    with pytest.raises(Fault, match="vocabulary.tsv: does not belong to vectors.safetensors"):
        vectors.load(run)
    (run / "vocabulary.tsv").write_text("one 50\n")
    with pytest.raises(Fault, match="line 1: expected a word, a tab and a count"):
        vectors.load(run)
    settings = json.loads((run / "vectors.json").read_text())
    (run / "vectors.json").write_text(json.dumps(settings | {"format": 99}))
    with pytest.raises(Fault, match="format 99 found, this version reads up to 1"):
        vectors.resume(run)
    (run / "vectors.json").write_text("{")
    with pytest.raises(Fault, match="damaged"):
        vectors.resume(run)
    (run / "vectors.json").unlink()
    with pytest.raises(Fault, match="expected a folder written by"):
        vectors.resume(run)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a line with the number of words"),
        (b"word 0.1 0.2\n", "expected a line with the number of words"),
        (b"3 2\na 1 2\nb 3 4\n", "cut short: the header says 3 words, found 2"),
        (b"1 2\na 1 2\nb 3 4\n", "the header says 1 words, but more follows"),
        (b"2 2\na 1 2\nb 3\n", "line 3: expected a word and 2 numbers"),
        (b"2 2\na 1 2\nb 3 x\n", "line 3: expected a word and 2 numbers"),
        (b"a 1 2\nb 3\nc 4 5\n", "line 2: expected a word and 2 numbers"),
        (b"one 1 x\ntwo 3 4\n", "expected a line with the number of words"),
        (b"PK\3\4\x14\0", "a zip archive found, expected word vectors .*: unpack it first"),
        (b"\x80\4\x95\0", "a Python pickle found"),
        (b"\xba\x16\x4f\x2f\x0c\0", "a fastText model found"),
        ("2 2\na 1 2\nb 3 4\n".encode("utf-16"), "byte order mark of utf-16"),
        (b"2 2\n" + b"x" * 3_000_000, "word 1 has more than 65,536 bytes"),
        (b"2 2\na 1 2\nb 3 nan\n", "the vector of 'b' is not finite"),
        (b"999999999999 300\na 1 2\n", "only 6 bytes follow"),
        (b"0 5\n", "expected at least one"),
        (
            b"2 2\na " + np.float32([1, 2]).tobytes() + b"\nb 123",
            "cut short: the header says 2 words, found 1",
        ),
        (b"1 2\n\xff\xff " + np.float32([1, 2]).tobytes() + b"\n", "word 1 is not UTF-8"),
    ],
)
def test_vectors_file(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(Fault, match=message):
        vectors.load(tmp_path / "v")


def rows(*lines: str, header: bool) -> bytes:
    return "".join(f"{line}\n" for line in ((f"{len(lines)} 2", *lines) if header else lines)).encode()


CHANGES = {
    "as it is": lambda content: content,
    "tabs": lambda content: content.replace(b" 1 ", b"\t1\t"),
    "several blanks": lambda content: content.replace(b" 1 ", b"  1 "),
    "trailing blanks": lambda content: content.replace(b"\n", b" \n"),
    "carriage returns": lambda content: content.replace(b"\n", b"\r\n"),
    "byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "no last line end": lambda content: content.removesuffix(b"\n"),
    "empty last lines": lambda content: content + b"\n\n",
    "packed": gzip.compress,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("header", [True, False])
def test_rows_are_read_however_they_are_written(tmp_path: Path, header: bool, change: str) -> None:
    lines = ("größe 1 2.5", ". . . 1 -2", "1990 1 3", "2 1/2 1 4", "a\u2028b\xa0c\x85 1 5", "nan 1 6")
    (tmp_path / "v").write_bytes(CHANGES[change](rows(*lines, header=header)))
    words = vectors.load(tmp_path / "v")
    assert words.words == ["größe", ". . .", "1990", "2 1/2", "a\u2028b\xa0c\x85", "nan"]
    assert words.matrix.tolist() == [[1, second] for second in (2.5, -2, 3, 4, 5, 6)]
    assert words.notes == ()


@pytest.mark.parametrize("header", [True, False])
def test_of_a_word_that_comes_twice_the_first_row_counts(tmp_path: Path, header: bool) -> None:
    (tmp_path / "v").write_bytes(rows("a 1 2", "b 3 4", "a 5 6", "a 7 8", "b 9 9", "c 1 1", header=header))
    words = vectors.load(tmp_path / "v")
    assert words.words == ["a", "b", "c"]
    assert words.matrix.tolist() == [[1, 2], [3, 4], [1, 1]]
    assert words.notes == (
        f"{tmp_path / 'v'}: the word 'a' and 2 more found twice: the first of its rows is taken",
    )


@pytest.mark.parametrize("binary", [True, False])
def test_words_cut_within_a_character(tmp_path: Path, binary: bool) -> None:
    names = ["中文".encode()[:-1], "中国".encode(), "中时".encode()[:-1], "中时".encode()[:-1]]
    numbers = [np.float32([k, k]) for k in range(4)]
    ends = [row.tobytes() if binary else b"%d %d" % tuple(row.astype(int)) for row in numbers]
    (tmp_path / "v").write_bytes(
        b"4 2\n" + b"".join(b"%b %b\n" % row for row in zip(names, ends, strict=True))
    )
    with pytest.raises(Fault, match=r"word 1 is not UTF-8: .* set errors to 'replace' \(--errors replace\)"):
        vectors.load(tmp_path / "v")
    words = vectors.load(tmp_path / "v", errors="replace")
    assert words.words == ["中\ufffd", "中国", "中\\xe6\\x97"]
    assert words.matrix[:, 0].tolist() == [0, 1, 2]


def test_a_word_the_format_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="'a b' has white space"):
        vectors.write_word2vec(WordVectors(["a b"], np.ones((1, 2), np.float32)), tmp_path / "v", binary=True)
    assert not list(tmp_path.iterdir())


def test_corpus_numbers_lost_on_the_way(run: Path, tmp_path: Path) -> None:
    def lose(start: Start) -> None:
        (tmp_path / "other" / "corpus.0.numbers").unlink()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vectors.train(tmp_path / "text", tmp_path / "other", Options(dimensions=4), threads=1, on_start=lose)
    with pytest.raises(Fault, match="corpus.0.numbers: is gone, and the run cannot go on"):
        vectors.resume(tmp_path / "other")


def test_a_full_disk_leaves_no_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> None:
        (tmp_path / "run" / "corpus.0.numbers").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys.modules["recurra.vectors.train"], "write_numbers", full)
    (tmp_path / "text").write_bytes(b"one two three four\n" * 50)
    with pytest.raises(Fault, match="run: cannot be written: .*No space left"):
        vectors.train(tmp_path / "text", tmp_path / "run", threads=1)
    assert not list((tmp_path / "run").iterdir())


@pytest.mark.parametrize("form", ["binary", "text", "glove", "fasttext"])
@pytest.mark.parametrize("limit", [None, 1, 3, 99])
@pytest.mark.parametrize("words", [None, set(), {"b", "c"}, {"d", "nowhere"}])
def test_some_words_are_those_of_all(
    tmp_path: Path, form: str, limit: int | None, words: set[str] | None
) -> None:
    everything = WordVectors(["a", "b", "c", "d"], np.arange(12, dtype=np.float32).reshape(4, 3))
    path = tmp_path / "v"
    vectors.write_word2vec(everything, path, binary=form == "binary")
    if form == "glove":
        path.write_bytes(path.read_bytes().partition(b"\n")[2])
    elif form == "fasttext":  # a blank ends each of its lines
        path.write_bytes(path.read_bytes().replace(b"\n", b" \n"))
    few = vectors.load(path, limit=limit, words=words)
    expected = [word for word in everything.words[:limit] if words is None or word in words]
    assert few.words == expected
    assert few.matrix.tolist() == [everything[word].tolist() for word in expected]
    assert few.matrix.shape[1] == 3


def test_some_words_of_a_run(run: Path) -> None:
    whole = vectors.load(run)
    few = vectors.load(run, limit=3, words={whole.words[1], whole.words[3]})
    assert few.words == [whole.words[1]]
    assert few.matrix.tolist() == [whole[whole.words[1]].tolist()]


def test_a_limit_is_a_number_of_rows(tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(b"a 1 2\nb 1 2\n")
    with pytest.raises(Fault, match="limit: found 0, expected at least 1 row"):
        vectors.load(tmp_path / "v", limit=0)
