"""`recurra sample`."""

from __future__ import annotations

from typing import Annotated

import typer

from recurra.cli.arguments import Device, Json, Run
from recurra.cli.output import emit


def sample(
    run: Run,
    prompt: Annotated[str, typer.Option(help="What the text begins with.")] = "",
    length: Annotated[int, typer.Option(help="Tokens at most.", min=1)] = 200,
    temperature: Annotated[float, typer.Option(help="Below 1: likelier tokens; above: bolder ones.")] = 1.0,
    top_k: Annotated[int | None, typer.Option(help="Only the k likeliest tokens.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Only the likeliest tokens up to this share.")] = None,
    beam: Annotated[
        int | None, typer.Option(help="Search the likeliest text, this many kept alive, instead of drawing.")
    ] = None,
    count: Annotated[int, typer.Option("-n", "--count", help="How many texts.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same text.")] = 0,
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Let a language model write on."""
    from recurra.cli.loading import load_run

    drawn = load_run(run, device, "sample").sample(
        prompt,
        count=count,
        length=length,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        beam=beam,
        seed=seed,
    )
    for text in drawn:
        if as_json:
            emit({"text": text})
        else:
            print(text)
