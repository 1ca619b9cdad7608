"""`recurra train`."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Changes, Json, Removals
from recurra.cli.modules import IMPORTS
from recurra.cli.output import pairs
from recurra.cli.signals import say
from recurra.errors import Fault


def train(
    recipe: Annotated[
        Path | None,
        typer.Argument(help="A recipe (TOML); may be left out with --resume.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="The run folder; without it runs/RECIPE, or runs/RECIPE-2, ... where that is taken.",
            show_default=False,
        ),
    ] = None,
    changes: Changes = None,
    removals: Removals = None,
    start_from: Annotated[
        Path | None,
        typer.Option(help="A run whose weights are the beginning, as far as they fit.", show_default=False),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    as_json: Json = False,
) -> None:
    """Train a recipe into a run folder. Ctrl-C saves; --resume goes on from there."""
    from recurra.recipes import find_recipe
    from recurra.train import read_recipe, train
    from recurra.train.interrupts import Interrupted
    from recurra.train.run import resumable

    if recipe is None:
        if not resume:
            raise Fault("give a recipe: `recurra recipes` lists those that come with Recurra")
        if changes or removals or start_from:
            flag = "--set" if changes else "--unset" if removals else "--start-from"
            raise Fault(f"{flag} needs the recipe: give it as well")
        if output is None:
            raise Fault("--resume without a recipe needs the run folder: give it with -o")
        plan = resumable(output)
    else:
        start = [] if start_from is None else [f"train.start_from={json.dumps(str(start_from))}"]
        plan = read_recipe(find_recipe(recipe), [*(changes or []), *start], removals or [])
    plan = replace(plan, imports=tuple(dict.fromkeys([*plan.imports, *IMPORTS])))
    if output is None:
        if plan.train.devices > 1:  # each process would choose for itself
            raise Fault("train.devices: several processes need one run folder: give it with -o")
        output = _free_folder(recipe, resume)
        say(f"run folder: {output}")
    try:
        trained = train(plan, output, resume=resume, quiet=quiet)
    except Interrupted:
        again = f"recurra train --resume -o {shlex.quote(str(output))}"
        raise KeyboardInterrupt(f"; go on with: {again}") from None
    if trained.first:
        pairs(
            {"run": str(trained.folder), "steps": trained.steps, "best step": trained.best["step"]}
            | trained.best["metrics"],
            as_json,
        )


def _free_folder(recipe: Path | None, resume: bool) -> Path:
    """The first run folder of a recipe's name that is not taken; with `resume` the last one that is."""
    name = "recipe" if recipe is None else recipe.stem
    free = last = Path("runs") / name
    number = 1
    while free.exists():
        last, number = free, number + 1
        free = Path("runs") / f"{name}-{number}"
    if resume and not last.exists():
        raise Fault(f"{last}: no run to resume: give its folder with -o")
    return last if resume else free
