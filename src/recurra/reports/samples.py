"""Examples of a run's data, answered: as many as a report needs, within a time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from recurra.tasks.base import AT_ONCE, Example, Task, spaced
from recurra.tasks.parts.batches import chunks

MOST_EXAMPLES = 1024
SECONDS = 20.0
"""That answering goes on for: examples beyond are left out, and that is told."""


class Reply(NamedTuple):
    """One example, its answer, and how wrong that is; None where it can't be said."""

    example: Example
    answer: Mapping[str, Any]
    mistake: float | None


class Answers(NamedTuple):
    """Examples that were answered.

    Attributes:
        rows: in the order of the data. total: how many examples there are. seconds: that answering took.
    """

    rows: Sequence[Reply]
    total: int
    seconds: float

    def best(self, count: int) -> list[Reply]:
        """Some that are right, or the least wrong ones where none is."""
        graded = self._graded()
        right = [each for each in graded if not each.mistake]
        return spaced(right, count) if right else graded[:count]

    def worst(self, count: int) -> list[Reply]:
        """The ones that are most wrong."""
        return [each for each in reversed(self._graded()) if each.mistake][:count]

    def _graded(self) -> list[Reply]:
        return sorted(
            (each for each in self.rows if each.mistake is not None), key=lambda each: each.mistake or 0
        )


def answer_examples(task: Task, data: str | None = None) -> Answers:
    """Answers to evenly spaced examples of what `evaluate(data)` measures.

    Raises:
        Fault: there are none to be had.
    """
    examples = task.examples(data)
    selection = spaced(examples, MOST_EXAMPLES)
    # in two halves of every other one, and so on: a time limit then leaves out examples from everywhere
    order = sorted(range(len(selection)), key=lambda k: f"{k:010b}"[::-1])
    rows: dict[int, Reply] = {}
    start = time.perf_counter()
    for chunk in chunks(order, AT_ONCE):
        some = [selection[k] for k in chunk]
        for k, example, answer in zip(chunk, some, task.answers([each.row for each in some]), strict=True):
            mistake = None if example.truth is None else task.mistake(answer, example.truth)
            rows[k] = Reply(example, answer, mistake)
        if time.perf_counter() - start > SECONDS:
            break
    return Answers([rows[k] for k in sorted(rows)], len(examples), time.perf_counter() - start)
