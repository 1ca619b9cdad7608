"""`recurra new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.errors import Fault


def new(
    name: Annotated[
        str, typer.Argument(help="A recipe of `recurra recipes`; with --data a task.", show_default=False)
    ],
    path: Annotated[Path | None, typer.Argument(help="Where to; NAME.toml without it.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="Your own data: a table, CoNLL, texts, or a folder of recordings. Its columns are looked "
            "at, and all other settings stand in the recipe as comments.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Copy a recipe, or write one for a task and your own data, to be changed and trained."""
    from recurra.storage.files import write_text

    target = path or Path(f"{name}.toml")
    if target.exists():
        raise Fault(f"{target}: already exists: choose another name")
    if data is None:
        from recurra.recipes import recipe_text

        text = recipe_text(name)
    else:
        from recurra.train.draft import draft

        text = draft(name, data, target.parent).replace("THIS.toml", str(target))
    write_text(target, text)
    print(target)
