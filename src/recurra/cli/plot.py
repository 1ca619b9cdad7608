"""`recurra plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Changes, Dark, Device, File, Form, Format, Removals, Run
from recurra.errors import Fault


def plot(
    run: Run,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The picture: a .png, .svg or .pdf.", show_default=False)
    ],
    items: Annotated[
        list[str] | None,
        typer.Argument(help="What to draw the answers to; without it examples of the validation data."),
    ] = None,
    file: File = None,
    form: Form = Format.text,
    data: Annotated[
        str | None,
        typer.Option(help="Draw examples of this file like the training data, or of the recipe's test data."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many examples, evenly spaced.")] = 4,
    dark: Dark = False,
    changes: Changes = None,
    removals: Removals = None,
    device: Device = "cpu",
) -> None:
    """Draw what a run answers: tags over words, attention, forecasts with their bands, alignments, trees."""
    from recurra.cli.items import all_items, item_groups
    from recurra.cli.loading import load_run
    from recurra.storage.figures import check_ending

    check_ending(output)
    own = bool(items) or file is not None
    if own and data is not None:
        raise Fault("give items to draw, or --data, not both")
    values = all_items(item_groups(items, file, form)) if own else None
    load_run(run, device, changes, removals).picture(values, output, dark, data=data, count=count)
