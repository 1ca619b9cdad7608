"""`recurra train`."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recurra.cli.arguments import Changes, Json, Removals
from recurra.cli.modules import IMPORTS
from recurra.cli.output import emit, pairs, table
from recurra.cli.signals import say
from recurra.errors import Fault

if TYPE_CHECKING:
    from recurra.train.seeds import Seeds


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
    device: Annotated[
        str | None,
        typer.Option(
            help="Where to train: auto, cpu, cuda, mps; as --set train.accelerator.", show_default=False
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            help="Train with so many seeds, one after another, into OUTPUT/seed-N; tells mean and spread.",
            show_default=False,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    as_json: Json = False,
) -> None:
    """Train a recipe into a run folder. Ctrl-C saves; --resume goes on from there."""
    from recurra.recipes import find_recipe
    from recurra.train import read_recipe, train
    from recurra.train.interrupts import Interrupted
    from recurra.train.run import resumable
    from recurra.train.seeds import resumable_seeds, train_seeds

    changes = [*(changes or []), *_device(device)]
    if recipe is None:
        if not resume:
            raise Fault("give a recipe: `recurra recipes` lists those that come with Recurra")
        if changes or removals or start_from:
            flag = "--unset" if not changes else "--set" if device is None else "--device"
            raise Fault(
                f"{flag if changes or removals else '--start-from'} needs the recipe: give it as well"
            )
        if output is None:
            raise Fault("--resume without a recipe needs the run folder: give it with -o")
        plan = resumable(output) if seeds is None else resumable_seeds(output)
    else:
        start = [] if start_from is None else [f"train.start_from={json.dumps(str(start_from))}"]
        plan = read_recipe(find_recipe(recipe), [*changes, *start], removals or [])
    plan = replace(plan, imports=tuple(dict.fromkeys([*plan.imports, *IMPORTS])))
    if output is None:
        if plan.train.devices > 1:  # each process would choose for itself
            raise Fault("train.devices: several processes need one run folder: give it with -o")
        output = _free_folder(recipe, resume)
        say(f"run folder: {output}")
    try:
        if seeds is not None:
            _tell_seeds(train_seeds(plan, output, seeds, resume=resume, quiet=quiet, say=say), as_json)
            return
        trained = train(plan, output, resume=resume, quiet=quiet)
    except Interrupted:
        more = "" if seeds is None else f"--seeds {seeds} "
        again = f"recurra train {more}--resume -o {shlex.quote(str(output))}"
        raise KeyboardInterrupt(f"; go on with: {again}") from None
    if trained.first:
        pairs(
            {"run": str(trained.folder), "steps": trained.steps, "best step": trained.best["step"]}
            | trained.best["metrics"],
            as_json,
        )


def _device(name: str | None) -> list[str]:
    """The change that trains there."""
    kind, _, number = (name or "").partition(":")
    if number and kind == "cuda":
        raise Fault(
            f"--device {name}: a training takes the first GPUs: CUDA_VISIBLE_DEVICES={number} says which"
        )
    return [] if name is None else [f'train.accelerator="{name}"']


def _tell_seeds(result: Seeds, as_json: bool) -> None:
    """Mean and spread of every score, and the score of each seed."""
    if as_json:
        emit(result.to_dict())
        return
    columns = ("score", "mean", "deviation", *(f"seed {seed}" for seed in result.seeds))
    table(columns, [[name, s.mean, s.deviation, *s.values] for name, s in result.scores.items()])


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
