"""A recipe tried against its data before any time is spent on training."""

from __future__ import annotations

import sys
import time
from typing import Any, NamedTuple

from recurra.train import checkpoint
from recurra.train.averages import Averages
from recurra.train.distributed import Processes
from recurra.train.nests import leaves
from recurra.train.recipe import Recipe
from recurra.train.start import begin
from recurra.train.updates import Updates, planned_steps

_MIB = 2**20


class Trial(NamedTuple):
    """What a trial told.

    Attributes:
        notes: remarks on the data, one line each.
        numbers: sizes, memory (in MiB) and time (in seconds).
    """

    notes: list[str]
    numbers: dict[str, Any]


def check(recipe: Recipe) -> Trial:
    """Reads the data, builds the model and makes one step; writes nothing.

    Raises:
        Fault: as training would.
    """
    processes = Processes(recipe.train)
    checkpoint.seed_all(recipe.train.seed, 0)
    task, lines = begin(recipe)
    model = task.model
    processes.place(model)
    batches = task.batches(0)
    steps, per_epoch = planned_steps(recipe.train, max(1, len(batches)))
    updates = Updates(recipe.train, model, task.score, planned=steps, per_epoch=per_epoch)
    if recipe.train.average is not None and len(batches):
        Averages(recipe.train.average, model, task.score, planned=steps, per_epoch=per_epoch)
    numbers: dict[str, Any] = {
        "task": task.name,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "batches an epoch": len(batches),
        "steps": steps if len(batches) else 0,
    }
    if len(batches):
        started = time.perf_counter()
        model.train()
        with processes.fabric.autocast():
            loss = task.loss(batches[0], None)
        (loss.total / max(1, loss.items)).backward()  # type: ignore[no-untyped-call]
        updates.norm()
        updates.update(0)
        numbers["items in the first batch"] = loss.items
        numbers["first loss"] = float(loss.total.detach()) / max(1, loss.items)
        numbers["seconds of the first step"] = time.perf_counter() - started
    state = [*model.parameters(), *(w.grad for w in model.parameters() if w.grad is not None)]
    state.extend(leaves(updates.state()))
    numbers["weights, gradients and optimiser (MiB)"] = (
        sum(t.numel() * t.element_size() for t in state) / _MIB
    )
    peak = _peak_memory()
    if peak is not None:
        numbers["peak memory of the process (MiB)"] = peak
    notes = [*lines, *task.check()]
    if not len(batches):
        notes = [*notes, "the training data gives no batch: give more data, or make batches smaller"]
    return Trial(notes, numbers)


def _peak_memory() -> float | None:
    """MiB that this process has had at most; None where the system does not tell (Windows)."""
    try:
        import resource
    except ModuleNotFoundError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes
    return peak / (_MIB if sys.platform == "darwin" else 1024)
