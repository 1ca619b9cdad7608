"""`recurra evaluate`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Changes, Device, Json, Removals, Run, Threshold
from recurra.errors import Fault


class Split(StrEnum):
    """A part of the recipe's data."""

    train = "train"
    validation = "validation"
    test = "test"


def evaluate(
    run: Run,
    split: Annotated[
        Split | None,
        typer.Option(help="The part of the recipe's data to measure; without it the validation data."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Measure another file of the same format instead (test: as --split test)."),
    ] = None,
    bootstrap: Annotated[
        int,
        typer.Option(
            min=0, help="Also the 95 % interval of each figure, by so many draws of the examples (1000, say)."
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of these draws.")] = 0,
    by_label: Annotated[
        bool,
        typer.Option(
            "--by-label", help="Also the figures of each label, and which labels were taken for which."
        ),
    ] = False,
    threshold: Threshold = None,
    best_threshold: Annotated[
        bool,
        typer.Option("--best-threshold", help="Also, of two labels, the threshold of each with the best F1."),
    ] = False,
    changes: Changes = None,
    removals: Removals = None,
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Measure a trained run. The first line says on which data; then comes one figure a line, with its unit
    and whether higher or lower is better. In JSON a figure in percent is a share, from 0 to 1.
    """
    from recurra.cli.loading import load_run
    from recurra.cli.measured import Sheet

    if split is not None and data is not None:
        raise Fault("give --split, a part of the recipe's data, or --data, another file, not both")
    task = load_run(run, device, changes, removals)
    if threshold is not None:
        task.set_threshold(threshold)
    sheet = Sheet(task, task.measure(data if split is None else split.value))
    if bootstrap:
        sheet.add_intervals(bootstrap, seed)
    if by_label:
        sheet.add_labels()
    if best_threshold:
        sheet.add_best_thresholds()
    sheet.show(as_json)
