"""`recurra encode`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Device, File, Form, Format, Run
from recurra.cli.output import emit


def encode(
    run: Run,
    items: Annotated[list[str] | None, typer.Argument(help="What to encode.", show_default=False)] = None,
    file: File = None,
    among: Annotated[
        Path | None, typer.Option(help="One item a line: tell the nearest of these instead of the vector.")
    ] = None,
    nearest: Annotated[int, typer.Option(min=1, help="How many of them.")] = 5,
    form: Form = Format.text,
    device: Device = "cpu",
) -> None:
    """Encode: the vector of each item, or its nearest neighbours; one line of JSON for each."""
    from recurra.cli.items import all_items, emit_answers, item_groups
    from recurra.cli.loading import load_run
    from recurra.cli.writers import stdout_has_unicode, writer

    groups = item_groups(items, file, form)
    task = load_run(run, device)
    if among is None:
        list(task.encodings([]))  # refused before an item is read, where the model makes no vectors
        emit_answers(groups, task.row, task.encodings, writer(None, task, stdout_has_unicode()))
        return
    others = all_items(item_groups(None, among, form))
    for answer in task.nearest(all_items(groups), others, nearest):
        emit(answer)
