"""One run of the native trainer: watching it, saving it, averaging it over ranks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault
from recurra.vectors.folder import Position, Settings, write_matrices
from recurra.vectors.native import native
from recurra.vectors.progress import Meter, Progress
from recurra.vectors.ranks import average, rank_and_world
from recurra.vectors.vocabulary import chunk_starts

LOOK = 0.02
"""Seconds between two looks at the trainer."""


class Session:
    """Trains ``vectors`` and ``output``, float32 [V, D], in place, from ``position`` on."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        counts: NDArray[np.int64],
        numbers: Path,
        vectors: NDArray[np.float32],
        output: NDArray[np.float32],
        position: Position,
    ) -> None:
        options = settings.options
        self.folder, self.settings, self.numbers = folder, settings, numbers
        self.vectors, self.output, self.position = vectors, output, position
        self.rank, self.world = rank_and_world()
        starts = chunk_starts(numbers)
        if len(starts) < 2:
            raise Fault(
                f"{numbers}: this rank's share of the corpus is empty: use fewer processes or more text"
            )
        self.chunks = (len(starts) - 1) * options.epochs
        self.trainer = native().Trainer(
            vectors,
            output,
            counts,
            str(numbers),
            starts,
            position.chunk,
            skipgram=options.algorithm == "skip-gram",
            window=options.window,
            negatives=options.negatives,
            sample=options.sample,
            exponent=options.exponent,
            rate=options.rate,
            last_rate=options.last_rate,
            epochs=options.epochs,
            seed=options.seed + (self.rank << 32),
        )

    @property
    def progress(self) -> float:
        """Share of all epochs, 0 to 1."""
        return float(self.trainer.progress)

    def run(
        self, threads: int, watch: Callable[[Progress], object] | None, save_every: float, average_every: int
    ) -> tuple[float, float]:
        """Trains to the end and saves. Returns the seconds it took, saving left out, and the last loss."""
        words = self.settings.words * self.settings.options.epochs
        rounds = math.ceil(words / self.world / average_every) if self.world > 1 else 1
        meter = Meter(words, self.progress)
        begin = saved = time.perf_counter()
        saving = 0.0
        while self.position.round < rounds:
            until = self.chunks * (self.position.round + 1) // rounds
            ended = self._work(threads, until, meter, watch, saved + save_every)
            if ended:
                self._average()
                self.position = Position(self.position.round + 1, until, False)
            if self.position.round < rounds and (not ended or time.perf_counter() - saved > save_every):
                start = time.perf_counter()
                self._save()
                saved = time.perf_counter()
                saving += saved - start
        seconds = time.perf_counter() - begin - saving
        last = meter.look(1.0, self.trainer.take_loss())
        if watch:
            watch(last)
        self.position = Position(rounds, self.chunks, True)
        self._save()
        self.numbers.unlink()
        return seconds, last.loss

    def _work(
        self,
        threads: int,
        until: int,
        meter: Meter,
        watch: Callable[[Progress], object] | None,
        save_at: float,
    ) -> bool:
        """Trains up to the chunk ``until``; False where it stopped before, to be saved."""
        self.trainer.start(threads, until)
        try:
            while self.trainer.running:
                time.sleep(LOOK)
                if watch:
                    watch(meter.look(self.progress, self.trainer.take_loss()))
                if self.world == 1 and time.perf_counter() > save_at:
                    self.trainer.stop()
        except BaseException:
            self.trainer.stop()
            self.trainer.wait()
            if self.world == 1:
                self.position = Position(self.position.round, self.trainer.done, False)
                self._save()
            raise
        try:
            self.trainer.wait()
        except RuntimeError as error:
            raise Fault(f"{self.folder}: its corpus cannot be read on: {error}") from None
        if self.trainer.done < until:
            self.position = Position(self.position.round, self.trainer.done, False)
            return False
        return True

    def _average(self) -> None:
        if self.world > 1:
            average(self.vectors)
            average(self.output)

    def _save(self) -> None:
        if self.rank == 0:
            write_matrices(self.folder, self.vectors, self.output, self.position)
