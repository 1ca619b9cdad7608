"""Arguments that several commands take."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How an item is written."""

    text = "text"
    json = "json"
    conllu = "conllu"


def _local(run: Path) -> Path:
    """The folder of a run; one on the hub is fetched."""
    if not run.as_posix().startswith("hf:/"):
        return run
    from recurra.runs.hub import run_folder

    return run_folder(run)


Run = Annotated[
    Path,
    typer.Argument(
        help="A run folder, as `recurra train` makes it, or hf://user/name.",
        show_default=False,
        callback=_local,
    ),
]
Device = Annotated[str, typer.Option(help="Where to run: cpu, cuda, cuda:1, mps.")]
Dark = Annotated[bool, typer.Option("--dark", help="Draw on dark ground.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a setting, as in --set train.epochs=3 (may be repeated)."
    ),
]
Removals = Annotated[
    list[str] | None,
    typer.Option(
        "--unset",
        metavar="KEY",
        help="Leave out what the recipe sets, as in --unset train.patience (may be repeated).",
    ),
]
Threshold = Annotated[
    str | None,
    typer.Option(
        metavar="[LABEL=]P",
        help="Give a label only where its probability is at least P; LABEL=P: this label from P on.",
    ),
]
File = Annotated[Path | None, typer.Option("--file", help="One item a line; - is stdin.")]
Form = Annotated[
    Format,
    typer.Option(
        "--format",
        help="An item is text, a JSON value, or the words of a sentence in CoNLL-U.",
    ),
]
