"""Asking word vectors: neighbours, analogies, gaps, tests, the map; and the interchange formats."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from recurra import vectors
from recurra.errors import Fault
from recurra.vectors import Options, WordVectors

# On a circle, by degrees; "none" is the zero vector.
DEGREES = {"man": 0, "woman": 30, "king": 60, "queen": 90, "dog": 180, "King": 200}


@pytest.fixture
def held() -> WordVectors:
    angle = np.deg2rad(list(DEGREES.values()))
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1) * [[3.0]]
    return WordVectors([*DEGREES, "none"], np.vstack([circle, [[0.0, 0.0]]]).astype(np.float32))


def test_neighbours(held: WordVectors) -> None:
    assert held.similarity("man", "king") == pytest.approx(0.5)
    assert held.nearest("man", 2) == [
        ("woman", pytest.approx(np.cos(np.pi / 6))),
        ("king", pytest.approx(0.5)),
    ]
    assert [word for word, _ in held.nearest(["man", "king"], 1)] == ["woman"]
    assert len(held.nearest("man", 100)) == len(held) - 1
    assert held.similarity("man", "none") == 0
    assert held.analogy("man", "woman", "king", 1)[0][0] == "queen"
    np.testing.assert_allclose(held["dog"], [-3, 0], atol=1e-6)


def test_unknown_word_names_those_spelled_alike(held: WordVectors) -> None:
    with pytest.raises(Fault, match="'quen' is not among the 7 known: did you mean queen"):
        held.nearest("quen")
    with pytest.raises(Fault, match="n: found 0"):
        held.nearest("man", 0)
    with pytest.raises(Fault, match="no word given"):
        held.nearest([])


def test_analogies(held: WordVectors, tmp_path: Path) -> None:
    questions = tmp_path / "questions"
    questions.write_text(
        ": family\nMan WOMAN king queen\nman woman king dog\nman woman king princess\n: other\na b c d\n"
    )
    sections = vectors.analogies(held, questions)
    assert [(s.section, s.right, s.asked, s.unknown) for s in sections] == [
        ("family", 1, 2, 1),
        ("other", 0, 0, 1),
        ("all", 1, 2, 2),
    ]
    assert sections[0].accuracy == 0.5
    questions.write_text(": family\none two three four\n")
    with pytest.raises(Fault, match="none of 1 questions has all its words among the 7 known"):
        vectors.analogies(held, questions)
    questions.write_text(": family\none two three\n")
    with pytest.raises(Fault, match="line 2: found 3 words, expected four"):
        vectors.analogies(held, questions)


def test_word_similarity(held: WordVectors, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs"
    pairs.write_text(
        "# made up\nWord 1\tWord 2\tHuman\nman\twoman\t9\nman\tKING\t5\nman\tdog\t5\nman\tcat\t1\n"
    )
    got = vectors.word_similarity(held, pairs)
    assert (got.pairs, got.unknown) == (3, 1)
    # Ranks 3, 2, 1 against 3, 1.5, 1.5.
    assert got.spearman == pytest.approx(1.5 / np.sqrt(2 * 1.5))
    pairs.write_text("word1\tword2\tPOS\tSimLex999\nman\twoman\tN\t9\nman\tking\tN\t5\nman\tdog\tN\t1\n")
    assert vectors.word_similarity(held, pairs).spearman == pytest.approx(1)
    pairs.write_text("man,woman,9\nman,king\n")
    with pytest.raises(Fault, match="line 2: expected two words and a score"):
        vectors.word_similarity(held, pairs)
    pairs.write_text("a b 1\nc d 2\n")
    with pytest.raises(Fault, match="0 of 2 pairs have both words among"):
        vectors.word_similarity(held, pairs)


@pytest.mark.parametrize("negatives", [0, 5])
def test_suggest(tmp_path: Path, negatives: int) -> None:
    pytest.importorskip("recurra.vectors._vectors", reason="the word-vector trainer is not built here")
    (tmp_path / "text").write_text("a cat drinks milk now\na bee makes honey now\n" * 3000)
    options = Options("cbow", dimensions=10, window=2, negatives=negatives, sample=0, rate=0.1)
    vectors.train(tmp_path / "text", tmp_path / "run", options, threads=1)
    found = vectors.suggest(tmp_path / "run", "cat drinks _ now", 8)
    assert found[0][0] == "milk"
    assert len(found) == 8
    assert sum(chance for _, chance in found) == pytest.approx(1)
    assert vectors.suggest(tmp_path / "run", "bee makes _ now", 1)[0][0] == "honey"
    with pytest.raises(Fault, match="found 0 gaps, expected one"):
        vectors.suggest(tmp_path / "run", "a cat")
    with pytest.raises(Fault, match="no word near the gap is in the vocabulary"):
        vectors.suggest(tmp_path / "run", "unheard _ of")
    vectors.train(tmp_path / "text", tmp_path / "other", Options(dimensions=4, epochs=1), threads=1)
    with pytest.raises(Fault, match="trained as skip-gram, expected a CBOW run"):
        vectors.suggest(tmp_path / "other", "a _")


def test_map(held: WordVectors, tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    vectors.plot(held, tmp_path / "map.png", words=6)
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    vectors.plot(held, tmp_path / "map.svg", words=5, skip=1)
    with pytest.raises(Fault, match="found the ending '.doc'"):
        vectors.plot(held, tmp_path / "map.doc")
    with pytest.raises(Fault, match="2 are left, expected three or more"):
        vectors.plot(held, tmp_path / "map.png", skip=5)


@pytest.mark.parametrize("binary", [False, True])
def test_interchange_with_gensim(tmp_path: Path, binary: bool) -> None:
    models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    matrix = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
    mine = WordVectors(["größe", *(f"w{k}" for k in range(49))], matrix)
    vectors.write_word2vec(mine, tmp_path / "mine", binary=binary)
    theirs = models.KeyedVectors.load_word2vec_format(str(tmp_path / "mine"), binary=binary)
    assert theirs.index_to_key == mine.words
    assert (theirs.vectors == matrix).all()
    theirs.save_word2vec_format(str(tmp_path / "theirs"), binary=binary)
    again = vectors.load(tmp_path / "theirs")
    assert again.words == mine.words
    assert (again.matrix == matrix).all()
    (tmp_path / "zipped").write_bytes(gzip.compress((tmp_path / "mine").read_bytes()))
    assert (vectors.load(tmp_path / "zipped").matrix == matrix).all()
