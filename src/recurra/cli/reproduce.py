"""`recurra reproduce`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Json
from recurra.cli.output import emit, table


def reproduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Figures, recipes or subjects; without any all of them, cheapest first.", show_default=False
        ),
    ] = None,
    folder: Annotated[
        Path, typer.Option("-o", "--output", help="The folder of all runs: FOLDER/NAME/seed-N.")
    ] = Path("runs"),
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1, help="Trainings of each figure; without it as many as it wants.", show_default=False
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            min=0, help="Hours; no training is begun that would take longer than is left.", show_default=False
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Train nothing: what there is, and how old.")] = False,
    write: Annotated[
        Path | None,
        typer.Option(
            help="A JSON file for all figures; those that are not trained here stay as they are in it."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train and measure published figures again; goes on where it stopped."""
    from recurra.reproduce import choose, lines, read_figures, summary
    from recurra.reproduce import reproduce as train_all
    from recurra.storage.files import read_json, write_json

    figures = read_figures()
    trainings = choose(figures, names or [])
    old = read_json(write) if write is not None and write.exists() else None

    def rows() -> dict[str, object]:
        return summary(figures, folder, old)

    if not show:
        for training, seed, record, reason in train_all(trainings, folder, seeds=seeds, hours=budget):
            text = "left out, " if record is None else ""
            scores = (
                {} if record is None else {m: record.scores[m] for f in training.figures for m in f.metric}
            )
            values = "  ".join(f"{name} {value:.6g}" for name, value in scores.items())
            print(
                f"{training.name}, seed {seed}: {text}{reason}  {values}".rstrip(),
                file=sys.stderr,
                flush=True,
            )
            if write is not None and record is not None:
                write_json(write, rows())
    every = rows()
    if write is not None:
        write_json(write, every)
    selection = {training.name for training in trainings}
    shown_rows = {key: row for key, row in every.items() if not names or key.split("/")[0] in selection}
    if as_json:
        emit(json.loads(json.dumps(shown_rows)))
    else:
        table(("figure", "wanted", "measured", "seeds", "reached", "measured on"), [*lines(shown_rows)])
