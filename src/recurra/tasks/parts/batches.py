"""Examples in batches: to train on, drawn anew each epoch, and to answer them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from recurra.data import Batches

T = TypeVar("T")
A = TypeVar("A")


class Epoch(Sequence[Any]):
    """`make(position)` for positions below `count`."""

    def __init__(self, count: int, make: Callable[[int], Any]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, position: Any) -> Any:
        if not isinstance(position, int):
            raise TypeError(f"a batch is had by its number, not by {position!r}")
        if not -self._count <= position < self._count:
            raise IndexError(f"batch {position} of {self._count}")
        return self._make(position % self._count)


def shuffled_batches(
    lengths: Sequence[int],
    size: int,
    make: Callable[[list[int]], Any],
    *,
    seed: int,
    epoch: int,
    rank: int,
    world: int,
) -> Epoch:
    """An epoch of training over examples of these lengths; see `recurra.data.Batches`.

    Args:
        make: the batch of the examples at these indices.
    """
    batches = Batches(lengths, batch_size=size, seed=seed, rank=rank, world=world)
    return Epoch(batches.count(epoch), lambda position: make(batches.item(epoch, position)))


def ordered_batches(lengths: Sequence[int], size: int) -> list[list[int]]:
    """The indices of all examples, longest first."""
    if not lengths:
        return []
    batches = Batches(lengths, batch_size=size, shuffle=False)
    return [batches.item(0, position) for position in range(batches.count(0))]


def answer_in_batches(
    items: Sequence[T],
    lengths: Sequence[int],
    size: int,
    answer: Callable[[list[T]], Iterable[A]],
) -> list[A]:
    """The answer to each item, in order; `answer` is asked for batches of `size`, longest first."""
    answers: dict[int, A] = {}
    for indices in ordered_batches(lengths, size):
        answers.update(zip(indices, answer([items[i] for i in indices]), strict=True))
    return [answers[i] for i in range(len(items))]


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Items as they come, `size` at a time."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
