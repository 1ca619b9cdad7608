"""A recipe and a folder -> a trained run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch

from recurra.errors import Fault
from recurra.runs.digests import data_digests, recipe_digest
from recurra.runs.folder import LAST, RECIPE, SOURCE
from recurra.storage.files import write_text
from recurra.storage.models import seal_model
from recurra.storage.seals import Seal, seal_files
from recurra.storage.toml_text import read_toml
from recurra.tasks.base import Task
from recurra.train import checkpoint
from recurra.train.callbacks import Callbacks, Training
from recurra.train.distributed import Processes
from recurra.train.loop import Loop
from recurra.train.recipe import Recipe, recipe_of, same_run
from recurra.train.reporters import reporters_of
from recurra.train.start import begin


class Trained(NamedTuple):
    """What a training ended with.

    Attributes:
        folder: the run, ready for `recurra.load`.
        steps: updates in all.
        best: {"step", "epoch", "metrics"} of the validation whose weights were kept.
        first: whether this is process 0, the one to speak.
    """

    folder: Path
    steps: int
    best: dict[str, Any]
    first: bool


def train(
    recipe: Recipe,
    folder: str | Path,
    *,
    resume: bool = False,
    quiet: bool = False,
    callbacks: Iterable[Any] = (),
) -> Trained:
    """Trains a recipe into a run folder.

    Args:
        folder: made anew; with `resume` also one that holds a run of this recipe, which then goes on where
            its last checkpoint stands and ends bit for bit where it would have ended without the break.
        quiet: shows no progress.
        callbacks: see `recurra.train.Callback`.

    Raises:
        Fault: data or settings that can't be used, a folder that is taken, a loss or gradient that is not
            finite (where the recipe stops for that), a full disk.
        KeyboardInterrupt: Ctrl-C or SIGTERM; what was reached is saved.
    """
    folder = Path(folder)
    _check_folder(recipe, folder, resume)
    digests = data_digests(recipe.to_table())
    earlier = _earlier_digest(folder)
    torch.use_deterministic_algorithms(recipe.train.deterministic)
    processes = Processes(recipe.train)
    checkpoint.seed_all(recipe.train.seed, 0)
    reporters = reporters_of(recipe.train.reporters) if processes.rank == 0 else {}
    task, lines = begin(recipe, folder)
    hooks = Callbacks(Training(folder, recipe.to_table(), task), callbacks, reporters)
    loop = Loop(task, recipe.train, processes, folder, quiet, recipe.to_digest(), digests, earlier, hooks)
    loop.lines = lines
    if processes.rank == 0:
        if earlier not in (None, recipe.to_digest()) and checkpoint.exists(folder / LAST):
            checkpoint.rename_recipe(folder / LAST, recipe.to_digest())
        loop.seal = _describe(recipe, task, folder)
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


def _earlier_digest(folder: Path) -> str | None:
    """The digest of a run's recipe as its file has it: one of an older version lacks what is new in this one,
    or is of another format. None where there is no run.
    """
    path = folder / RECIPE
    return recipe_digest(read_toml(path)) if path.is_file() else None


def _describe(recipe: Recipe, task: Task, folder: Path) -> Seal:
    """Writes the recipe and what the task keeps, and seals a model that is there already with them."""
    write_text(folder / RECIPE, recipe.to_text())
    if recipe.text is not None and recipe.where != str(folder / RECIPE):
        write_text(folder / SOURCE, recipe.text)
    try:
        with TemporaryDirectory(prefix=".assets", dir=folder) as place:
            assets = Path(place)
            task.save_assets(assets)
            seal = Seal(recipe.to_digest(), seal_files(assets))
            for name in seal.files:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(assets / name, folder / name)
    except OSError as error:
        raise Fault(f"{folder}: can't be written: {error.strerror or error}") from None
    seal_model(folder, seal)
    return seal


def _check_folder(recipe: Recipe, folder: Path, resume: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise Fault(f"{folder}: is a file, expected a folder for the run")
    if resume:
        if (folder / RECIPE).is_file():
            last = folder / LAST
            data = checkpoint.read_data(last) if checkpoint.exists(last) else None
            same_run(resumable(folder), recipe, data)
        elif folder.is_dir() and any(folder.iterdir()):
            raise Fault(f"{folder}: holds no run to resume: it has no {RECIPE}")
    elif folder.is_dir() and any(folder.iterdir()):
        content = "a run" if (folder / RECIPE).is_file() else "other files"
        more = ", or go on with it by --resume" if (folder / LAST).is_dir() else ""
        raise Fault(f"{folder}: already holds {content}: choose another folder{more}")
