"""Where the time of a training step goes."""

from __future__ import annotations

import time
from statistics import median
from typing import NamedTuple

import torch

from recurra.errors import Fault
from recurra.timing import measured, part
from recurra.train import checkpoint
from recurra.train.distributed import Processes
from recurra.train.recipe import Recipe
from recurra.train.updates import Updates

DATA, FORWARD, BACKWARD, UPDATE = "data", "forward: all else", "backward: all else", "optimiser"
_WARMING = 2
_SQUARE = 1024


class Share(NamedTuple):
    """One part of a step.

    Attributes:
        share: of the time of all steps.
        milliseconds: a step.
        of_matrix_product: speed of the products counted in it, relative to torch's own product of two
            1024 x 1024 matrices measured beside it; None where none were counted.
    """

    part: str
    share: float
    milliseconds: float
    of_matrix_product: float | None


def profile(recipe: Recipe, steps: int = 20) -> list[Share]:
    """Makes training steps on a fresh model and real batches, and measures their parts; writes nothing.

    Products inside the native engine are counted; those of other parts (a head, an embedding) are not.

    Returns:
        parts, the longest first. Those of the loop over time are there where the engine tells them apart;
        what autograd runs of torch's own is in "backward: all else".

    Raises:
        Fault: as training would.
    """
    processes = Processes(recipe.train)
    checkpoint.seed_all(recipe.train.seed, 0)
    task = recipe.prepare()
    processes.place(task.model)
    batches = task.batches(0)
    if not len(batches):
        raise Fault("the training data gives no batch: give more data, or make batches smaller")
    updates = Updates(recipe.train, task.model, task.score, planned=steps, per_epoch=len(batches))
    task.model.train()

    def step(number: int) -> None:
        with part(DATA):
            batch = batches[number % len(batches)]
        with part(FORWARD), processes.fabric.autocast():
            loss = task.loss(batch, None)
        with part(BACKWARD):
            (loss.total / max(1, loss.items)).backward()  # type: ignore[no-untyped-call]
        with part(UPDATE):
            updates.norm()
            updates.update(number)
            updates.forget()

    for number in range(_WARMING):
        step(number)
    limit = _speed_of_products()
    with measured() as times:
        for number in range(steps):
            step(number)
    total = sum(times.seconds.values())
    return [
        Share(
            name,
            seconds / total,
            1000 * seconds / steps,
            times.operations[name] / seconds / limit if times.operations[name] else None,
        )
        for name, seconds in sorted(times.seconds.items(), key=lambda pair: -pair[1])
    ]


def _speed_of_products() -> float:
    """Operations a second of torch's product of two square matrices."""
    square = torch.randn(_SQUARE, _SQUARE)
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        torch.mm(square, square)
        seconds.append(time.perf_counter() - start)
    return 2 * _SQUARE**3 / median(seconds)
