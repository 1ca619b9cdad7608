"""Word vectors of real text: a floor under their quality, far below what is reached, far above chance."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra import vectors
from recurra.vectors import Options

pytest.importorskip("recurra.vectors._vectors", reason="the word-vector trainer is not built here")


@pytest.mark.data
@pytest.mark.parametrize(
    ("algorithm", "negatives", "spearman", "accuracy"),
    [("skip-gram", 5, 0.25, 0.04), ("cbow", 5, 0.12, 0.025), ("skip-gram", 0, 0.25, 0.06)],
)
def test_wikitext(
    shared_data: Path, tmp_path: Path, algorithm: str, negatives: int, spearman: float, accuracy: float
) -> None:
    options = Options(algorithm, negatives=negatives)  # type: ignore[arg-type]
    report = vectors.train(shared_data / "wikitext2" / "train.txt.gz", tmp_path / "run", options, threads=2)
    assert report.words == 2_051_910
    held = vectors.load(tmp_path / "run")
    pairs = vectors.word_similarity(held, shared_data / "word_similarity" / "wordsim353.tsv")
    assert pairs.pairs + pairs.unknown == 353
    assert pairs.spearman > spearman
    total = vectors.analogies(held, shared_data / "word_similarity" / "questions-words.txt")[-1]
    assert total.asked + total.unknown == 19_544
    assert total.accuracy > accuracy
