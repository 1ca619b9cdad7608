"""One recipe with several seeds: how far its scores are from chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

from recurra.errors import Fault
from recurra.storage.fields import Fields
from recurra.storage.files import check_format, read_json, write_json
from recurra.storage.seals import value_digest
from recurra.train.interrupts import Interrupted
from recurra.train.recipe import Recipe
from recurra.train.run import resumable, train

FORMAT = 1
SUMMARY = "seeds.json"


class Spread(NamedTuple):
    """A score over several seeds.

    Attributes:
        mean, deviation: over the seeds; the deviation is that of a sample, by n - 1.
        values: of each seed, in order.
    """

    mean: float
    deviation: float
    values: list[float]


class Seeds(NamedTuple):
    """What several trainings of a recipe ended with.

    Attributes:
        folder: holds a run folder, `seed-N`, for each. seeds: in order.
        scores: name -> see `Spread`; each of a run's best validation.
    """

    folder: Path
    seeds: list[int]
    scores: dict[str, Spread]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        scores = {name: spread._asdict() for name, spread in self.scores.items()}
        return {"run": str(self.folder), "seeds": self.seeds, "scores": scores}


def train_seeds(
    recipe: Recipe,
    folder: str | Path,
    count: int,
    *,
    resume: bool = False,
    quiet: bool = False,
    say: Callable[[str], None] = print,
) -> Seeds:
    """Trains a recipe with so many seeds, one after another: `train.seed`, and each one more.

    Each run is what it would be alone. `seeds.json` in the folder says which have ended.

    Args:
        folder: made anew; with `resume` one that was begun by the same recipe: what has ended is not trained
            again, what was stopped goes on. It may have more seeds then.
        say: takes a line before each run.

    Raises:
        Fault: as `train`; several processes; less than two seeds; a folder of something else.
        Interrupted: a run was stopped; see `train`.
    """
    folder = Path(folder)
    if count < 2:
        raise Fault(f"{count} seeds found, expected at least 2")
    if recipe.train.devices > 1:
        raise Fault(f"train.devices = {recipe.train.devices}: several seeds are trained by one process each")
    first = recipe.train.seed
    ended = _ended(folder, recipe, resume)
    results: dict[int, dict[str, float]] = {}
    for seed in range(first, first + count):
        if str(seed) in ended:
            results[seed] = ended[str(seed)]
            continue
        own = with_seed(recipe, seed)
        run = folder / f"seed-{seed}"
        say(f"seed {seed} ({seed - first + 1} of {count})")
        try:
            trained = train(own, run, resume=run.exists(), quiet=quiet)
        except Interrupted:
            raise
        except Fault as fault:
            raise Fault(f"seed {seed}: {fault}") from fault
        ended[str(seed)] = results[seed] = dict(trained.best["metrics"])
        write_json(folder / SUMMARY, {"format": FORMAT, "recipe": _digest(recipe), "ended": ended})
    names = list(results[first])
    scores = {
        name: Spread(fmean(values), stdev(values), values)
        for name in names
        if len(values := [each[name] for each in results.values() if name in each]) == count
    }
    return Seeds(folder, list(results), scores)


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    """The recipe with another seed. Fault for one that is too large."""
    if seed >= 2**32:
        raise Fault(f"train.seed = {seed} found, expected a whole number below 2^32")
    text = None if recipe.text is None else f"{recipe.text.rstrip()}\n# --set train.seed={seed}\n"
    return replace(recipe, train=recipe.train.model_copy(update={"seed": seed}), text=text)


def resumable_seeds(folder: Path) -> Recipe:
    """The recipe that a folder of seeds was begun with. Fault where there is none."""
    seeds = sorted(int(path.name[5:]) for path in folder.glob("seed-*") if path.name[5:].isdigit())
    if not seeds:
        raise Fault(f"{folder}: no seeds to resume: it has no folder seed-N")
    return resumable(folder / f"seed-{seeds[0]}")


def _ended(folder: Path, recipe: Recipe, resume: bool) -> dict[str, dict[str, float]]:
    """Seed -> the scores of each run that has ended."""
    if folder.exists() and not folder.is_dir():
        raise Fault(f"{folder}: is a file, expected a folder for the runs")
    if not folder.is_dir() or not any(folder.iterdir()):
        return {}
    ours = (folder / SUMMARY).is_file() or any(folder.glob("seed-*"))
    if not resume:
        more = ", or go on with it by --resume" if ours else ""
        raise Fault(
            f"{folder}: already holds {'seeds' if ours else 'other files'}: choose another folder{more}"
        )
    if not ours:
        raise Fault(f"{folder}: no seeds to resume: it has no folder seed-N")
    if not (folder / SUMMARY).is_file():
        return {}
    content: dict[str, Any] = read_json(folder / SUMMARY)
    check_format(content, FORMAT, str(folder / SUMMARY))
    fields = Fields(content, str(folder / SUMMARY))
    if fields.text("recipe") != _digest(recipe):
        raise Fault(
            f"{folder}: holds seeds of another recipe: resume with the same, or choose another folder"
        )
    return {seed: dict(scores) for seed, scores in fields.table("ended").items()}


def _digest(recipe: Recipe) -> str:
    """Of all that scores depend on but the seed, the length of the training included."""
    train = recipe.train
    return value_digest([with_seed(recipe, 0).to_digest(), train.epochs, train.steps, train.patience])
