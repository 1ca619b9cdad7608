"""What `recurra vectors train` has around the training: signals, other processes, what a terminal shows."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from recurra.vectors import Progress, Start
from recurra.vectors.folder import TENSORS

OnStart = Callable[[Start], None]
OnProgress = Callable[[Progress], None]


@contextmanager
def naming_resume(run: Path) -> Iterator[None]:
    """An interruption that the run has survived says how it goes on."""
    try:
        yield
    except KeyboardInterrupt:
        if not (run / TENSORS).exists():
            raise
        line = f"; go on with: recurra vectors train --resume -o {shlex.quote(str(run))}"
        raise KeyboardInterrupt(line) from None


@contextmanager
def process_group() -> Iterator[None]:
    """Joins the other processes where torchrun started several."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield
        return
    import torch.distributed as dist

    dist.init_process_group("gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


@contextmanager
def display(*, quiet: bool) -> Iterator[tuple[OnStart, OnProgress | None]]:
    """What to call before and during training: a bar on a terminal, one line a tenth of the way elsewhere."""
    console = Console()
    if quiet:
        yield lambda start: None, None
    elif console.is_terminal:
        columns = (
            BarColumn(),
            TextColumn("{task.percentage:.0f}%"),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
        )
        with Bar(*columns, console=console) as bar:
            yield _print_start, _bar_mover(bar)
    else:
        yield _print_start, _tenths_printer()


def _print_start(start: Start) -> None:
    typer.echo(
        f"{start.words:,} words, {start.vocabulary:,} in the vocabulary, {start.threads} threads, "
        f"{start.memory / 2**20:,.0f} MiB of memory"
    )


def _bar_mover(bar: Bar) -> OnProgress:
    task = bar.add_task("", total=1.0)

    def move(progress: Progress) -> None:
        bar.update(task, completed=progress.done, description=_pace(progress))

    return move


def _tenths_printer() -> OnProgress:
    tenths = 0

    def print_tenth(progress: Progress) -> None:
        nonlocal tenths
        if int(progress.done * 10) > tenths:
            tenths = int(progress.done * 10)
            typer.echo(f"{progress.done:.0%}  {_pace(progress)}")

    return print_tenth


def _pace(progress: Progress) -> str:
    return f"{progress.words_per_second:,.0f} words/s  loss {progress.loss:.4f}"
