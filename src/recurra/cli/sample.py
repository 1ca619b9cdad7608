"""`recurra sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Device, Json, Run
from recurra.cli.output import emit
from recurra.errors import Fault


def sample(
    run: Run,
    prompt: Annotated[str, typer.Option(help="What it begins with.")] = "",
    length: Annotated[int | None, typer.Option(help="Tokens or steps at most.", min=1)] = None,
    temperature: Annotated[float | None, typer.Option(help="Below 1: likelier; above: bolder.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Only the k likeliest tokens.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Only the likeliest tokens up to this share.")] = None,
    beam: Annotated[
        int | None, typer.Option(help="Search the likeliest text, this many kept alive, instead of drawing.")
    ] = None,
    count: Annotated[int | None, typer.Option("-n", "--count", help="How many.", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file, where the task makes more than text.")
    ] = None,
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Let a generative model make something new: a language model writes on."""
    from recurra.cli.loading import load_run

    options = {
        "length": length,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "beam": beam,
        "count": count,
        "seed": seed,
        "output": output,
    }
    choices = {name: value for name, value in options.items() if value is not None}
    task = load_run(run, device)
    try:
        samples = task.sample(prompt, **choices)
    except TypeError as error:
        # a task lists its options in the signature; nothing is drawn yet
        raise Fault(f"{run}: sampling from a {task.name} model: {error}") from None
    for text in samples:
        if as_json:
            emit({"text": text})
        else:
            print(text)
