"""The native trainer against the same equations written in NumPy, where chance has no say: windows of one
word are never shortened, and with a huge exponent every negative is the most frequent word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

_vectors = pytest.importorskip("recurra.vectors._vectors", reason="the word-vector trainer is not built here")

Matrix = NDArray[np.float64]
BATCH = 16
RATE = 0.05
COUNTS = np.array([90, 40, 30, 20, 10, 6, 5, 5, 3, 1], np.int64)


def sentences(seed: int) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [random.integers(0, len(COUNTS), size=n).tolist() for n in (1, 2, 9, 30, 23)]


def start(dimensions: int) -> tuple[Matrix, Matrix]:
    random = np.random.default_rng(dimensions)
    shape = (len(COUNTS), dimensions)
    return random.normal(size=shape) / dimensions**0.5, random.normal(size=shape) / dimensions**0.5


def native(folder: Path, x: Matrix, y: Matrix, **plan: Any) -> tuple[Matrix, Matrix]:
    numbers = [n for s in sentences(3) for n in [*s, -1]]
    np.array(numbers, np.int32).tofile(folder / "numbers")
    vectors, output = x.astype(np.float32), y.astype(np.float32)
    trainer = _vectors.Trainer(
        vectors,
        output,
        COUNTS,
        str(folder / "numbers"),
        np.array([0, len(numbers)]),
        0,
        **{
            "window": 1,
            "sample": 0.0,
            "exponent": 100.0,
            "rate": RATE,
            "last_rate": 0.0,
            "epochs": 1,
            "seed": 1,
        }
        | plan,
    )
    trainer.start(1, 1)
    trainer.wait()
    assert trainer.done == 1
    assert trainer.take_loss() > 0
    return vectors.astype(float), output.astype(float)


def windows() -> list[tuple[int, list[int], int]]:
    """(centre, context, position) with windows of one word, over all sentences."""
    found = []
    for s in sentences(3):
        for k, centre in enumerate(s):
            found.append((centre, s[max(0, k - 1) : k] + s[k + 1 : k + 2], len(found)))
    return found


def pull(label: float, x: Matrix, y: Matrix) -> float:
    return float(RATE * (label - 1 / (1 + np.exp(-x @ y))))


def path(word: int) -> list[tuple[int, float]]:
    parent, code = _vectors.huffman(COUNTS)
    found, node = [], word
    while parent[node] >= 0:
        found.append((int(parent[node]) - len(COUNTS), 1.0 - code[node]))
        node = parent[node]
    return found


@pytest.mark.parametrize("dimensions", [1, 3, 16, 17, 100, 130, 300])
@pytest.mark.parametrize("negatives", [1, 5])
def test_skipgram_with_negatives(tmp_path: Path, dimensions: int, negatives: int) -> None:
    x, y = start(dimensions)
    got = native(tmp_path, x, y, skipgram=True, negatives=negatives)
    all_windows = windows()
    for k in range(0, len(all_windows), BATCH):
        dx, dy = np.zeros_like(x), np.zeros_like(y)
        for centre, context, _ in all_windows[k : k + BATCH]:
            for target in context:
                pairs = [(target, 1.0, 1.0)] + [(0, 0.0, float(negatives))] * (target != 0)
                for word, label, weight in pairs:
                    g = weight * pull(label, x[centre], y[word])
                    dx[centre] += g * y[word]
                    dy[word] += g * x[centre]
        x, y = x + dx, y + dy
    np.testing.assert_allclose(got[0], x, atol=3e-5)
    np.testing.assert_allclose(got[1], y, atol=3e-5)


@pytest.mark.parametrize("dimensions", [1, 3, 16, 17, 100, 130, 300])
def test_cbow_with_negatives(tmp_path: Path, dimensions: int) -> None:
    x, y = start(dimensions)
    got = native(tmp_path, x, y, skipgram=False, negatives=5)
    all_windows = windows()
    for k in range(0, len(all_windows), BATCH):
        dx, dy = np.zeros_like(x), np.zeros_like(y)
        batch = all_windows[k : k + BATCH]
        held = y.copy()  # a positive is added at once, and seen by the next centre of the batch
        for centre, context, _ in batch:
            if not context:
                continue
            mean = x[context].mean(axis=0)
            g = pull(1.0, mean, held[centre])
            step = g * held[centre]
            held[centre] += g * mean
            if centre != 0:
                g = 5 * pull(0.0, mean, y[0])
                step = step + g * y[0]
                dy[0] += g * mean
            for word in context:
                dx[word] += step
        x, y = x + dx, held + dy
    np.testing.assert_allclose(got[0], x, atol=3e-5)
    np.testing.assert_allclose(got[1], y, atol=3e-5)


@pytest.mark.parametrize("skipgram", [True, False])
@pytest.mark.parametrize("dimensions", [1, 17, 100, 130])
def test_hierarchical_softmax(tmp_path: Path, skipgram: bool, dimensions: int) -> None:
    x, y = start(dimensions)
    got = native(tmp_path, x, y, skipgram=skipgram, negatives=0)
    for centre, context, _ in windows():
        if not context:
            continue
        inputs = x[context] if skipgram else x[context].mean(axis=0, keepdims=True)
        steps, dy = np.zeros_like(inputs), np.zeros_like(y)
        for node, label in path(centre):
            for step, row in zip(steps, inputs, strict=True):
                g = pull(label, row, y[node])
                step += g * y[node]
                dy[node] += g * row
        for k, word in enumerate(context):
            x[word] += steps[k if skipgram else 0]
        y += dy
    np.testing.assert_allclose(got[0], x, atol=3e-5)
    np.testing.assert_allclose(got[1], y, atol=3e-5)


def test_huffman_tree_is_the_shortest_code() -> None:
    parent, _ = _vectors.huffman(COUNTS)
    assert (parent == -1).sum() == 1
    length = sum(int(count) * len(path(word)) for word, count in enumerate(COUNTS))
    # The total of the merged weights, merging the two lightest until one is left.
    heap, total = sorted(COUNTS.tolist()), 0
    while len(heap) > 1:
        merged = heap.pop(0) + heap.pop(0)
        total += merged
        heap = sorted([*heap, merged])
    assert length == total


@pytest.mark.parametrize(
    ("window", "negatives", "rate"), [(20, 5, 0.025), (10, 15, 0.05), (5, 5, 0.2), (40, 40, 0.025)]
)
@pytest.mark.parametrize("skipgram", [True, False])
def test_large_windows_and_rates_do_not_diverge(
    tmp_path: Path, window: int, negatives: int, rate: float, skipgram: bool
) -> None:
    random = np.random.default_rng(0)
    numbers = random.integers(0, 200, size=20_000).astype(np.int32)
    numbers.tofile(tmp_path / "numbers")
    vectors = ((random.random((200, 32)) - 0.5) / 32).astype(np.float32)
    output = np.zeros_like(vectors)
    trainer = _vectors.Trainer(
        vectors,
        output,
        np.full(200, 100, np.int64),
        str(tmp_path / "numbers"),
        np.array([0, 10_000, 20_000]),
        0,
        skipgram=skipgram,
        window=window,
        negatives=negatives,
        sample=0.0,
        exponent=0.75,
        rate=rate,
        last_rate=0.0,
        epochs=3,
        seed=1,
    )
    trainer.start(1, 6)
    trainer.wait()
    # One pair and its negatives, knowing nothing: log 2 each.
    assert trainer.take_loss() < 1.5 * (negatives + 1) * np.log(2)
    assert np.abs(vectors).max() < 20
