"""`recurra evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Changes, Device, Json, Removals, Run
from recurra.cli.output import pairs


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
) -> None:
    """Measure a trained run on data."""
    from recurra.cli.loading import load_run

    pairs(load_run(run, device, changes, removals).evaluate(data), as_json)
