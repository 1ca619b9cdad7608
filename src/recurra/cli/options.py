"""`recurra options`."""

from __future__ import annotations

from typing import Annotated

import typer

from recurra.cli.arguments import Json
from recurra.cli.output import emit, table


def options(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="A task, and a section or key of it; or train, source, a format, a cell, an optimiser.",
            show_default=False,
        ),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="The whole reference as Markdown.")] = False,
    as_json: Json = False,
) -> None:
    """Every setting that a recipe may have: what it takes, its default, what it means.

    For example: recurra options tag; recurra options tag model; recurra options train.optimiser;
    recurra options csv lstm AdamW.
    """
    from recurra.train.reference import overview, reference
    from recurra.train.settings import groups_of

    if markdown:
        print(reference(), end="")
        return
    if not names:
        rows = overview()
        if as_json:
            emit(dict(rows))
        else:
            table(("recurra options ...", "what it is"), rows)
        return
    groups = groups_of(names)
    if as_json:
        emit({group.name: [row._asdict() for row in group.settings] for group in groups})
        return
    for number, group in enumerate(groups):
        if number:
            print()
        print(f"{group.name}: {group.about}")
        table(("key", "takes", "default", "what it is"), group.settings)
