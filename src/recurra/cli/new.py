"""`recurra new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.errors import Fault


def new(
    name: Annotated[str, typer.Argument(help="A recipe of `recurra recipes`.", show_default=False)],
    path: Annotated[Path | None, typer.Argument(help="Where to; NAME.toml without it.")] = None,
) -> None:
    """Copy a recipe, to be changed and trained."""
    from recurra.recipes import recipe_text
    from recurra.storage.files import write_text

    text = recipe_text(name)
    target = path or Path(f"{name}.toml")
    if target.exists():
        raise Fault(f"{target}: already exists: choose another name")
    write_text(target, text)
    print(target)
