"""`recurra predict`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from recurra.cli.arguments import Device, Run
from recurra.cli.output import emit
from recurra.errors import Fault


class Format(StrEnum):
    """How an item is written."""

    text = "text"
    json = "json"


def predict(
    run: Run,
    items: Annotated[
        list[str] | None, typer.Argument(help="What to predict for.", show_default=False)
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", help="One item a line; - is stdin.")] = None,
    form: Annotated[Format, typer.Option("--format", help="An item is text, or a JSON value.")] = Format.text,
    picture: Annotated[
        Path | None, typer.Option(help="Draw the answers into this file instead, where the task can.")
    ] = None,
    device: Device = "cpu",
) -> None:
    """Predict: items as arguments, from a file, or from stdin; one line of JSON for each."""
    from recurra.cli.loading import load_run

    if items and file is not None:
        raise Fault("give items as arguments or --file, not both")
    task = load_run(run, device)
    inputs = read_items(items, file, form)
    if picture is not None:
        task.picture(inputs, picture)
        return
    for answer in task.predict(inputs):
        emit(answer)


def read_items(items: list[str] | None, file: Path | None, form: Format) -> Iterator[Any]:
    """Items as arguments, else the lines of a file, or of stdin."""
    lines = ((f"argument {n}", item) for n, item in enumerate(items, 1)) if items else _lines(file)
    return (_item(where, text, form) for where, text in lines)


def _lines(file: Path | None) -> Iterator[tuple[str, str]]:
    if file is None or str(file) == "-":
        for number, line in enumerate(sys.stdin, 1):
            yield f"stdin:{number}", line.rstrip("\n")
        return
    try:
        with file.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                yield f"{file}:{number}", line.rstrip("\n")
    except UnicodeDecodeError as error:
        raise Fault(f"{file}: byte {error.start} is not UTF-8: expected a text file in UTF-8") from None
    except OSError as error:
        raise Fault(f"{file}: can't be read: {error.strerror or error}") from None


def _item(where: str, text: str, form: Format) -> Any:
    if form is Format.text:
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise Fault(f"{where}: not JSON: {error}") from None
