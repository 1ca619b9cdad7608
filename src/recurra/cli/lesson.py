"""`recurra lesson`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Json
from recurra.cli.output import emit, table
from recurra.errors import Fault


def lesson(
    name: Annotated[
        str | None,
        typer.Argument(
            help="vanishing, exploding, surface, clipping, gates, truncation or memory; compare for the "
            "comparison of cells; none: what each is about.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The folder that its pictures go to.")
    ] = Path("."),
    dark: Annotated[bool, typer.Option("--dark", help="Pictures on dark ground.")] = False,
    steps: Annotated[
        str, typer.Option(help="Of compare: lengths of rows, as in --steps 10,50,200,1000.")
    ] = "10,50",
    minutes: Annotated[float, typer.Option(help="Of compare: how long it may take.", min=0)] = 10.0,
    seeds: Annotated[int, typer.Option(help="Of compare: trainings of each kind.", min=1)] = 3,
    file: Annotated[
        Path, typer.Option(help="Of compare: its results, which a second call goes on from.")
    ] = Path("comparison.json"),
    as_json: Json = False,
) -> None:
    """See gradients vanish and explode: train a small thing, draw it, and say what one sees."""
    if name == "compare":
        _compare(steps, minutes, seeds, file, as_json)
        return
    from recurra.inspect.lessons import NAMES, about
    from recurra.inspect.lessons import lesson as give

    if name is None:
        rows = [(each, about(each)) for each in NAMES]
        if as_json:
            emit([{"name": each, "about": text} for each, text in rows])
        else:
            table(("lesson", "about"), rows)
        return
    result = give(name, dark)
    paths = result.save(output)
    if as_json:
        emit({**result.to_dict(), "pictures": [str(path) for path in paths]})
        return
    print(result)
    for path, picture in zip(paths, result.pictures, strict=True):
        print(f"{path}: {picture.caption}")


def _compare(steps: str, minutes: float, seeds: int, file: Path, as_json: bool) -> None:
    from recurra.inspect.comparison import compare

    comparison = compare(
        _whole_numbers(steps),
        seeds=seeds,
        minutes=minutes,
        file=file,
        progress=lambda line: print(line, file=sys.stderr, flush=True),
    )
    if as_json:
        emit(comparison.to_dict())
        return
    table(*comparison.table())
    print(f"{file}: {comparison}")


def _whole_numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) <= 5 for part in parts):
        raise Fault(f"--steps is {text!r}: expected lengths of rows, as in --steps 10,50,200")
    return [int(part) for part in parts]
