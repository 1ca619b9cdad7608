"""How what a training step costs grows with steps, width, rows and vocabulary."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch.nn import functional as F

from recurra.bench.measure import medians
from recurra.cells import LSTM
from recurra.layers import Recurrent
from recurra.layers.attention import AdditiveAttention
from recurra.layers.inputs import TokenEmbedding
from recurra.layers.pooling import LastPool
from recurra.models import EncoderDecoder, LanguageModel
from recurra.models.decoders import AttentionDecoder
from recurra.ragged import Ragged


class Size(NamedTuple):
    """Of one training step: rows of a batch, steps of a row, hidden units, words of the vocabulary."""

    rows: int = 32
    steps: int = 50
    hidden: int = 128
    vocabulary: int = 4000


class Grown(NamedTuple):
    """One size of one kind of training.

    Attributes:
        kind: of training. axis: what was varied, a field of `Size`. size: of this measurement.
        seconds: of a step, forward and backward. exponent: seconds grow with this power of the axis since the
            size before; None for the first.
    """

    kind: str
    axis: str
    size: Size
    threads: int
    seconds: float
    exponent: float | None


AXES: dict[str, tuple[int, ...]] = {
    "steps": (25, 50, 100, 200),
    "hidden": (64, 128, 256, 512),
    "rows": (8, 32, 128),
    "vocabulary": (1000, 4000, 16000),
}
"""What is varied, the rest as `Size` has it."""


def measure_growth(threads: int, tell: Callable[[str], None]) -> Iterator[Grown]:
    """Every kind of training along every axis that it has."""
    for kind, (build, axes) in KINDS.items():
        for axis in axes:
            sizes = [Size()._replace(**{axis: value}) for value in AXES[axis]]
            tell(f"{threads} threads, {kind}: {axis} {', '.join(map(str, AXES[axis]))}")
            seconds = medians({str(getattr(size, axis)): build(size) for size in sizes})
            previous: tuple[int, float] | None = None
            for size in sizes:
                value, cost = getattr(size, axis), seconds[str(getattr(size, axis))]
                power = None
                if previous is not None:
                    power = math.log(cost / previous[1]) / math.log(value / previous[0])
                previous = value, cost
                yield Grown(kind, axis, size, threads, cost, power)


def growth_table(cases: list[Grown]) -> list[str]:
    """Markdown: a row for each kind and axis; milliseconds at each size, the power that they grow with."""
    lines = ["| a training step of | grows with | milliseconds | power |", "| --- | --- | --- | --- |"]
    groups: dict[tuple[str, str], list[Grown]] = {}
    for case in cases:
        groups.setdefault((case.kind, case.axis), []).append(case)
    for (kind, axis), group in groups.items():
        times = ", ".join(f"{getattr(case.size, axis):,}: {1e3 * case.seconds:.1f}" for case in group)
        first, last = group[0], group[-1]
        whole = math.log(last.seconds / first.seconds) / math.log(
            getattr(last.size, axis) / getattr(first.size, axis)
        )
        lines.append(f"| {kind} | {axis} | {times} | {whole:.2f} |")
    return lines


def _layer(size: Size) -> Callable[[], object]:
    layer = Recurrent(LSTM(size.hidden, size.hidden))
    x = torch.randn(size.rows, size.steps, size.hidden, requires_grad=True)

    def call() -> None:
        layer.zero_grad()
        torch.autograd.backward(layer(x)[0].sum())

    return call


def _language_model(size: Size) -> Callable[[], object]:
    words = TokenEmbedding(size.vocabulary, size.hidden)
    model = LanguageModel(words, Recurrent(LSTM(size.hidden, size.hidden)), size.vocabulary, tied=True)
    ids = _ids(size)

    def call() -> None:
        model.zero_grad()
        logits, _ = model(ids)
        torch.autograd.backward(F.cross_entropy(logits.data, ids.data))

    return call


def _translation(size: Size) -> Callable[[], object]:
    hidden = size.hidden
    source, target = (TokenEmbedding(size.vocabulary, hidden) for _ in range(2))
    decoder = AttentionDecoder(
        Recurrent(LSTM(hidden, hidden)), AdditiveAttention(hidden, hidden), hidden, hidden
    )
    encoder, pool = Recurrent(LSTM(hidden, hidden)), LastPool(hidden)
    model = EncoderDecoder(source, encoder, pool, target, decoder, size.vocabulary)
    ids = _ids(size)

    def call() -> None:
        model.zero_grad()
        torch.autograd.backward(F.cross_entropy(model(ids, ids).logits.data, ids.data))

    return call


def _ids(size: Size) -> Ragged:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(0, size.vocabulary, (size.rows, size.steps), generator=generator)
    return Ragged.from_list(list(rows))


KINDS: dict[str, tuple[Callable[[Size], Callable[[], object]], tuple[str, ...]]] = {
    "an LSTM layer": (_layer, ("steps", "hidden", "rows")),
    "a language model": (_language_model, tuple(AXES)),
    "an encoder-decoder with attention": (_translation, tuple(AXES)),
}
"""Kind of training -> what builds a step of it, and what it grows with."""
