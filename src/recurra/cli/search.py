"""`recurra search`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Changes, Json, Removals
from recurra.cli.output import emit, table
from recurra.cli.signals import say


def search(
    recipe: Annotated[Path, typer.Argument(help="A recipe (TOML).", show_default=False)],
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUES",
            help="A setting and its values: 64..512, 1e-4..1e-2 (by orders of magnitude beyond one; :log and "
            ":linear say which), 64..512:64 (in steps) or [lstm, gru] (may be repeated).",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[int, typer.Option(help="How many trainings in all.")] = 20,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The folder; without it runs/RECIPE-search.", show_default=False),
    ] = None,
    changes: Changes = None,
    removals: Removals = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a search that was stopped.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    as_json: Json = False,
) -> None:
    """Try settings of a recipe, by its validation data; the best ones become a recipe. Ctrl-C saves."""
    from recurra.recipes import find_recipe
    from recurra.train.interrupts import Interrupted
    from recurra.train.search import search

    folder = output or Path("runs") / f"{recipe.stem}-search"
    try:
        result = search(
            find_recipe(recipe),
            vary or [],
            folder,
            trials,
            changes=changes or [],
            removals=removals or [],
            resume=resume,
            say=(lambda line: None) if quiet else say,
        )
    except Interrupted:
        again = f"the same command with --resume -o {shlex.quote(str(folder))}"
        raise KeyboardInterrupt(f"; go on with {again}") from None
    keys = list(result.tries[0].settings)
    if as_json:
        emit(
            {"best": str(result.best), "metric": result.metric, "trials": [t._asdict() for t in result.tries]}
        )
        return
    rows = [
        [
            each.number,
            each.state,
            "" if each.score is None else each.score,
            *(each.settings[key] for key in keys),
        ]
        for each in result.tries
    ]
    table(("trial", "state", result.metric, *keys), rows)
    reasons = [each.reason for each in result.tries if each.reason]
    if reasons:
        say(f"{len(reasons)} of {len(rows)} trials failed; the last: {reasons[-1]}")
    print(f"best recipe: {result.best}")
