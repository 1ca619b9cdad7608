"""Training from files to a run folder: repeatable, resumable, the same however the corpus is stored."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recurra import vectors
from recurra.vectors import Options, Progress, Start
from recurra.vectors.corpus import pieces
from recurra.vectors.memory import memory_needed

pytest.importorskip("recurra.vectors._vectors", reason="the word-vector trainer is not built here")

TOPICS = 8
SMALL = Options(dimensions=20, min_count=1, epochs=3, rate=0.05)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences of one topic each: t3w5 is word 5 of topic 3; "the" and "of" come everywhere."""
    random = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("corpus") / "topics.txt"
    with path.open("w") as file:
        for _ in range(6000):
            topic = random.integers(TOPICS)
            words = [f"t{topic}w{k}" for k in random.integers(12, size=9)]
            file.write(" ".join(["the", *words[:4], "of", *words[4:]]) + "\n")
    return path


def same(a: Path, b: Path) -> bool:
    return (a / "vectors.safetensors").read_bytes() == (b / "vectors.safetensors").read_bytes()


@pytest.mark.parametrize("algorithm", ["skip-gram", "cbow"])
@pytest.mark.parametrize("negatives", [0, 5])
@pytest.mark.parametrize("threads", [1, 3])
def test_words_of_a_topic_come_together(
    corpus: Path, tmp_path: Path, algorithm: str, negatives: int, threads: int
) -> None:
    options = Options(algorithm, negatives=negatives, dimensions=20, rate=0.05, epochs=4)  # type: ignore[arg-type]
    report = vectors.train(corpus, tmp_path / "run", options, threads=threads)
    assert report.words == 6000 * 11
    assert report.vocabulary == TOPICS * 12 + 2
    held = vectors.load(tmp_path / "run")
    near = [w for t in range(TOPICS) for w, _ in held.nearest(f"t{t}w0", 5) if w.startswith(f"t{t}")]
    assert len(near) > 0.9 * TOPICS * 5
    assert np.isfinite(held.matrix).all()


@pytest.mark.parametrize("algorithm", ["skip-gram", "cbow"])
@pytest.mark.parametrize("negatives", [0, 5])
def test_one_thread_repeats_bit_for_bit(corpus: Path, tmp_path: Path, algorithm: str, negatives: int) -> None:
    options = Options(algorithm, negatives=negatives, dimensions=20, epochs=1)  # type: ignore[arg-type]
    for name in ("a", "b"):
        vectors.train(corpus, tmp_path / name, options, threads=1)
    assert same(tmp_path / "a", tmp_path / "b")
    other = Options(algorithm, negatives=negatives, dimensions=20, epochs=1, seed=2)  # type: ignore[arg-type]
    vectors.train(corpus, tmp_path / "c", other, threads=1)
    assert not same(tmp_path / "a", tmp_path / "c")


def test_interrupted_and_resumed_ends_where_the_unbroken_run_ends(corpus: Path, tmp_path: Path) -> None:
    options = Options(dimensions=64, epochs=12, min_count=1)
    vectors.train(corpus, tmp_path / "whole", options, threads=1)

    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vectors.train(corpus, tmp_path / "broken", options, threads=1, on_progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        vectors.resume(tmp_path / "broken", threads=1, on_progress=interrupt)
    assert not same(tmp_path / "whole", tmp_path / "broken")
    vectors.resume(tmp_path / "broken", threads=1)
    assert same(tmp_path / "whole", tmp_path / "broken")
    assert sorted(p.name for p in (tmp_path / "broken").iterdir()) == [
        "vectors.json",
        "vectors.safetensors",
        "vocabulary.tsv",
    ]
    with pytest.raises(vectors.vectors.Fault, match="complete, there is nothing to resume"):
        vectors.resume(tmp_path / "broken")


def test_saving_on_the_way_changes_nothing(corpus: Path, tmp_path: Path) -> None:
    vectors.train(corpus, tmp_path / "a", SMALL, threads=1)
    vectors.train(corpus, tmp_path / "b", SMALL, threads=1, save_every=0.0)
    assert same(tmp_path / "a", tmp_path / "b")


def test_killed_before_the_first_save_resumes_from_the_start(corpus: Path, tmp_path: Path) -> None:
    vectors.train(corpus, tmp_path / "whole", SMALL, threads=1)

    def stop(start: Start) -> None:
        assert start.memory == memory_needed(start.vocabulary, SMALL, 1)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        vectors.train(corpus, tmp_path / "broken", SMALL, threads=1, on_start=stop)
    vectors.resume(tmp_path / "broken", threads=1)
    assert same(tmp_path / "whole", tmp_path / "broken")


@pytest.mark.parametrize(
    ("ending", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)]
)
def test_compressed_files_and_folders_are_read_as_the_plain_text(
    corpus: Path, tmp_path: Path, ending: str, compress: Callable[[bytes], bytes]
) -> None:
    vectors.train(corpus, tmp_path / "plain", SMALL, threads=1)
    lines = corpus.read_bytes().splitlines(keepends=True)
    folder = tmp_path / "parts" / "deep"
    folder.mkdir(parents=True)
    (folder / "1.txt").write_bytes(b"".join(lines[:2000]))
    (folder / f"2.{ending}").write_bytes(compress(b"".join(lines[2000:])))
    (folder / ".hidden").write_bytes(b"\0")
    vectors.train(tmp_path / "parts", tmp_path / "cut", SMALL, threads=1)
    assert same(tmp_path / "plain", tmp_path / "cut")


def test_pieces_join_to_the_text_and_end_with_whole_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recurra.vectors.corpus.PIECE", 50)
    monkeypatch.setattr("recurra.vectors.corpus.LONGEST", 50)
    texts = [b"one two three\n" * 30, b"a line that never ends " * 20, b"", b"last"]
    files = []
    for k, text in enumerate(texts):
        files.append(tmp_path / str(k))
        files[-1].write_bytes(text)
    found = list(pieces(files))
    for path, text in zip(files, texts, strict=True):
        mine = [p for p in found if p.path == path]
        assert b"".join(p.text for p in mine) == text
        assert [p.ends for p in mine] == [False] * (len(mine) - 1) + [True]
        assert all(p.text[-1:] in b"\n " for p in mine[:-1])
        assert [p.offset for p in mine] == [sum(len(q.text) for q in mine[:k]) for k in range(len(mine))]
    shared = [p for rank in range(3) for p in pieces(files, rank, 3)]
    assert sorted((p.path, p.offset, p.text) for p in shared) == [(p.path, p.offset, p.text) for p in found]


def test_phrases_are_joined(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    with (tmp_path / "text").open("w") as file:
        for _ in range(3000):
            words = [f"w{k}" for k in random.integers(50, size=8)]
            file.write(" ".join([*words[:4], "new", "york", "city", *words[4:]]) + "\n")
    options = Options(dimensions=8, epochs=1, sample=0, phrases=2, phrase_threshold=5)
    report = vectors.train(tmp_path / "text", tmp_path / "run", options, threads=1)
    held = vectors.load(tmp_path / "run")
    assert "new_york_city" in held
    assert not {"new", "york", "city", "new_york"} & set(held.words)
    assert report.words == 3000 * 11


def test_lower_case_and_other_encodings(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes("Größe größe Haus\n".encode("latin-1") * 10)
    options = Options(dimensions=4, epochs=1, lower=True, encoding="latin-1")
    vectors.train(tmp_path / "text", tmp_path / "run", options, threads=1)
    assert vectors.load(tmp_path / "run").words == ["größe", "haus"]


def test_wrong_bytes_are_replaced_if_so_set(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"caf\xe9 tea\n" * 10)
    vectors.train(
        tmp_path / "text", tmp_path / "run", Options(dimensions=4, epochs=1, errors="replace"), threads=1
    )
    assert vectors.load(tmp_path / "run").words == ["caf\N{REPLACEMENT CHARACTER}", "tea"]


@pytest.mark.parametrize("level", ["v2", "v3"])
def test_lesser_processors_learn_the_same(corpus: Path, tmp_path: Path, level: str) -> None:
    """On another architecture the variable has no effect, and the results are simply equal."""
    options = Options(dimensions=50, epochs=1)
    vectors.train(corpus, tmp_path / "here", options, threads=1)
    code = """
import sys
from recurra import vectors
vectors.train(*sys.argv[1:], vectors.Options(dimensions=50, epochs=1), threads=1)
"""
    command = [sys.executable, "-c", code, str(corpus), str(tmp_path / "there")]
    subprocess.run(command, check=True, env=os.environ | {"RECURRA_LEVEL": level})
    here, there = vectors.load(tmp_path / "here"), vectors.load(tmp_path / "there")
    np.testing.assert_allclose(here.matrix, there.matrix, atol=1e-3)


def test_ranks_share_the_corpus_and_agree(corpus: Path, tmp_path: Path) -> None:
    """Two processes, cut into small pieces so that each has some; both end with the mean of the two."""
    code = """
import sys
import numpy as np, torch, torch.distributed as dist
from recurra import vectors
from recurra.vectors import corpus, folder
corpus.PIECE = 20_000
rank, text, run, meet = int(sys.argv[1]), *sys.argv[2:]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{meet}", rank=rank, world_size=2)
report = vectors.train(
    text, run, vectors.Options(dimensions=20, rate=0.05, epochs=8), threads=1, average_every=40_000
)
assert report.words == 66_000 and report.vocabulary == 98, report
dist.destroy_process_group()
"""
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                code,
                str(rank),
                str(corpus),
                str(tmp_path / "run"),
                str(tmp_path / "meet"),
            ]
        )
        for rank in range(2)
    ]
    assert [process.wait(120) for process in processes] == [0, 0]
    held = vectors.load(tmp_path / "run")
    near = [w for t in range(TOPICS) for w, _ in held.nearest(f"t{t}w0", 5) if w.startswith(f"t{t}")]
    assert len(near) > 0.9 * TOPICS * 5
