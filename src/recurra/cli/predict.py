"""`recurra predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Changes, Dark, Device, File, Form, Format, Removals, Run, Threshold


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
            "--as",
            metavar="FORMAT",
            help="How answers are written: jsonl (JSON, one a line), csv, tsv, text, or one of the task.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file that gets the answers, whole or not at all."),
    ] = None,
    threshold: Threshold = None,
    anomalies: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Of a forecast run: which steps surprise more than this share of the validation's, as 0.99.",
        ),
    ] = None,
    changes: Changes = None,
    removals: Removals = None,
    device: Device = "cpu",
) -> None:
    """Predict: items as arguments, from a file, or from stdin; one line of JSON for each, as it comes, or
    what --as says. One that can't be answered has a line with its error, and the exit code is 2 in the end.
    """
    from recurra.cli.items import all_items, emit_answers, item_groups
    from recurra.cli.loading import load_run
    from recurra.cli.writers import stdout_has_unicode, writer
    from recurra.tasks.base import Answering

    groups = item_groups(items, file, form)
    task = load_run(run, device, changes, removals)
    if threshold is not None:
        task.set_threshold(threshold)
    if picture is not None:
        task.picture(all_items(groups), picture, dark)
        return
    source: Answering = task if anomalies is None else task.anomalies(anomalies)
    write = writer(answer_format, source, output is not None or stdout_has_unicode())
    emit_answers(groups, source.row, source.answers, write, output)
