"""`recurra inspect`: look into a trained run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from recurra.cli.arguments import Json, Run
from recurra.cli.output import emit
from recurra.errors import Fault

if TYPE_CHECKING:
    from recurra.inspect.finding import Inspection

_WHOLE = "all"
_PARTS = {
    "gradient": "How much of the gradient reaches each earlier state.",
    "truncation": "What cutting the gradient short hides.",
    "jacobian": "Why: how a step stretches what passes through it.",
    "roads": "The gradient through an LSTM's cell, and beside it.",
    "gates": "Gates and states: stuck units, and their memory.",
    "probes": "Units that track quotes and places in the line of a text.",
}
"""Name -> what it shows, as `--help` says it: inspections that have no options of their own."""


class _RunFirst(TyperGroup):
    """A group whose first argument may be a run: it is inspected as a whole then."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else "--help"
        if first == "--help" or first in self.commands:
            return super().parse_args(ctx, args or [first])
        close = get_close_matches(first, self.commands, n=1)
        if close and not Path(first).exists():
            raise Fault(
                f"inspect {first}: neither a run folder nor an inspection: did you mean {close[0]!r}? "
                f"(recurra inspect --help shows how)"
            )
        return super().parse_args(ctx, [_WHOLE, *args])


app = typer.Typer(
    cls=_RunFirst,
    help=(
        "Look into a trained run: where its gradient reaches, what its gates do, and what to change.\n\n"
        "`recurra inspect RUN` makes every inspection and writes one page; `recurra inspect gradient RUN` "
        "makes one."
    ),
    subcommand_metavar="[INSPECTION] RUN [ARGS]...",
)

Rows = Annotated[
    int | None,
    typer.Option("--rows", min=1, help="Rows of the batch; without it the recipe's, 32 at most."),
]
Data = Annotated[
    Path | None,
    typer.Option("--data", help="A file like the training data; without it the training data itself."),
]
Page = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="The page; without it RUN/inspect.html, or none with --json.",
        show_default=False,
    ),
]
Picture = Annotated[
    Path | None,
    typer.Option("--picture", help="A .png to draw; further pictures are numbered: NAME-2.png, ..."),
]
Dark = Annotated[bool, typer.Option("--dark", help="Draw on dark ground.")]


@app.command(_WHOLE, help="All of them in one page; `inspect RUN` is short for it.")
def whole(run: Run, output: Page = None, rows: Rows = None, data: Data = None, as_json: Json = False) -> None:
    """All inspections in one page, the verdict first."""
    from recurra.inspect.page import inspect_run
    from recurra.inspect.run import open_run

    opened = open_run(run, rows, data)
    with _progress("inspections") as progress:
        inspection = inspect_run(opened, progress)
    page = None if as_json and output is None else inspection.write(output)
    if as_json:
        emit({**inspection.to_dict(), "page": None if page is None else str(page)})
        return
    print(inspection)
    print(page)


def _command(name: str) -> Callable[..., None]:
    """The command of one inspection."""

    def command(
        run: Run,
        picture: Picture = None,
        dark: Dark = False,
        rows: Rows = None,
        data: Data = None,
        as_json: Json = False,
    ) -> None:
        from recurra.inspect.inspections import inspect_one
        from recurra.inspect.run import open_run

        _check_picture(picture)
        _tell(name, inspect_one(open_run(run, rows, data), name), run, picture, dark, as_json)

    return command


for _name, _help in _PARTS.items():
    app.command(_name, help=_help)(_command(_name))


class Plane(StrEnum):
    """Where an error surface lies."""

    random = "random"
    gradient = "gradient"
    path = "path"


@app.command(help="The error around the weights: plains and walls.")
def surface(
    run: Run,
    plane: Annotated[
        Plane,
        typer.Option(
            help="Two random directions, the gradient and its perpendicular, or the path of the training."
        ),
    ] = Plane.random,
    points: Annotated[int, typer.Option(help="Points a side.")] = 25,
    file: Annotated[
        Path | None, typer.Option("--file", help="Where points are kept, so that a stopped one goes on.")
    ] = None,
    picture: Picture = None,
    dark: Dark = False,
    rows: Rows = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The error surface of a run."""
    from recurra.inspect.inspections import surface_of
    from recurra.inspect.run import open_run

    _check_picture(picture)
    opened = open_run(run, rows, data)
    with _progress("points") as progress:
        inspections = surface_of(opened, plane.value, points, file, progress)
    _tell("surface", inspections, run, picture, dark, as_json)


@app.command(help="Of a language model: P(was) against P(were), word by word through sentences.")
def choice(
    run: Run,
    sentences: Annotated[
        list[str], typer.Argument(help="What comes before the choice: 'The cats near the dog'.")
    ],
    words: Annotated[str, typer.Option(help="The words to choose from, as in --words was,were.")],
    picture: Picture = None,
    dark: Dark = False,
    as_json: Json = False,
) -> None:
    """When a language model decides between words."""
    from recurra.cli.loading import load_run
    from recurra.inspect.choice import choice as inspect_choice

    _check_picture(picture)
    options = [word.strip() for word in words.split(",") if word.strip()]
    _tell("choice", [inspect_choice(load_run(run, "cpu"), sentences, options)], run, picture, dark, as_json)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Shows a bar on stderr where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what)
        yield lambda ready, total: bar.update(task, completed=ready, total=total)


def _check_picture(path: Path | None) -> None:
    """Before any time is spent."""
    if path is not None and path.suffix != ".png":
        raise Fault(f"--picture {path}: found the ending {path.suffix!r}, expected .png")


def _tell(
    name: str, inspections: Sequence[Inspection], run: Path, picture: Path | None, dark: bool, as_json: bool
) -> None:
    from recurra.inspect.page import numbers, write_pictures
    from recurra.inspect.verdict import whole_verdict

    paths = [] if picture is None else write_pictures(inspections, picture, dark)
    if as_json:
        tables = [numbers(inspection) for inspection in inspections]
        emit({"run": str(run), name: tables, "pictures": [str(path) for path in paths]})
        return
    for line in [*(finding.text for finding in whole_verdict(inspections)), *paths]:
        print(line)
