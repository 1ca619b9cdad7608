"""Training word vectors, from files to a run folder."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from recurra.errors import Fault
from recurra.vectors.corpus import corpus_files
from recurra.vectors.folder import (
    SETTINGS,
    TENSORS,
    Position,
    Settings,
    read_matrix,
    read_position,
    read_settings,
    read_words,
    write_settings,
    write_words,
)
from recurra.vectors.memory import initial_matrices, memory_needed
from recurra.vectors.options import Options
from recurra.vectors.phrases import join
from recurra.vectors.progress import Progress, Report, Start
from recurra.vectors.ranks import merge_counts, rank_and_world
from recurra.vectors.session import Session
from recurra.vectors.vocabulary import count_words, vocabulary, write_numbers

OnStart = Callable[[Start], object]
OnProgress = Callable[[Progress], object]


def train(
    corpus: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    run: str | os.PathLike[str],
    options: Options | None = None,
    *,
    threads: int | None = None,
    on_start: OnStart | None = None,
    on_progress: OnProgress | None = None,
    save_every: float = 600.0,
    average_every: int = 1_000_000,
) -> Report:
    """Trains word vectors on text files and folders (gzip, bzip2 and xz too) and writes the folder ``run``.

    With one thread, a seed repeats bit for bit. ``save_every`` seconds, and on Ctrl-C, the run is saved, and
    ``resume`` goes on. Under ``torch.distributed`` each rank reads its own share of the corpus, and all are
    averaged every ``average_every`` words of a rank. Raises Fault for anything wrong with the input.
    """
    options = options or Options()
    paths = [corpus] if isinstance(corpus, str | os.PathLike) else list(corpus)
    rank, world = rank_and_world()
    if options.phrases and world > 1:
        raise Fault("phrases: joined on one machine only: set phrases to 0, or train in one process")
    files, folder, threads = corpus_files(paths), Path(run), _threads(threads)
    if (folder / SETTINGS).exists():
        raise Fault(f"{folder}: holds a run already: resume it, or name another folder")
    start = time.perf_counter()
    counter = count_words(files, options, threads, rank, world)
    if world > 1:
        counter = merge_counts(counter)
    words = counter.total
    table = vocabulary(counter, options)
    del counter
    count_end = time.perf_counter()
    numbers = _numbers(folder, rank)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_numbers(files, table, numbers, options, threads, rank, world)
        if options.phrases:
            table = join(numbers, table, options)
    except BaseException as error:
        for left in folder.glob(f"{numbers.name}*"):
            left.unlink()
        if isinstance(error, OSError | RuntimeError):
            raise Fault(f"{folder}: cannot be written: {error}") from None
        raise
    read_end = time.perf_counter()
    counts = table.counts()
    settings = Settings(options, words, world)
    if rank == 0:
        write_words(folder, table.words(), counts)
        write_settings(folder, settings)
    del table
    if on_start:
        on_start(Start(words, len(counts), memory_needed(len(counts), options, threads), threads))
    vectors, output = initial_matrices(len(counts), options)
    session = Session(folder, settings, counts, numbers, vectors, output, Position(0, 0, False))
    seconds, loss = session.run(threads, on_progress, save_every, average_every)
    whole = read_end - count_end + seconds
    return Report(
        words,
        len(counts),
        count_end - start,
        read_end - count_end,
        seconds,
        words * options.epochs / whole,
        loss,
    )


def resume(
    run: str | os.PathLike[str],
    *,
    threads: int | None = None,
    on_start: OnStart | None = None,
    on_progress: OnProgress | None = None,
    save_every: float = 600.0,
    average_every: int = 1_000_000,
) -> Report:
    """Goes on with an interrupted run. With one thread it ends bit for bit where an unbroken run ends."""
    folder, threads = Path(run), _threads(threads)
    settings = read_settings(folder)
    rank, world = rank_and_world()
    numbers = _numbers(folder, rank)
    if world != settings.world:
        raise Fault(f"{folder}: begun by {settings.world} processes, found {world}: resume it with as many")
    position = read_position(folder) if (folder / TENSORS).exists() else Position(0, 0, False)
    if position.complete:
        raise Fault(f"{folder}: its training is complete, there is nothing to resume")
    if not numbers.exists():
        raise Fault(f"{numbers}: is gone, and the run cannot go on without it: train anew")
    words, counts = read_words(folder)
    del words
    if on_start:
        memory = memory_needed(len(counts), settings.options, threads)
        on_start(Start(settings.words, len(counts), memory, threads))
    vectors, output = (
        (read_matrix(folder, "vectors", len(counts)), read_matrix(folder, "output", len(counts)))
        if (folder / TENSORS).exists()
        else initial_matrices(len(counts), settings.options)
    )
    session = Session(folder, settings, counts, numbers, vectors, output, position)
    start = session.progress
    seconds, loss = session.run(threads, on_progress, save_every, average_every)
    rate = settings.words * settings.options.epochs * (1 - start) / seconds
    return Report(settings.words, len(counts), 0.0, 0.0, seconds, rate, loss)


def _numbers(folder: Path, rank: int) -> Path:
    return folder / f"corpus.{rank}.numbers"


def _threads(threads: int | None) -> int:
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if threads < 1:
        raise Fault(f"threads: found {threads}, expected at least 1")
    return threads
