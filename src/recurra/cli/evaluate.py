"""`recurra evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Changes, Device, Json, Removals, Run
from recurra.cli.output import pairs
from recurra.errors import Fault


def evaluate(
    run: Run,
    data: Annotated[
        Path | None,
        typer.Option(help="A file like the training data; without it the recipe's validation data."),
    ] = None,
    changes: Changes = None,
    removals: Removals = None,
    device: Device = "cpu",
    as_json: Json = False,
    blind: Annotated[
        bool,
        typer.Option(
            "--blind",
            help="Of answers to questions: beside those of twins that see the question, or the evidence, "
            "alone; they are trained into the run the first time.",
        ),
    ] = False,
) -> None:
    """Measure a trained run on data."""
    if blind:
        from recurra.cli.blind import show_blind

        if changes or removals or device != "cpu":
            raise Fault(
                "--blind measures a run and its twins as they are: leave out --set, --unset, --device"
            )
        show_blind(run, data, as_json)
        return
    from recurra.cli.loading import load_run

    pairs(load_run(run, device, changes, removals).evaluate(data), as_json)
