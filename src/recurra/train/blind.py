"""Blind twins: models that are trained as a run was, and see its questions alone, or its evidence alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from recurra.errors import Fault
from recurra.runs import load
from recurra.runs.folder import RECIPE
from recurra.runs.toml import to_toml
from recurra.storage.toml_text import parse_toml
from recurra.train.recipe import Recipe, recipe_of
from recurra.train.run import resumable, train

TWINS = ("question", "evidence")
"""What each twin sees; its run is in the folder `blind-SEES` of the run."""


def blind_scores(
    run: str | Path, data: str | Path | None = None, *, quiet: bool = False
) -> Mapping[str, Mapping[str, float]]:
    """What a run and its twins reach on the same data: "both", "question" and "evidence" -> metrics.

    A twin that is not there is trained, one that was interrupted goes on, and one that is ready is read
    again.

    Args:
        data: as for `Task.evaluate`.
        quiet: shows no progress.

    Raises:
        Fault: the run's task has no twins, or its training data are gone.
    """
    run = Path(run)
    if not (run / RECIPE).is_file():
        raise Fault(f"{run}: not a run folder: it has no {RECIPE}")
    recipe = resumable(run)
    scores = {"both": dict(load(run).evaluate(data))}
    for sees in TWINS:
        twin, folder = twin_recipe(recipe, sees, run), run / f"blind-{sees}"
        train(twin, folder, resume=folder.exists(), quiet=quiet)
        scores[sees] = dict(load(folder).evaluate(data))
    return scores


def twin_recipe(recipe: Recipe, sees: str, run: Path) -> Recipe:
    """The same recipe for a model that sees one side. Fault where there are no two."""
    table = recipe.to_table()
    if "sees" not in table["model"] or table["data"].get("evidence") == "none":
        raise Fault(
            f"{run}: a {recipe.task.name} model has no blind twins: they are of questions (task answer) "
            f"about something"
        )
    if table["model"]["sees"] != "both":
        raise Fault(f"{run}: sees the {table['model']['sees']} alone: it is blind itself")
    table["model"]["sees"] = sees
    where = f"{run}: its twin that sees the {sees} alone"
    # as a file would say it, so that what is left out is left out
    return recipe_of(parse_toml(to_toml(table).encode(), where), where)
