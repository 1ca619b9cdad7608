"""A recipe and a folder -> a trained run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch

from recurra.errors import Fault
from recurra.runs.folder import LAST, RECIPE
from recurra.runs.toml import read_toml
from recurra.storage.files import write_text
from recurra.train import checkpoint
from recurra.train.distributed import Processes
from recurra.train.loop import Loop
from recurra.train.recipe import Recipe, recipe_of, same_run


class Trained(NamedTuple):
    """What a training ended with.

    Attributes:
        folder: the run, ready for `recurra.load`.
        steps: batches used in all.
        best: {"step", "epoch", "metrics"} of the validation whose weights were kept.
        first: whether this is process 0, the one to speak.
    """

    folder: Path
    steps: int
    best: dict[str, Any]
    first: bool


def train(recipe: Recipe, folder: str | Path, *, resume: bool = False, quiet: bool = False) -> Trained:
    """Trains a recipe into a run folder.

    Args:
        folder: made anew; with `resume` also one that holds a run of this recipe, which then goes on where
            its last checkpoint stands and ends bit for bit where it would have ended without the break.
        quiet: shows no progress.

    Raises:
        Fault: data or settings that can't be used, a folder that is taken, a loss or gradient that is not
            finite (where the recipe stops for that), a full disk.
        KeyboardInterrupt: Ctrl-C or SIGTERM; what was reached is saved.
    """
    folder = Path(folder)
    _check_folder(recipe, folder, resume)
    torch.use_deterministic_algorithms(recipe.train.deterministic)
    processes = Processes(recipe.train)
    checkpoint.seed_all(recipe.train.seed, 0)
    task = recipe.prepare()
    loop = Loop(task, recipe.train, processes, folder, quiet)
    if processes.rank == 0:
        write_text(folder / RECIPE, recipe.to_text())
        task.save_assets(folder)
    processes.wait()
    loop.run()
    if loop.scores.best is None:
        raise Fault(f"{folder}: the validation's {task.score.metric} was never a number: no model was kept")
    return Trained(folder, loop.step, loop.scores.best, processes.rank == 0)


def resumable(folder: str | Path) -> Recipe:
    """The recipe that a run was started with."""
    path = Path(folder) / RECIPE
    if not path.is_file():
        raise Fault(f"{folder}: nothing to resume: it has no {RECIPE}")
    return recipe_of(read_toml(path), str(path))


def _check_folder(recipe: Recipe, folder: Path, resume: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise Fault(f"{folder}: is a file, expected a folder for the run")
    if resume:
        if (folder / RECIPE).is_file():
            same_run(resumable(folder), recipe)
        elif folder.is_dir() and any(folder.iterdir()):
            raise Fault(f"{folder}: holds no run to resume: it has no {RECIPE}")
    elif folder.is_dir() and any(folder.iterdir()):
        content = "a run" if (folder / RECIPE).is_file() else "other files"
        more = ", or go on with it by --resume" if (folder / LAST).is_dir() else ""
        raise Fault(f"{folder}: already holds {content}: choose another folder{more}")
