"""The problems: what is shown, what is asked and when, drawn for rows of one length.

Sources: copy, repeat copy, associative recall, dynamic n-grams and priority sort of Graves et al. (2014,
section 4); adding and temporal order of Hochreiter and Schmidhuber (1997).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.tasks.algorithm.far_back import CLOSE, adding, temporal_order

_ORDER = 5  # bits before a bit that it depends on
_SORTED = 0.8  # share of the vectors that are asked for


class Rows(NamedTuple):
    """Rows of one length.

    Attributes:
        x: `[B, T, inputs]`.
        targets: `[B, T, outputs]`: bits, a number, or one class as its number; 0 where nothing is asked.
        mask: `[T]`, bool: the steps whose answers count.
    """

    x: Tensor
    targets: Tensor
    mask: Tensor


class Sizes(NamedTuple):
    """What a problem's rows are like, beside their length.

    Attributes:
        bits: of a vector.
        repeats: of `repeat_copy`: the fewest and the most.
        item: vectors of an item of `recall`.
    """

    bits: int
    repeats: tuple[int, int]
    item: int


Draw = Callable[[int, int, Sizes, torch.Generator], Rows]
"""(rows, length, sizes, generator) -> rows."""


@dataclass(frozen=True)
class Problem:
    """One problem.

    Attributes:
        draw: its rows.
        inputs, outputs: numbers of a step and of its answer.
        shortest: length of the shortest row.
        answer: what its answers are.
        unit: what a length counts.
        content: how many vectors of bits have to be remembered for a row of a length; None: no such number.
    """

    draw: Draw
    inputs: Callable[[Sizes], int]
    outputs: Callable[[Sizes], int]
    shortest: int
    answer: Literal["bits", "number", "class"]
    unit: str
    content: Callable[[int, Sizes], int] | None = None


def _bits(rows: int, length: int, bits: int, generator: torch.Generator) -> Tensor:
    return torch.randint(0, 2, (rows, length, bits), generator=generator).float()


def _last(steps: int, count: int) -> Tensor:
    return torch.arange(steps) >= steps - count


def copy(rows: int, length: int, sizes: Sizes, generator: torch.Generator) -> Rows:
    """A mark, vectors, a mark; then nothing is shown, and the vectors are asked for."""
    content = _bits(rows, length, sizes.bits, generator)
    steps = 2 * length + 2
    x = torch.zeros(rows, steps, sizes.bits + 2)
    x[:, 0, -2] = x[:, length + 1, -1] = 1.0
    x[:, 1 : length + 1, :-2] = content
    targets = torch.zeros(rows, steps, sizes.bits)
    targets[:, length + 2 :] = content
    return Rows(x, targets, _last(steps, length))


def repeat_copy(rows: int, length: int, sizes: Sizes, generator: torch.Generator) -> Rows:
    """A mark, vectors, one mark for each repeat; then the vectors are asked for so often, and a last bit that
    says that this is the end. Repeats are the same for all rows that are drawn together.

    Graves et al. show the count as one number, whose size outside of what was trained means nothing.
    """
    fewest, most = sizes.repeats
    repeats = int(torch.randint(fewest, most + 1, (1,), generator=generator))
    content = _bits(rows, length, sizes.bits, generator)
    first = 1 + length + repeats
    steps = first + repeats * length + 1
    x = torch.zeros(rows, steps, sizes.bits + 2)
    x[:, 0, -2] = 1.0
    x[:, 1 + length : first, -1] = 1.0
    x[:, 1 : 1 + length, :-2] = content
    targets = torch.zeros(rows, steps, sizes.bits + 1)
    targets[:, first:-1, :-1] = content.repeat(1, repeats, 1)
    targets[:, -1, -1] = 1.0
    return Rows(x, targets, _last(steps, repeats * length + 1))


def recall(rows: int, length: int, sizes: Sizes, generator: torch.Generator) -> Rows:
    """Items of several vectors, a mark before each; then one of them again between other marks, and the item
    that followed it is asked for.
    """
    item = sizes.item
    content = _bits(rows, length * item, sizes.bits, generator).view(rows, length, item, sizes.bits)
    query = torch.randint(0, length - 1, (rows,), generator=generator)
    every = torch.arange(rows)
    first = length * (item + 1)
    steps = first + 2 * item + 2
    x = torch.zeros(rows, steps, sizes.bits + 2)
    items = x[:, :first].view(rows, length, item + 1, sizes.bits + 2)
    items[:, :, 0, -2] = 1.0
    items[:, :, 1:, :-2] = content
    x[:, first, -1] = x[:, first + item + 1, -1] = 1.0
    x[:, first + 1 : first + item + 1, :-2] = content[every, query]
    targets = torch.zeros(rows, steps, sizes.bits)
    targets[:, -item:] = content[every, query + 1]
    return Rows(x, targets, _last(steps, item))


def ngrams(rows: int, length: int, sizes: Sizes, generator: torch.Generator) -> Rows:
    """A bit a step, likely or not by the five before it; the next one is asked for at each step from the
    fifth on. How likely is drawn for each row from Beta(1/2, 1/2), so that it has to be counted.
    """
    # of two squares of normals the share of one is Beta(1/2, 1/2)
    squares = torch.randn(2, rows, 2**_ORDER, generator=generator).square()
    chances = squares[0] / squares.sum(0).clamp(min=1e-30)
    bits = torch.randint(0, 2, (rows, _ORDER), generator=generator)
    weights = 2 ** torch.arange(_ORDER - 1, -1, -1)
    for _ in range(length - _ORDER):
        chance = chances.gather(1, (bits[:, -_ORDER:] * weights).sum(1, keepdim=True))
        bit = torch.rand(rows, 1, generator=generator) < chance
        bits = torch.cat([bits, bit.long()], 1)
    row = bits.float().unsqueeze(2)
    return Rows(row[:, :-1], row[:, 1:], torch.arange(length - 1) >= _ORDER - 1)


def bayes_bits(x: Tensor) -> Tensor:
    """What the best guess costs, in bits: `p = (N1 + 1/2) / (N0 + N1 + 1)` from the counts so far (Murphy).

    Args:
        x: `[B, T]`, zeros and ones.

    Returns:
        `[B]`: the sum over all bits but the first five.
    """
    rows, steps = x.shape
    counts = torch.zeros(rows, 2**_ORDER, 2, dtype=torch.float64)
    weights = 2 ** torch.arange(_ORDER - 1, -1, -1)
    every, cost = torch.arange(rows), torch.zeros(rows, dtype=torch.float64)
    bits = x.long()
    for t in range(_ORDER, steps):
        context = (bits[:, t - _ORDER : t] * weights).sum(1)
        own = counts[every, context]
        cost -= ((own[every, bits[:, t]] + 0.5) / (own.sum(1) + 1)).log2()
        counts[every, context, bits[:, t]] += 1
    return cost


def priority_sort(rows: int, length: int, sizes: Sizes, generator: torch.Generator) -> Rows:
    """Vectors with a priority from -1 to 1 each, a mark; then those of the highest priorities are asked for,
    the highest first, four of every five.
    """
    content = _bits(rows, length, sizes.bits, generator)
    priorities = 2 * torch.rand(rows, length, generator=generator) - 1
    count = max(1, int(_SORTED * length))
    steps = length + 1 + count
    x = torch.zeros(rows, steps, sizes.bits + 2)
    x[:, :length, :-2], x[:, :length, -2], x[:, length, -1] = content, priorities, 1.0
    order = priorities.argsort(1, descending=True)[:, :count]
    targets = torch.zeros(rows, steps, sizes.bits)
    targets[:, length + 1 :] = content[torch.arange(rows)[:, None], order]
    return Rows(x, targets, _last(steps, count))


def _at_the_end(draw: Callable[[int, int, torch.Generator], tuple[Tensor, Tensor]]) -> Draw:
    def of_rows(rows: int, length: int, sizes: Sizes, generator: torch.Generator) -> Rows:
        x, answers = draw(rows, length, generator)
        targets = torch.zeros(rows, length, 1)
        targets[:, -1, 0] = answers.float()
        return Rows(x, targets, _last(length, 1))

    return of_rows


PROBLEMS: dict[str, Problem] = {
    "copy": Problem(copy, lambda s: s.bits + 2, lambda s: s.bits, 1, "bits", "vectors", lambda n, s: n),
    "repeat_copy": Problem(
        repeat_copy, lambda s: s.bits + 2, lambda s: s.bits + 1, 1, "bits", "vectors", lambda n, s: n
    ),
    "recall": Problem(
        recall, lambda s: s.bits + 2, lambda s: s.bits, 2, "bits", "items", lambda n, s: n * s.item
    ),
    "ngrams": Problem(ngrams, lambda s: 1, lambda s: 1, _ORDER + 1, "bits", "bits"),
    "priority_sort": Problem(
        priority_sort, lambda s: s.bits + 2, lambda s: s.bits, 2, "bits", "vectors", lambda n, s: n
    ),
    "adding": Problem(_at_the_end(adding), lambda s: 2, lambda s: 1, 2, "number", "steps"),
    "temporal_order": Problem(_at_the_end(temporal_order), lambda s: 6, lambda s: 4, 10, "class", "steps"),
}
"""By the name that a recipe gives."""


def costs(problem: Problem, scores: Tensor, rows: Rows) -> Tensor:
    """The loss of each row, in nats or squares, a sum over the steps that are asked.

    Args:
        scores: `[B, T, outputs]`: logits, or the numbers themselves.
    """
    scores, targets = scores[:, rows.mask], rows.targets[:, rows.mask]
    if problem.answer == "bits":
        return F.binary_cross_entropy_with_logits(scores, targets, reduction="none").sum((1, 2))
    if problem.answer == "number":
        return (scores - targets).square().sum((1, 2))
    classes = targets[..., 0].long()
    return F.cross_entropy(scores.transpose(1, 2), classes, reduction="none").sum(1)


def wrong(problem: Problem, scores: Tensor, rows: Rows) -> Tensor:
    """How many bits of each row, or answers, are wrong: `[B]`."""
    scores, targets = scores[:, rows.mask], rows.targets[:, rows.mask]
    if problem.answer == "bits":
        return ((scores > 0) != (targets > 0.5)).sum((1, 2))
    if problem.answer == "number":
        return ((scores - targets).abs() >= CLOSE).sum((1, 2))
    return (scores.argmax(-1) != targets[..., 0].long()).sum(1)
