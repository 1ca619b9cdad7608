"""`recurra evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from recurra.cli.arguments import Changes, Device, Json, Removals, Run
from recurra.cli.output import emit, pairs, table
from recurra.errors import Fault


def evaluate(
    run: Run,
    data: Annotated[
        Path | None,
        typer.Option(help="A file like the training data; without it the recipe's validation data."),
    ] = None,
    minimal_pairs: Annotated[
        Path | None,
        typer.Option(
            "--pairs",
            help="Of a language model: a file of pairs of sentences, one right and one wrong (in BLiMP's "
            "form, or columns good and bad); prints by test how often the right one is likelier.",
        ),
    ] = None,
    changes: Changes = None,
    removals: Removals = None,
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Measure a trained run on data."""
    from recurra.cli.loading import load_run

    if minimal_pairs is not None:
        if data is not None:
            raise Fault(f"--pairs {minimal_pairs}: stands for --data: give one of them")
        _pairs(load_run(run, device, changes, removals).pair_scores(minimal_pairs), as_json)
        return
    pairs(load_run(run, device, changes, removals).evaluate(data), as_json)


def _pairs(scores: Any, as_json: bool) -> None:
    if as_json:
        emit(scores.to_dict())
        return
    rows = [
        (*row[:4], _percent(row.accuracy), row.words_known, _percent(row.accuracy_known))
        for row in scores.rows()
    ]
    table(("phenomenon", "test", "pairs", "ties", "right", "all words known", "right of these"), rows)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"
