"""`recurra predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Changes, Dark, Device, File, Form, Format, Removals, Run
from recurra.errors import Fault, quoted


def predict(
    run: Run,
    items: Annotated[
        list[str] | None, typer.Argument(help="What to predict for.", show_default=False)
    ] = None,
    file: File = None,
    form: Form = Format.text,
    picture: Annotated[
        Path | None, typer.Option(help="Draw the answers into this file instead, where the task can.")
    ] = None,
    dark: Dark = False,
    answer_format: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="FORMAT", help="Write answers so instead of as JSON, where the task can."
        ),
    ] = None,
    changes: Changes = None,
    removals: Removals = None,
    device: Device = "cpu",
) -> None:
    """Predict: items as arguments, from a file, or from stdin; one line of JSON for each, as it comes. One
    that can't be answered has a line with its error, and the exit code is 2 in the end.
    """
    from recurra.cli.items import all_items, emit_answers, item_groups
    from recurra.cli.loading import load_run

    groups = item_groups(items, file, form)
    task = load_run(run, device, changes, removals)
    if picture is not None:
        task.picture(all_items(groups), picture, dark)
        return
    if answer_format is None:
        emit_answers(groups, task.row, task.answers)
        return
    if answer_format not in task.formats:
        others = f"--as {' or '.join(task.formats)}, or JSON" if task.formats else "JSON alone"
        raise Fault(f"--as {quoted(answer_format)}: a {task.name} model writes {others}")
    emit_answers(groups, task.row, task.answers, task.formats[answer_format])
