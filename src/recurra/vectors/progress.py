"""What training tells while it goes on."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Start:
    """Told once, before the matrices are made. ``words``: of the corpus, an epoch; ``memory``: bytes."""

    words: int
    vocabulary: int
    memory: int
    threads: int


@dataclass(frozen=True, slots=True)
class Progress:
    """``done``: share of all epochs; ``loss``: of a pair and its negatives, of late; NaN before the first."""

    done: float
    words_per_second: float
    loss: float
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it. ``seconds_read``: writing the corpus as numbers; ``seconds``: training itself.

    ``words_per_second`` counts every word of the corpus, rare and dropped ones too, once an epoch, over the
    sum of both times.
    """

    words: int
    vocabulary: int
    seconds_count: float
    seconds_read: float
    seconds: float
    words_per_second: float
    loss: float


class Meter:
    """Turns shares of the work into rates, from where this process began."""

    def __init__(self, words: int, start: float) -> None:
        self.words, self.start, self.since, self.loss = words, start, time.perf_counter(), math.nan

    def look(self, done: float, loss: float) -> Progress:
        if not math.isnan(loss):
            self.loss = loss if math.isnan(self.loss) else 0.9 * self.loss + 0.1 * loss
        seconds = time.perf_counter() - self.since
        share = done - self.start
        left = seconds * (1 - done) / share if share > 0 else math.inf
        return Progress(done, self.words * share / seconds if seconds > 0 else 0.0, self.loss, left)
