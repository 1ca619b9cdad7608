"""`recurra bench`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Json
from recurra.cli.output import emit


def bench(
    parts: Annotated[
        list[str] | None, typer.Argument(help="training, steps, memory, growth; none: all of them.")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the figures go, as JSON.")] = Path(
        "bench.json"
    ),
    one_thread: Annotated[
        bool, typer.Option(help="Also with one thread; promised figures are those of all threads.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Measure every figure of the README on this machine."""
    from recurra.bench.run import PARTS, run_bench, write_bench

    results = run_bench(lambda line: print(line, file=sys.stderr, flush=True), parts or PARTS, one_thread)
    write_bench(results, output)
    if as_json:
        emit({name: part for name, part in results.items() if name != "tables"})
        return
    for title, lines in results["tables"].items():
        print(f"\n{title}")
        print("\n".join(lines) if isinstance(lines, list) else lines)
