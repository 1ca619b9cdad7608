"""`recurra encode`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Device, Run
from recurra.cli.output import emit
from recurra.cli.predict import Format, read_items
from recurra.errors import Fault


def encode(
    run: Run,
    items: Annotated[list[str] | None, typer.Argument(help="What to encode.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option("--file", help="One item a line; - is stdin.")] = None,
    among: Annotated[
        Path | None, typer.Option(help="One item a line: tell the nearest of these instead of the vector.")
    ] = None,
    nearest: Annotated[int, typer.Option(min=1, help="How many of them.")] = 5,
    form: Annotated[Format, typer.Option("--format", help="An item is text, or a JSON value.")] = Format.text,
    device: Device = "cpu",
) -> None:
    """Encode: the vector of each item, or its nearest neighbours; one line of JSON for each."""
    from recurra.cli.loading import load_run

    if items and file is not None:
        raise Fault("give items as arguments or --file, not both")
    task = load_run(run, device)
    inputs = read_items(items, file, form)
    answers = (
        task.encode(inputs) if among is None else task.nearest(inputs, read_items(None, among, form), nearest)
    )
    for answer in answers:
        emit(answer)
