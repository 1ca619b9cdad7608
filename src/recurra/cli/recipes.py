"""`recurra recipes`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Json
from recurra.cli.output import emit, table

app = typer.Typer(help="Recipes that come with Recurra.", no_args_is_help=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def recipes(context: typer.Context) -> None:
    """Recipes that come with Recurra: `list` (also without a word), `show NAME`; `upgrade` one of yours."""
    if context.invoked_subcommand is None:
        names(as_json=False)


@app.command("list")
def names(as_json: Json = False) -> None:
    """Every recipe, whether it needs files, and what it is."""
    from recurra.recipes import needs_files, recipe_titles

    titles = recipe_titles()
    if as_json:
        emit(titles)
    else:
        rows = [(name, "files" if needs_files(name) else "none", title) for name, title in titles.items()]
        table(("recipe", "needs", "what it is"), rows)


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="Its name.", show_default=False)]) -> None:
    """A recipe's text."""
    from recurra.recipes import recipe_text

    print(recipe_text(name), end="")


@app.command("upgrade")
def upgrade(path: Annotated[Path, typer.Argument(help="Your recipe (TOML).", show_default=False)]) -> None:
    """Rewrite an old recipe of yours with today's names; comments and order stay."""
    from recurra.storage.files import read_small, write_text
    from recurra.storage.text import decode_text
    from recurra.storage.toml_text import MOST_BYTES
    from recurra.train.upgrade import upgraded

    result = upgraded(decode_text(read_small(path, MOST_BYTES), str(path), "utf-8"), str(path))
    if not result.changes:
        print(f"{path}: nothing to change")
        return
    write_text(path, result.text)
    for change in result.changes:
        print(change)
    if not result.whole:
        print(f"{path}: written anew: comments within it could not be kept")
