"""`recurra push`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def push(
    run: Annotated[Path, typer.Argument(help="A run folder of this machine.", show_default=False)],
    repository: Annotated[str, typer.Argument(help="Where to: user/name.", show_default=False)],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the files and the card, and send nothing.")
    ] = False,
    license: Annotated[
        str | None, typer.Option(help="Of the model, as the hub calls it: apache-2.0.")
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Only you may see the repository, if it is made now.")
    ] = False,
    message: Annotated[str, typer.Option(help="Of the commit.")] = "Upload by Recurra",
) -> None:
    """Send a run to the Hugging Face Hub: the model, its recipe, a card; no data, checkpoints or logs.

    Then `recurra predict hf://user/name` and every other command that takes a run read it from there.
    """
    from recurra.cli.output import table
    from recurra.reports.push import prepared
    from recurra.reports.push import push as send

    if dry_run:
        with prepared(run, repository, license) as upload:
            table(("file", "bytes"), [(name, f"{size:,}") for name, size in upload.sizes.items()])
            print(f"\n{upload.card}")
        return
    print(send(run, repository, license=license, private=private, message=message))
