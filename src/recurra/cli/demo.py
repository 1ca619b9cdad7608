"""`recurra demo`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Changes
from recurra.cli.output import pairs
from recurra.errors import Fault

PROMPTS = ("The ", "A class ", "If the object ")
MANUAL = "Python's own manual"
TEXT = "The value of the expression is a new object."


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="The run folder; replaced.")] = Path(
        "runs/demo"
    ),
    text: Annotated[
        Path | None,
        typer.Option("--data", help="A text of yours in place of the manual.", show_default=False),
    ] = None,
    changes: Changes = None,
) -> None:
    """Train a small character model on Python's own manual, and show what it learnt."""
    from recurra.recipes import FOLDER
    from recurra.reports.report import write_report
    from recurra.runs import load
    from recurra.runs.folder import RECIPE
    from recurra.tasks import TextStream
    from recurra.train import read_recipe, train

    if output.exists():
        if not (output / RECIPE).is_file():
            raise Fault(f"{output}: already there and no run folder: choose another with -o")
        shutil.rmtree(output)
    own = [] if text is None else [f"data.train={json.dumps(str(text))}"]
    recipe = read_recipe(FOLDER / "demo.toml", [*own, *(changes or [])])
    print(f"Training a character language model on {text or MANUAL} ...", flush=True)
    trained = train(recipe, output)
    if not trained.first:
        return
    task = load(output)
    print("\nOn the held-out tenth of the text:")
    pairs(task.evaluate(), as_json=False)
    samples = []
    print("\nIt writes:")
    for number, prompt in enumerate(PROMPTS):
        samples += list(task.sample(prompt, length=160, temperature=0.6, seed=number))
        print(f"  {samples[-1]!r}")
    print("\nIt reads, one character after another, and says what it expects next:")
    stream = task.open_stream()
    assert isinstance(stream, TextStream)
    for answer in stream.feed(TEXT[:12]):
        likely = "  ".join(f"{each['token']!r} {each['probability']:.0%}" for each in answer["next"])
        print(f"  {answer['token']!r} ({answer['surprisal_bits']:4.1f} bits)   next: {likely}")
    page = write_report(output, samples=samples, stream=TEXT)
    print(f"\nReport: {page}")
    print(f"Try:    recurra sample {output} --prompt 'The ' --temperature 0.7")
