"""What a run folder holds, and the task of one."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

import recurra.tasks  # noqa: F401  (registers every task)
from recurra.errors import Fault, UnknownName, quoted, unknown_name
from recurra.runs.changes import changed, require_changeable
from recurra.runs.digests import recipe_digest
from recurra.runs.hub import run_folder
from recurra.runs.keys import has_key
from recurra.runs.migration import FORMAT, migrated
from recurra.runs.sections import read_section
from recurra.signatures import check_argument, fits
from recurra.storage.files import check_format
from recurra.storage.models import CONFIG, load_model, read_seal
from recurra.storage.toml_text import read_toml
from recurra.tasks.base import TASKS, Options, Task

RECIPE = "recipe.toml"  # as resolved: every setting with its value
SOURCE = "recipe.source.toml"  # as the person wrote it, and what the command line changed
LAST = "last"  # the checkpoint a run is resumed from
LOG = "log.jsonl"
METRICS = "metrics.json"
TENSORBOARD = "tensorboard"
VECTORS = "vectors.safetensors"  # in a folder of word vectors

_LOGGER = logging.getLogger("recurra")


def task_class(table: dict[str, Any], where: str) -> type[Task]:
    """The task that a recipe names."""
    if not isinstance(table.get("task"), str):
        raise Fault(
            f"{where}: task = {quoted(table.get('task'))} found, expected one of: {', '.join(sorted(TASKS))}"
        )
    try:
        task: type[Task] = TASKS[table["task"]]
        return task.kind_of(table)
    except Fault as fault:
        raise Fault(f"{where}: {fault}") from None


@contextmanager
def telling_imports(recipe: Mapping[str, Any]) -> Iterator[None]:
    """Within it a name that is not known is told with what the recipe's `imports` say may register it."""
    try:
        yield
    except Fault as fault:
        imports = recipe.get("imports")
        if (name := unknown_name(fault)) is None or not isinstance(imports, list) or not imports:
            raise
        flags = " ".join(f"--import {each}" for each in map(str, imports))
        raise UnknownName(
            f"{fault}; the recipe was used with {flags}: give the same again, before the command's name "
            f"(`recurra {flags} ...`), or from Python import it first",
            name,
        ) from fault


def run_recipe(content: dict[str, Any], where: str) -> tuple[dict[str, Any], type[Task]]:
    """The recipe of a run in this format, and its task.

    Args:
        content: as its file holds it, in this format or an older one.
    """
    number = check_format(content, FORMAT, where)
    task = task_class(content, where)
    if number == FORMAT:
        return content, task
    return migrated(content, {"data": task.DataOptions, "model": task.ModelOptions}, where).table, task


def load(
    run: str | Path,
    device: str | torch.device = "cpu",
    changes: Sequence[str] = (),
    removals: Sequence[str] = (),
) -> Task:
    """The trained task of a run folder: ready to predict, evaluate and, where it can, sample and stream.

    Reads the best model, the recipe and what the task keeps beside them (vocabularies, labels); no training
    data, and nothing is executed. All of it is compared with the digests that the training wrote; in the
    recipe, where data lies and how long to train may be edited. A run of an earlier version has no such
    digests: Python's `logging` is told so, as information.

    Args:
        run: its folder, or `hf://user/name`, a run on the Hugging Face Hub; see `recurra.runs.hub`.
        changes: `section.key=value` of what the task names as changeable (how answers are searched for, what
            is measured); the run stays as it is. removals: keys whose defaults count.

    Raises:
        Fault: not a run folder, one of a newer format, not trained yet, or a file is missing or altered.
    """
    folder = run_folder(run)
    where = str(folder / RECIPE)
    if not (folder / RECIPE).exists():
        vectors = ": it holds word vectors: ask `recurra vectors`" if (folder / VECTORS).exists() else ""
        raise Fault(f"{folder}: not a run folder: it has no {RECIPE}{vectors}")
    content = read_toml(folder / RECIPE)
    with telling_imports(content):
        table, task = run_recipe(content, where)
    sections = {"data": task.DataOptions, "model": task.ModelOptions}
    require_changeable(changeable_keys(task), changes, removals, sections)
    table = changed(table, changes, removals, where)
    data = read_section(task.DataOptions, table.get("data", {}), "data", where)
    model = read_section(task.ModelOptions, table.get("model", {}), "model", where)
    seed = _seed(table, where)
    if not (folder / CONFIG).exists():
        raise Fault(f"{folder}: holds no model yet: let the training reach its first validation")
    with telling_imports(content):
        module = load_model(folder, device)
    seal = read_seal(folder)
    if seal is None:
        _LOGGER.info(
            "%s: trained by an earlier version, without digests of its files: whether one has changed since "
            "can't be told",
            folder,
        )
    elif seal.recipe != recipe_digest(content):
        raise Fault(
            f"{where}: does not belong to the weights beside it: a setting was changed, or it is another "
            f"run's; only where data lies and how long to train may differ"
        )
    return restore_task(task, data, model, module, folder, seed)


def changeable_keys(task: type[Task]) -> list[str]:
    """What may change of a trained run of a task: keys, and tables with all in them."""
    sections = {"data": task.DataOptions, "model": task.ModelOptions}
    return [key for key in task.changeable if has_key(sections[key.split(".")[0]], key.split(".")[1:])]


def restore_task(
    task: type[Task], data: Options, model: Options, module: nn.Module, folder: Path, seed: int
) -> Task:
    """The task of a run folder's model, by options that may name other data than its recipe.

    Raises:
        Fault: a file of the run is missing, altered or of another task.
    """
    try:
        check_argument(task.restore, "module", module)
    except Fault as fault:
        raise Fault(
            f"{folder / CONFIG}: a {task.name} run: {fault}: one of its files is another run's"
        ) from None
    # a task of a user's own may be one that was written before tasks were told their seed
    seeded = {"seed": seed} if "seed" in inspect.signature(task.restore).parameters else {}
    try:
        return task.restore(data, model, module, folder, **seeded)
    except Fault:
        raise
    except Exception as error:
        raise Fault(
            f"{folder}: its files do not fit together ({type(error).__name__}: {error}): "
            "one is damaged or from another version"
        ) from error


def _seed(table: dict[str, Any], where: str) -> int:
    train = table.get("train", {})
    seed = train.get("seed", 0) if isinstance(train, dict) else train
    if not fits(seed, int) or not 0 <= seed < 2**32:
        raise Fault(f"{where}: train.seed = {quoted(seed)} found, expected a whole number below 2^32")
    return int(seed)
