"""`recurra check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Changes, Json, Removals
from recurra.cli.output import emit, pairs


def check(
    recipe: Annotated[Path, typer.Argument(help="A recipe (TOML).", show_default=False)],
    changes: Changes = None,
    removals: Removals = None,
    as_json: Json = False,
) -> None:
    """Try a recipe against its data: sizes, lengths, memory, oddities, one step. Writes nothing."""
    from recurra.recipes import find_recipe
    from recurra.train import read_recipe
    from recurra.train.check import check

    trial = check(read_recipe(find_recipe(recipe), changes or [], removals or []))
    if as_json:
        emit(trial._asdict())
        return
    for note in trial.notes:
        print(note)
    pairs(trial.numbers, as_json=False)
